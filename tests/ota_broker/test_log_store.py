"""Records from the answer into rows, through real processes: whichever is killed, each answered request has one."""

import contextlib
import json
import os
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from live import RawClient, wait_until
from ota_stream.logs.events import Wanted
from ota_stream.stores.log_events import FOREVER, StoredEvents
from ota_stream.stores.log_writer import LOCK
from processes import Process, serve

GROUP = "AWSIotLogsV2"
GET = "$aws/things/d/streams/fw/get/json"

pytestmark = pytest.mark.timeout(300)  # seven simulators one after the other, beside others


@pytest.fixture
def events(tmp_path: Path) -> Iterator[StoredEvents]:
    with contextlib.closing(StoredEvents(tmp_path / "data")) as events:
        yield events


class Life:
    """One life of a server and its writer, and the requests that were answered in it."""

    def __init__(self, process: Process, data_dir: Path, tokens: list[str]) -> None:
        self.process = process
        self._lock = data_dir / LOCK
        self._tokens = tokens
        self._client = RawClient(process.address)
        self._client.connect("d")

    def ask(self, count: int) -> None:
        for _ in range(count):
            token = str(len(self._tokens))
            self._client.publish(GET, b'{"f":0,"l":256,"n":1,"c":"%b"}' % token.encode())
            self._client.receive()
            self._tokens.append(token)

    def writer(self) -> int:
        """Return the process id of the writer once it is at work."""
        wait_until(lambda: self._lock.is_file() and is_child(self._written(), self.process.popen.pid), "a writer")
        return self._written()

    def _written(self) -> int:
        return int(self._lock.read_text().strip() or "-1")

    def kill_writer(self) -> None:
        os.kill(self.writer(), signal.SIGKILL)

    def close(self) -> None:
        self._client.socket.close()


def is_child(pid: int, parent: int) -> bool:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1]) == parent
    except OSError:
        return False


@contextlib.contextmanager
def life(firmware: Path, data_dir: Path, tokens: list[str]) -> Iterator[Life]:
    with serve(firmware, data_dir) as process, contextlib.closing(Life(process, data_dir, tokens)) as one:
        yield one


def kept(events: StoredEvents) -> list[str]:
    return [(event.entry() or {})["clientToken"] for event in events.read(GROUP, Wanted(start=0, end=FOREVER))]


def moved(events: StoredEvents) -> int:
    return sum(each.lines for each in events._rows_of(GROUP).taken())


def server(one: Life) -> None:
    one.process.kill()


def writer(one: Life) -> None:
    one.kill_writer()
    one.ask(50)
    one.process.stop()


def both(one: Life) -> None:
    one.kill_writer()
    one.process.kill()


def neither(one: Life) -> None:
    one.process.stop()


@pytest.mark.parametrize("victim", [server, writer, both])
def test_whoever_is_killed_each_answered_request_has_one_record(
    firmware, tmp_path, events, victim: Callable[[Life], None]
):  # R2
    tokens: list[str] = []
    for number in range(6):
        with life(firmware, tmp_path / "data", tokens) as one:
            one.writer()
            one.ask(60)
            if number % 2:  # with rows in this life, and without
                before = moved(events)
                one.ask(1)
                wait_until(lambda before=before: moved(events) > before, "rows")
            one.ask(10 * number)
            victim(one)
        assert Counter(kept(events)) == Counter(tokens)
    with life(firmware, tmp_path / "data", tokens) as one:
        one.ask(1)
        one.writer()
        assert one.process.stop() == 0
    assert kept(events) == tokens
    assert moved(events) == len(tokens)
    assert len(list((tmp_path / "data" / "logs" / GROUP).glob("*.jsonl"))) <= 1


def test_a_writer_that_dies_is_told_and_started_again(firmware, tmp_path, events):
    tokens: list[str] = []
    with life(firmware, tmp_path / "data", tokens) as one:
        first = one.writer()
        for _ in range(2):
            one.kill_writer()
            one.ask(5)
            wait_until(lambda: moved(events) == len(tokens), "moved by another")
        assert one.writer() != first
        assert one.process.stop() == 0
        assert "log writer: it has ended; records wait in the journal; next try in 0.1 s" in one.process.err
    assert kept(events) == tokens


def test_an_orderly_end_leaves_everything_in_rows_and_says_nothing(firmware, tmp_path, events):
    tokens: list[str] = []
    with life(firmware, tmp_path / "data", tokens) as one:
        one.writer()
        one.ask(100)
        assert one.process.stop(signal.SIGINT) == 0
        assert one.process.err == ""
    assert moved(events) == 100
    assert json.loads(next(iter(events.read(GROUP, Wanted(start=0, end=FOREVER)))).message)["clientToken"] == "0"


def test_a_server_that_answers_durably_answers(firmware, tmp_path, events):
    with serve(firmware, tmp_path / "data", "--durable") as process, RawClient(process.address) as client:
        client.connect("d")
        client.publish(GET, b'{"f":0,"l":256,"n":1,"c":"x"}')
        client.receive()
        process.kill()
    assert kept(events) == ["x"]
