"""Faults in the way of downloads over HTTP: a whole simulator, a real socket, what comes of a range of an image."""

import http.client
import json
import ssl
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from images import image_bytes
from live import RawClient, wait_until
from ota_stream.testing import LocalCloud

SIZE = 40_000  # nine blocks of 4096 bytes, and a short one
IMAGE = image_bytes(SIZE)
INVERTED = bytes(255 - byte for byte in IMAGE)


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[LocalCloud]:
    with LocalCloud(tmp_path / "data") as cloud:
        yield cloud


class Downloader:
    """What a device does with its URL."""

    def __init__(self, cloud: LocalCloud, thing: str = "t") -> None:
        self._cloud, self._thing = cloud, thing
        self.url = self.fresh()

    def fresh(self) -> str:
        """Take the URL of the job's document."""
        with RawClient(self._cloud.mqtt) as device:
            device.connect(self._thing)
            device.publish(f"$aws/things/{self._thing}/jobs/start-next", b"{}")
            ((_, payload),) = device.messages()
        (file,) = json.loads(payload)["execution"]["jobDocument"]["afr_ota"]["files"]
        return str(file["update_data_url"])

    def get(self, block: int | None, **headers: str) -> tuple[int, bytes, dict[str, str]]:
        """Get a block of 4096 bytes, or the whole. Raises HTTPException, OSError: what a bad line brings."""
        there = urlsplit(self.url)
        if block is not None:
            headers["Range"] = f"bytes={block * 4096}-{min((block + 1) * 4096, SIZE) - 1}"
        with closing(http.client.HTTPConnection(there.netloc, timeout=10)) as connection:
            connection.request("GET", f"{there.path}?{there.query}", headers=headers)
            answer = connection.getresponse()
            return answer.status, answer.read(), {name.lower(): value for name, value in answer.getheaders()}


@pytest.fixture
def device(cloud: LocalCloud) -> Downloader:
    cloud.create_update(IMAGE, "t", protocol="HTTP")
    return Downloader(cloud)


def injected(cloud: LocalCloud) -> list[dict[str, Any]]:
    return cloud.records(action="InjectedFault")


def block(number: int, image: bytes = IMAGE) -> bytes:
    return image[number * 4096 : (number + 1) * 4096]


def test_a_lost_download_ends_before_its_answer_and_the_next_one_comes(
    cloud: LocalCloud, device: Downloader, caplog: pytest.LogCaptureFixture
):
    cloud.faults.add("drop", blocks=7, attempts=1)
    assert device.get(6)[:2] == (206, block(6))
    with pytest.raises(http.client.RemoteDisconnected):
        device.get(7)
    assert device.get(7)[:2] == (206, block(7))
    (entry,) = injected(cloud)
    assert (entry["thingName"], entry["kind"], entry["details"]) == ("t", "drop", "drop: 1 of GetObject, blocks 7")
    assert entry["topicName"].startswith("firmware/")
    assert caplog.records == [], "the server takes it for no error of its own"


def test_a_download_ends_in_the_middle_of_its_body(
    cloud: LocalCloud, device: Downloader, caplog: pytest.LogCaptureFixture
):
    cloud.faults.add("truncate", keep=1000, blocks=2, times=1)
    with pytest.raises(http.client.IncompleteRead) as error:
        device.get(2)
    assert (error.value.partial, error.value.expected) == (block(2)[:1000], 3096)
    assert device.get(2)[:2] == (206, block(2))
    assert caplog.records == []


def test_a_bit_of_a_download_is_wrong(cloud: LocalCloud, device: Downloader):
    cloud.faults.add("corrupt", bit=9, blocks="9-")
    right = block(9)
    assert device.get(9)[:2] == (206, right[:1] + bytes((right[1] ^ 2,)) + right[2:])
    assert device.get(8)[1] == block(8)


@pytest.mark.parametrize("status", [403, 404, 416, 429, 500, 503])
def test_a_download_is_refused_with_any_status(cloud: LocalCloud, device: Downloader, status: int):
    cloud.faults.add("reject", code=status, message="not now", times=1)
    refused = device.get(0)
    assert (refused[0], json.loads(refused[1])) == (status, {"message": "not now"})
    assert device.get(0)[:2] == (206, block(0))


def test_a_late_download_comes_when_its_time_has_come(cloud: LocalCloud, device: Downloader):
    cloud.clock.freeze()
    cloud.faults.add("delay", seconds=30)
    with ThreadPoolExecutor(1) as aside:
        late = aside.submit(device.get, 3)
        wait_until(lambda: len(injected(cloud)) == 1)
        cloud.clock.step(29)
        assert not late.done()
        cloud.clock.step(2)
        assert late.result(10)[:2] == (206, block(3))


@pytest.mark.parametrize(("fault", "members"), [("drip", {"seconds": 2}), ("throttle", {"rate": 512})])
def test_a_slow_download_comes_piece_by_piece(cloud: LocalCloud, device: Downloader, fault: str, members: Any):
    cloud.clock.freeze()
    cloud.faults.add(fault, **members)
    with ThreadPoolExecutor(1) as aside:
        slow = aside.submit(device.get, 0)
        wait_until(lambda: len(injected(cloud)) == 1)
        steps = 0
        while not slow.done():
            cloud.clock.step(0.5)
            steps += 1
        assert slow.result()[:2] == (206, block(0))
    assert steps >= 8, "4096 bytes are 8 seconds at 512 a second, and 3 pauses of 2 seconds"


