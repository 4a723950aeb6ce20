import os
import tempfile
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ota_stream.stores import log_streams
from ota_stream.stores.cursor import Cursor, LogEvent, read
from ota_stream.stores.errors import StoreError
from ota_stream.stores.journal import Journal

GROUP, ACCOUNT = "AWSIotLogsV2", "123456789012"
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


def lines(cursor: Cursor) -> list[bytes]:
    return [event.line for event in cursor.poll()]


def test_log_streams_are_read_in_order_line_by_line(data_dir, folder):
    put(folder, 1, b"c\n\nd\n")
    put(folder, 0, b"a\nb\n")
    assert list(read(data_dir, GROUP)) == [
        LogEvent(NAMES[0], b"a"),
        LogEvent(NAMES[0], b"b"),
        LogEvent(NAMES[1], b"c"),
        LogEvent(NAMES[1], b""),
        LogEvent(NAMES[1], b"d"),
    ]


@pytest.mark.parametrize("group", ["AWSIotLogsV2", "AWSIoTLogsV2"])
def test_either_spelling_finds_the_same_records(data_dir, folder, group):  # G-9
    put(folder, 0, b"a\n")
    assert [event.line for event in read(data_dir, group)] == [b"a"]


def test_nothing_is_read_where_nothing_is(data_dir):  # LG-4
    assert list(read(data_dir, GROUP)) == []


def test_half_lines_are_skipped_and_told_once(data_dir, folder):  # R4
    told: list[str] = []
    put(folder, 0, b"a\nhal")
    put(folder, 1, b"b\nhal")
    assert [event.line for event in read(data_dir, GROUP, warn=told.append)] == [b"a", b"b"]
    assert len(told) == 1
    assert NAMES[0] in told[0]


def test_whole_files_are_not_told_about(data_dir, folder):
    told: list[str] = []
    put(folder, 0, b"a\n")
    put(folder, 1, b"")
    assert len(list(read(data_dir, GROUP, warn=told.append))) == 1
    assert told == []


def test_a_cursor_gives_what_is_new_and_waits_for_the_rest_of_a_line(data_dir, folder):
    told: list[str] = []
    cursor = Cursor(data_dir, GROUP, warn=told.append)
    assert lines(cursor) == []
    put(folder, 0, b"a\nb")
    assert lines(cursor) == [b"a"]
    assert lines(cursor) == []
    put(folder, 0, b"b\nc\n")
    put(folder, 1, b"d\n")
    assert lines(cursor) == [b"bb", b"c", b"d"]
    assert lines(cursor) == []
    assert told == []


def test_a_cursor_gives_up_a_half_line_when_the_next_file_is_there(data_dir, folder):
    told: list[str] = []
    cursor = Cursor(data_dir, GROUP, warn=told.append)
    put(folder, 0, b"hal")
    assert (lines(cursor), told) == ([], [])
    put(folder, 1, b"a\n")
    assert lines(cursor) == [b"a"]
    assert len(told) == 1


def test_a_poll_left_in_the_middle_goes_on_where_it_was_left(data_dir, folder):
    put(folder, 0, b"a\nb\n")
    put(folder, 1, b"c\n")
    cursor = Cursor(data_dir, GROUP)
    poll = cursor.poll()
    assert next(poll).line == b"a"
    poll.close()
    assert lines(cursor) == [b"b", b"c"]


def test_a_file_emptied_by_hand_is_read_from_its_new_beginning(data_dir, folder):
    cursor = Cursor(data_dir, GROUP)
    path = put(folder, 0, b"long line\n")
    assert lines(cursor) == [b"long line"]
    os.truncate(path, 0)
    put(folder, 0, b"a\n")
    assert lines(cursor) == [b"a"]


def test_a_file_removed_while_others_are_read_is_passed_over(data_dir, folder):
    put(folder, 0, b"a\n")
    gone = put(folder, 1, b"b\n")
    put(folder, 2, b"c\n")
    cursor = Cursor(data_dir, GROUP)
    poll = cursor.poll()
    assert next(poll).line == b"a"
    gone.unlink()
    assert [event.line for event in poll] == [b"c"]


def test_files_last_written_before_since_are_passed_over(data_dir, folder):
    for number in range(3):
        os.utime(put(folder, number, b"%d\n" % number), (100 * number, 100 * number))
    assert [event.line for event in read(data_dir, GROUP, since=101)] == [b"1", b"2"]  # a second of slack
    assert list(read(data_dir, GROUP, since=250)) == []


