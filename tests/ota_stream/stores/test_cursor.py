import tempfile
from contextlib import closing, suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ota_stream.logs import groups
from ota_stream.logs.entries import timestamp
from ota_stream.logs.events import Wanted
from ota_stream.stores import log_intake, log_streams
from ota_stream.stores.cursor import Cursor
from ota_stream.stores.errors import StoreError
from ota_stream.stores.journal import Journal
from ota_stream.stores.log_events import FOREVER, StoredEvents
from ota_stream.stores.log_intake import Intake

GROUP, ACCOUNT = groups.REAL, "123456789012"
NAMES = [log_streams.build(1_000 * number, ACCOUNT, number) for number in range(1, 5)]
FULL = OSError(28, "No space left on device")


@pytest.fixture
def folder(data_dir: Path) -> Path:
    folder = log_streams.folder(data_dir, GROUP)
    folder.mkdir(parents=True)
    return folder


def put(folder: Path, number: int, content: bytes) -> Path:
    path = folder / f"{NAMES[number]}.jsonl"
    with path.open("ab") as file:
        file.write(content)
    return path


def lines(cursor: Cursor) -> list[str]:
    return [event.message for event in cursor.poll()]


def test_a_cursor_gives_what_is_new_and_waits_for_the_rest_of_a_line(data_dir, folder):
    told: list[str] = []
    cursor = Cursor(data_dir, GROUP, warn=told.append)
    assert lines(cursor) == []
    assert not cursor.anything()
    put(folder, 0, b"a\nb")
    assert lines(cursor) == ["a"]
    assert cursor.anything()
    assert lines(cursor) == []
    put(folder, 0, b"b\nc\n")
    put(folder, 1, b"d\n")
    assert lines(cursor) == ["bb", "c", "d"]
    assert lines(cursor) == []
    cursor.skip_torn_lines()
    assert told == []


def test_half_lines_are_skipped_and_told_once(data_dir, folder):  # R4
    told: list[str] = []
    put(folder, 0, b"a\nhal")
    put(folder, 1, b"b\nhal")
    cursor = Cursor(data_dir, GROUP, warn=told.append)
    assert lines(cursor) == ["a", "b"]
    cursor.skip_torn_lines()
    cursor.skip_torn_lines()
    assert len(told) == 1
    assert NAMES[0] in told[0]
    Cursor(data_dir, GROUP).skip_torn_lines()  # nobody asked to be told


def test_a_poll_left_in_the_middle_goes_on_where_it_was_left(data_dir, folder):
    put(folder, 0, b"a\nb\n")
    put(folder, 1, b"c\n")
    cursor = Cursor(data_dir, GROUP)
    poll = cursor.poll()
    assert next(poll).message == "a"
    poll.close()
    assert lines(cursor) == ["b", "c"]


def test_only_what_is_from_then_on_is_given(data_dir, folder):
    for at in range(5):
        put(folder, 0, b'{"timestamp":"%s"}\n' % timestamp(at).encode())
    cursor = Cursor(data_dir, GROUP, since=3000)
    assert [event.timestamp for event in cursor.poll()] == [3000, 4000]
    put(folder, 0, b'{"timestamp":"%s"}\n' % timestamp(5).encode())
    assert [event.timestamp for event in cursor.poll()] == [5000]


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("append"), st.integers(0, 40)),
        st.tuples(st.just("flush"), st.lists(st.one_of(st.integers(1, 60), st.just(FULL)), max_size=3)),
        st.tuples(st.just("poll"), st.none()),
        st.tuples(st.just("move"), st.integers(1, 3)),
        st.tuples(st.just("replace_writer"), st.none()),
        st.tuples(st.just("restart"), st.none()),
        st.tuples(st.just("kill"), st.none()),
    ),
    max_size=40,
)


class StandingClock:
    def wall(self) -> float:
        return 1e9

    monotonic = wall


class World:
    """A server, a writer and a follower of one log group; each step is a method."""

    def __init__(self, data_dir: Path, disk, rotate_at: int) -> None:
        self._data_dir = data_dir
        self._disk = disk
        self._rotate_at = rotate_at
        self._journal = self._start()
        self._intake = Intake(data_dir, GROUP, lambda _: None)
        self._events = StoredEvents(data_dir)
        self._follower = Cursor(data_dir, GROUP)
        self._complete = 0  # of the appended ones, how many lines are whole in a file
        self.appended: list[str] = []
        self.followed: list[str] = []

    def _start(self) -> Journal:
        return Journal(
            self._data_dir, GROUP, ACCOUNT, StandingClock(), rotate_at=self._rotate_at, write=self._disk.write
        )

    def append(self, length: int) -> None:
        self.appended.append(f"{len(self.appended)} " + "x" * length)
        self._journal.append(self.appended[-1].encode())

    def flush(self, plan: list) -> None:
        self._disk.plan = list(plan)
        with suppress(StoreError):
            self._journal.flush()
        self._disk.plan = []

    def poll(self, _: None = None) -> None:
        self.followed += lines(self._follower)

    def move(self, times: int) -> None:
        for _ in range(times):
            self._intake.take()

    def replace_writer(self, _: None) -> None:
        self._intake.close()

    def restart(self, _: None) -> None:
        self._journal.close()
        self._journal = self._start()

    def kill(self, _: None) -> None:
        self._journal._buffer.clear()  # what a killed process had not written
        self.restart(None)
        del self.appended[self._complete :]

    def complete(self) -> list[str]:
        while self._complete < len(self.appended) and self._journal.waiting <= self._size(
            self.appended[self._complete + 1 :]
        ):
            self._complete += 1
        return self.appended[: self._complete]

    @staticmethod
    def _size(lines: list[str]) -> int:
        return sum(len(line) + 1 for line in lines)

    def read(self) -> list[str]:
        return [event.message for event in self._events.read(GROUP, Wanted(start=0, end=FOREVER))]

    def end(self) -> None:
        self._journal.close()
        while self._intake.take():
            pass
        self.poll()

    def close(self) -> None:
        for each in (self._intake, self._events, self._follower):
            each.close()


@given(STEPS, st.integers(1, 200), st.integers(1, 200))
def test_readers_and_followers_get_exactly_the_complete_lines(disk_that, steps, rotate_at, portion):  # R2, R4, R8, R11
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(log_intake, "PORTION", portion)
        with closing(World(Path(folder), disk_that(), rotate_at)) as world:
            for step, argument in steps:
                getattr(world, step)(argument)
                assert world.read() == world.complete()
            world.end()
            assert world.read() == world.followed == world.appended