def test_who_waits_in_vain_may_go(cloud: LocalCloud, device: Downloader):
    cloud.clock.freeze()
    cloud.faults.add("delay", seconds=80_000, times=1)
    there = urlsplit(device.url)
    with closing(http.client.HTTPConnection(there.netloc, timeout=10)) as connection:
        connection.request("GET", f"{there.path}?{there.query}")
        wait_until(lambda: len(injected(cloud)) == 1)
    assert device.get(0)[0] == 206


def test_the_object_is_another_one_in_mid_download(cloud: LocalCloud, device: Downloader):
    etag = device.get(0)[2]["etag"]
    cloud.faults.add("etag-change", blocks="5-")
    assert device.get(4)[2]["etag"] == etag
    status, body, headers = device.get(5)
    assert (status, body, headers["etag"] == etag) == (206, block(5, INVERTED), False)
    status, body, headers = device.get(5, **{"If-Range": etag})
    assert (status, body) == (200, INVERTED)
    assert "content-range" not in headers


def test_a_server_that_knows_no_ranges_sends_the_whole(cloud: LocalCloud, device: Downloader):
    cloud.faults.add("ignore-range", times=1)
    status, body, headers = device.get(5)
    assert (status, body, headers["content-length"]) == (200, IMAGE, str(SIZE))
    assert device.get(5)[0] == 206


def test_a_download_without_a_range_is_one_of_all_blocks(cloud: LocalCloud, device: Downloader):
    cloud.faults.add("reject", code="503", blocks=9, attempts=1)
    assert [device.get(None)[0] for _ in range(2)] == [503, 200]
    (entry,) = injected(cloud)
    assert entry["details"] == "reject: 1 of GetObject, blocks 0, 1, 2, 3, 4, 5, 6, 7, 8, 9"


def test_faults_are_for_the_thing_whose_url_it_is(cloud: LocalCloud):
    cloud.create_update(IMAGE, "t", "u", protocol="HTTP")
    t, u = Downloader(cloud), Downloader(cloud, "u")
    cloud.faults.add("reject", code=503, thing="u")
    assert (t.get(0)[0], u.get(0)[0]) == (206, 503)
    cloud.faults.clear()
    cloud.faults.add("url-expired", thing="u", attempts=1, blocks=3)
    assert [u.get(2)[0], t.get(3)[0], u.get(3)[0], u.get(3)[0], t.get(3)[0]] == [206, 206, 403, 403, 206]
    u.url = u.fresh()
    assert u.get(3)[0] == 206


@pytest.mark.parametrize(
    "members",
    [
        {"fault": "drop", "operation": "GetStream"},
        {"fault": "drop", "stream": "*"},
        {"fault": "drop", "direction": "request"},
        {"fault": "drop", "object_key": "other/*"},
        {"fault": "corrupt", "what": "length"},
        {"fault": "reject", "code": "InternalError"},
        {"fault": "reorder"},
    ],
)
def test_what_is_not_for_downloads_lets_them_pass(cloud: LocalCloud, device: Downloader, members: dict[str, str]):
    cloud.faults.add(**members)
    assert device.get(0)[:2] == (206, block(0))
    assert injected(cloud) == []


def test_faults_of_downloads_add_up_in_their_order(cloud: LocalCloud, device: Downloader):
    for kind in ("corrupt", "truncate"):
        cloud.faults.add(kind, operation="GetObject")
    with pytest.raises(http.client.IncompleteRead) as error:
        device.get(0)
    assert error.value.partial == bytes((IMAGE[0] ^ 1,)) + IMAGE[1:16]
    assert [entry["kind"] for entry in injected(cloud)] == ["corrupt", "truncate"]


def test_a_device_gets_its_image_over_a_bad_line(cloud: LocalCloud):
    update = cloud.create_update(IMAGE, "t", protocol="HTTP")
    cloud.faults.add("truncate", operation="GetObject", attempts=1, share=0.5, seed=2)
    cloud.faults.add("reject", code=503, attempts=1, share=0.5, seed=3)
    device = cloud.device("t", speaks=("HTTP",), retry_after=0.05)
    outcome = device.run()
    assert outcome is not None
    assert (outcome.value, update.status("t"), device.runs) == ("SUCCEEDED", "SUCCEEDED", IMAGE)
    assert {entry["kind"] for entry in injected(cloud)} == {"truncate", "reject"}


def test_a_connection_is_closed_by_tls_as_well(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    with LocalCloud(tmp_path / "data", tls=True) as cloud:
        cloud.create_update(IMAGE, "t", protocol="HTTP")
        there = urlsplit(Downloader(cloud).url)
        cloud.faults.add("drop", operation="GetObject", attempts=1)
        cloud.faults.add("truncate", operation="GetObject", keep=1000)
        place = cloud._simulator.endpoints["https"]
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE

        def get() -> bytes:
            with closing(http.client.HTTPSConnection(**place, timeout=10, context=context)) as connection:
                connection.request("GET", f"{there.path}?{there.query}", headers={"Range": "bytes=0-4095"})
                return connection.getresponse().read()

        with pytest.raises(http.client.RemoteDisconnected):
            get()
        with pytest.raises(http.client.IncompleteRead) as error:
            get()
    assert error.value.partial == IMAGE[:1000]
    assert caplog.records == []