def test_a_file_passed_over_is_read_whole_when_it_wakes_up(data_dir, folder):
    cursor = Cursor(data_dir, GROUP, since=250)
    path = put(folder, 0, b"a\n")
    os.utime(path, (100, 100))
    assert lines(cursor) == []
    put(folder, 0, b"b\n")
    assert lines(cursor) == [b"a", b"b"]
    os.utime(path, (100, 100))
    put(folder, 0, b"c\n")
    assert lines(cursor) == [b"c"]


def test_a_log_stream_that_was_removed_empty_hides_none_that_comes_after_it(data_dir, folder):
    cursor = Cursor(data_dir, GROUP)
    put(folder, 0, b"a\n")
    empty = put(folder, 2, b"")
    assert lines(cursor) == [b"a"]
    empty.unlink()
    put(folder, 1, b"b\n")  # the clock was set back in between
    assert lines(cursor) == [b"b"]


def test_a_log_stream_that_vanishes_before_its_age_is_known_is_no_error(data_dir, folder):
    (folder / f"{NAMES[0]}.jsonl").symlink_to("nowhere")
    assert list(read(data_dir, GROUP, since=1)) == []


def test_a_log_stream_that_cannot_be_read_is_told(data_dir, folder):
    (folder / f"{NAMES[0]}.jsonl").mkdir()
    with pytest.raises(StoreError, match="cannot be read: Is a directory"):
        list(read(data_dir, GROUP))


def test_an_event_gives_its_entry():
    assert LogEvent(NAMES[0], b'{"a":"b"}').entry() == {"a": "b"}


@pytest.mark.parametrize("line", [b"", b"{", b"[]", b"1", b'{"a":1}x', b'{"a":"\xff"}', b'{"a":' * 99_999, b"\0" * 9])
def test_a_damaged_line_has_no_entry(line: bytes):  # R10
    assert LogEvent(NAMES[0], line).entry() is None


@given(st.binary())
def test_any_bytes_are_an_entry_or_none(line: bytes):
    assert isinstance(LogEvent(NAMES[0], line).entry(), dict | None)


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("append"), st.integers(0, 40)),
        st.tuples(st.just("flush"), st.lists(st.one_of(st.integers(1, 60), st.just(FULL)), max_size=3)),
        st.tuples(st.just("poll"), st.none()),
        st.tuples(st.just("restart"), st.none()),
        st.tuples(st.just("kill"), st.none()),
    ),
    max_size=40,
)


def size(lines: list[bytes]) -> int:
    return sum(len(line) + 1 for line in lines)


@given(STEPS, st.integers(1, 200))
def test_readers_and_followers_get_exactly_the_complete_lines(disk_that, steps, rotate_at):  # R2, R4, R8, R11
    class Clock:
        def wall(self) -> float:
            return 1e9

        monotonic = wall

    disk = disk_that()

    def start() -> Journal:
        return Journal(data_dir, GROUP, ACCOUNT, Clock(), rotate_at=rotate_at, write=disk.write)

    with tempfile.TemporaryDirectory() as folder:
        data_dir = Path(folder)
        journal, follower = start(), Cursor(data_dir, GROUP)
        followed: list[bytes] = []
        appended: list[bytes] = []
        complete = 0  # of the appended ones, how many lines are whole in a file
        for number, (step, argument) in enumerate(steps):
            if step == "append":
                appended.append(b"%d " % number + b"x" * argument)
                journal.append(appended[-1])
            elif step == "flush":
                disk.plan = list(argument)
                with suppress(StoreError):
                    journal.flush()
                disk.plan = []
            elif step == "poll":
                followed += lines(follower)
            elif step == "restart":
                journal.close()
                journal = start()
            else:
                journal._buffer.clear()  # what a killed process had not written
                journal.close()
                journal = start()
            if step == "kill":
                del appended[complete:]
            while complete < len(appended) and journal.waiting <= size(appended[complete + 1 :]):
                complete += 1
            assert [event.line for event in read(data_dir, GROUP)] == appended[:complete]
        journal.close()
        assert [event.line for event in read(data_dir, GROUP)] == appended
        assert followed + lines(follower) == appended
