"""Downloads by HTTP: what is asked for, what is made of each answer, a job that is cancelled in the middle."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from device_world import document, firmware
from ota_device import web
from ota_device.document import Ignored, Job, Unfit, read
from ota_device.download import State
from ota_device.flavours import FREERTOS
from ota_device.orders import Get
from ota_device.ranges import Ranges
from ota_stream.jobs.executions import Status
from scenarios.live_cloud import Board, live

URL = "http://127.0.0.1/firmware/app.bin?Expires=1"
IMAGE = firmware(size=10_000)
QUICK = replace(FREERTOS, unanswered_max=2, speaks=("MQTT", "HTTP"))


def answered(asked: Get) -> tuple[int, bytes]:
    return 206, IMAGE[asked.start : asked.end]


def test_one_block_after_the_other_and_the_last_one_is_short():
    ranges = Ranges(URL, len(IMAGE), QUICK, 0b111)
    asked, got = ranges.start(0.0), b""
    while asked is not None:
        piece = ranges.on_answer(*answered(asked), 0.0)
        assert piece is not None
        got += piece.data
        asked = ranges.on_time(0.0)
    assert (got, ranges.state, ranges.deadline, ranges.received) == (IMAGE, State.DONE, None, 3)


@given(st.integers(0, 0b111))
def test_only_what_is_missing_is_asked_for(missing: int):
    ranges, starts = Ranges(URL, len(IMAGE), QUICK, missing), []
    asked = ranges.start(0.0)
    while asked is not None:
        starts.append(asked.start // 4096)
        ranges.on_answer(*answered(asked), 0.0)
        asked = ranges.on_time(0.0)
    assert starts == [number for number in range(3) if missing >> number & 1]
    assert ranges.state is State.DONE


@pytest.mark.parametrize("answer", [(200, IMAGE), (206, b"short"), (403, b""), web.NO_ANSWER])
def test_what_brings_no_block_is_asked_for_again_and_at_last_given_up(answer: tuple[int, bytes]):
    ranges = Ranges(URL, len(IMAGE), QUICK, 0b111)
    first = ranges.start(0.0)
    assert ranges.on_answer(*answer, 0.0) is None
    assert ranges.on_time(9.9) is None
    assert ranges.on_time(10.0) == first
    assert ranges.on_answer(*answer, 10.0) is None
    assert (ranges.on_time(20.0), ranges.state) == (None, State.FAILED)


@pytest.mark.parametrize(
    ("offered", "speaks", "url"),
    [
        (["MQTT", "HTTP"], ("MQTT", "HTTP"), None),
        (["MQTT", "HTTP"], ("HTTP", "MQTT"), URL),
        (["HTTP"], ("MQTT", "HTTP"), URL),
        (["MQTT"], ("HTTP", "MQTT"), None),
    ],
)
def test_the_device_takes_the_first_protocol_of_its_own_that_is_offered(offered, speaks, url):
    verdict = judged(offered, speaks, update_data_url=URL)
    assert isinstance(verdict, Job)
    assert verdict.url == url


def test_what_it_cannot_have_it_fails():
    for verdict in (judged(["HTTP"], ("MQTT",), update_data_url=URL), judged(["HTTP"], ("HTTP",))):
        assert isinstance(verdict, Unfit)


def judged(offered: list[str], speaks: tuple[str, ...], **changes: str) -> Job | Unfit | Ignored:
    said = document(IMAGE, ota={"protocols": offered}, **changes)
    verdict = read(json.dumps({"execution": {"jobId": "j", "jobDocument": said}}).encode(), 10**6, speaks=speaks)
    assert isinstance(verdict, Job | Unfit | Ignored)
    return verdict


class Serves(BaseHTTPRequestHandler):
    """A server with an image that knows ranges, or nothing of the kind."""

    def do_GET(self) -> None:
        first, last = self.headers["Range"].removeprefix("bytes=").split("-")
        body = IMAGE[int(first) : int(last) + 1]
        self.send_response(206 if self.path == "/app.bin?v=1" else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None: ...  # noqa: A002 - its name there


@pytest.fixture
def server() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Serves) as opened:
        thread = Thread(target=opened.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{opened.server_port}"
        opened.shutdown()
        thread.join()


def test_a_range_over_the_wire(server: str):
    assert web.get(f"{server}/app.bin?v=1", 4096, 8192) == (206, IMAGE[4096:8192])
    assert web.get(f"{server}/other.bin", 0, 1) == (404, b"")


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/app.bin", "http://127.0.0.1:x/", "nonsense", ""])
def test_nobody_there_is_no_answer(url: str):
    assert web.get(url, 0, 1) == web.NO_ANSWER


def test_a_job_that_is_cancelled_in_mid_download_is_given_up(tmp_path):
    with live(tmp_path) as cloud:
        board = Board(cloud, flavour=QUICK)
        first = cloud.update(firmware(size=50 * 4096), protocols=("HTTP",))

        def meanwhile() -> None:
            cloud.cancel(first)
            cloud.update(firmware(), "u2")

        board.at, board.act = 10 * 4096, meanwhile
        board.run()
        assert cloud.of(first).status is Status.CANCELED
        assert cloud.of("AFR_OTA-u2").status is Status.SUCCEEDED
        assert board.runs == firmware()
        (said,) = [line for line in board.lines if line.startswith(f"job {first}: given up after ")]
        assert int(said.split()[-2]) < 50, "it looks between two ranges"
