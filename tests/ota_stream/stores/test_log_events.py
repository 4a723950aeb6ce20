"""The contract of Events, wherever the lines are: in the journal, in rows, or on their way."""

import json
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ota_stream.logs import groups
from ota_stream.logs.entries import timestamp
from ota_stream.logs.events import LogEvent, LogGroup, LogStream, Wanted, key
from ota_stream.logs.log_groups import LogGroups
from ota_stream.logs.reading import LogReading
from ota_stream.stores import journal_file, log_intake, log_rows, log_streams
from ota_stream.stores.errors import StoreError
from ota_stream.stores.journal_file import JournalFile
from ota_stream.stores.log_events import FOREVER, StoredEvents
from ota_stream.stores.log_intake import Intake

START = 1_532_556_542_678
NAMES = [log_streams.build(START + number, "123456789012", number) for number in range(4)]


class Journaled:
    """A store whose lines stay in the journal."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.events = StoredEvents(data_dir)

    def move(self, group: str = groups.REAL) -> None:
        """Move what may be moved."""

    def close(self) -> None:
        self.events.close()


class Moved(Journaled):
    """A store whose lines are all moved into rows."""

    def __init__(self, data_dir: Path) -> None:
        super().__init__(data_dir)
        self._intakes: dict[str, Intake] = {}

    def move(self, group: str = groups.REAL) -> None:
        intake = self._intakes.setdefault(group, Intake(self.data_dir, group, lambda _: None))
        while intake.take():
            pass

    def close(self) -> None:
        super().close()
        for intake in self._intakes.values():
            intake.close()


class HalfMoved(Moved):
    """A store whose lines are moved every other time, and then half of them."""

    def __init__(self, data_dir: Path) -> None:
        super().__init__(data_dir)
        self._calls = 0

    def move(self, group: str = groups.REAL) -> None:
        self._calls += 1
        if self._calls % 2:
            self._intakes.setdefault(group, Intake(self.data_dir, group, lambda _: None)).take()


STORES = (Journaled, Moved, HalfMoved)


@pytest.fixture(params=STORES)
def store(request, data_dir: Path) -> Iterator[Journaled]:
    store = request.param(data_dir)
    yield store
    store.close()


def line(at: int, text: str = "", token: str = "") -> bytes:
    entry = {"timestamp": timestamp(at / 1000), "text": text, **({"clientToken": token} if token else {})}
    return json.dumps(entry, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"


def put(store: Journaled, number: int, content: bytes, group: str = groups.REAL) -> Path:
    folder = log_streams.folder(store.data_dir, group)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{NAMES[number]}.jsonl"
    with path.open("ab") as file:
        file.write(content)
    store.move(group)
    return path


def read(store: Journaled, start: int = 0, end: int = FOREVER, **more) -> list[LogEvent]:
    return list(store.events.read(groups.REAL, Wanted(start, end, **more)))


def times(events: list[LogEvent]) -> list[int]:
    return [each.timestamp - START for each in events]


def test_nothing_is_there_before_something_is_written(store):  # LG-4
    assert (list(store.events.groups()), store.events.streams(groups.REAL), read(store)) == ([], [], [])
    put(store, 0, b"")
    put(store, 1, b'{"half')
    assert (list(store.events.groups()), store.events.streams(groups.REAL), read(store)) == ([], [], [])


def test_groups_and_log_streams_are_described(store):
    put(store, 0, line(START + 3))
    put(store, 1, line(START + 5) + line(START + 9))
    put(store, 2, line(START), group="other/group")
    size = len(line(START))
    assert sorted(store.events.groups(), key=lambda each: each.name) == [
        LogGroup(groups.REAL, START, 3 * size),
        LogGroup("other/group", START + 2, size),
    ]
    assert store.events.streams(groups.SEED) == [  # LG-2
        LogStream(NAMES[0], START, START + 3, START + 3, START + 3, size, 1),
        LogStream(NAMES[1], START + 1, START + 5, START + 9, START + 9, 2 * size, 2),
    ]


def test_log_streams_are_read_interleaved_and_both_ways(store):
    put(store, 0, line(START + 1) + line(START + 4) + line(START + 5))
    put(store, 1, line(START + 2) + line(START + 4) + b'{"half')
    found = read(store)
    assert times(found) == [1, 2, 4, 4, 5]
    assert found[1] == LogEvent(START + 2, NAMES[1], 0, line(START + 2)[:-1].decode(), START + 2)
    assert [(each.log_stream, each.position) for each in found[3:]] == [(NAMES[1], 1), (NAMES[0], 2)]
    assert read(store, newest_first=True) == found[::-1]
    assert times(read(store, START + 2, START + 4)) == [2, 4, 4]
    assert times(read(store, streams={NAMES[1]})) == [2, 4]
    assert times(read(store, -5, START)) == []
    assert times(read(store, beyond={NAMES[0]: 2, NAMES[1]: 1})) == [4, 5]
    assert store.events.torn(groups.REAL) == [NAMES[1]]


def test_what_is_written_later_is_found_later(store):
    put(store, 0, line(START + 1)[:-9])
    assert read(store) == []
    put(store, 0, line(START + 1)[-9:] + line(START + 2))
    assert times(read(store)) == [1, 2]
    put(store, 0, line(START + 3))
    put(store, 1, line(START + 4))
    assert times(read(store)) == [1, 2, 3, 4]


def test_lines_in_a_file_that_is_emptied_or_removed_by_hand_are_forgotten_or_rows(store):
    path = put(store, 0, line(START + 1) + line(START + 2))
    events = store.events.read(groups.REAL, Wanted(start=0, end=FOREVER))
    assert times(read(store)) == [1, 2]
    rows = [1, 2] if type(store) is not Journaled else []
    path.write_bytes(line(START + 7))
    store.move()
    store.move()
    assert times(read(store)) == [*rows, 7]
    path.unlink()
    store.move()
    rows = [*rows, 7] if type(store) is not Journaled else []
    assert times(list(events)) == rows
    assert times(read(store)) == rows


def test_a_file_that_is_removed_between_listing_and_reading_is_no_error(store, monkeypatch):
    put(store, 0, line(START))
    store.move()
    real, gone = log_streams.names, [NAMES[1]]
    monkeypatch.setattr(log_streams, "names", lambda folder: real(folder) + [gone.pop()] * bool(gone))
    assert times(read(store)) == [0]


def test_what_has_become_rows_meanwhile_is_not_read_in_the_journal(data_dir, monkeypatch):
    store, moved = Journaled(data_dir), Moved(data_dir)
    put(store, 0, line(START))
    assert times(read(store)) == [0]
    put(moved, 0, b"".join(line(START + at) for at in range(1, 5)))
    monkeypatch.setattr(JournalFile, "_read", lambda *_: pytest.fail("it was read"))
    assert times(read(store)) == [0, 1, 2, 3, 4]
    store.close()
    moved.close()


def test_files_that_vanish_all_the_time_are_an_error_in_the_end(data_dir, monkeypatch):
    monkeypatch.setattr(log_streams, "names", lambda _: NAMES)
    with pytest.raises(StoreError, match="faster than they can be opened"):
        read(Journaled(data_dir))


def test_times_never_fall_within_a_log_stream(store):  # R12
    put(store, 0, line(START + 5) + line(START + 2) + b"damaged \xff\r\n" + b'{"timestamp":"9999-99-99 00"}\n')
    put(store, 0, b'{"timestamp":"9999-99-99 00:00:00.000"}\n' + line(START + 6) + b"\n")
    found = read(store)
    assert times(found) == [5, 5, 5, 5, 5, 6, 6]
    assert found[2].message == "damaged \ufffd\r"


def test_lines_before_the_first_time_have_that_of_the_first_or_of_the_file(store):
    put(store, 1, b"a\nb\n")
    assert times(read(store)) == [1, 1]
    store.move()
    store.move()
    put(store, 1, line(START + 8))
    store.move()
    assert times(read(store)) == [8, 8, 8]
    assert times(read(store, newest_first=True)) == [8, 8, 8]
    assert store.events.streams(groups.REAL)[0].first == START + 8


def test_a_file_that_cannot_be_read_is_told(data_dir):
    store = Journaled(data_dir)
    path = put(store, 0, line(START))
    events = iter(store.events.read(groups.REAL, Wanted(start=0, end=FOREVER)))
    put(store, 0, b"".join(line(START + at) for at in range(2)))
    path.unlink()
    path.mkdir()
    with pytest.raises(StoreError, match="cannot be read: Is a directory"):
        list(events)
    put(store, 1, line(START))
    with pytest.raises(StoreError, match="cannot be read: Is a directory"):
        read(Journaled(data_dir))


def test_a_file_that_turns_unreadable_while_it_is_read_is_told(data_dir, monkeypatch):
    monkeypatch.setattr(journal_file, "BLOCK", 1)
    store = Journaled(data_dir)
    path = put(store, 0, line(START) + line(START))
    events = iter(store.events.read(groups.REAL, Wanted(start=0, end=FOREVER)))
    next(events)
    path.unlink()
    path.mkdir()
    with pytest.raises(StoreError, match="cannot be read: Is a directory"):
        list(events)


GAPS = st.lists(
    st.tuples(
        st.integers(-2, 5), st.integers(0, 3), st.sampled_from(["", "x" * 40]), st.sampled_from(["", "t", "u", "é"])
    ),
    max_size=30,
)


@given(GAPS, st.integers(1, 300), st.integers(0, 40), st.integers(0, 40), st.booleans(), st.sampled_from(STORES))
@example([(1, 0, "", "")] * 5, 1, 2, 3, False, Journaled)
def test_any_window_has_what_lies_in_it_wherever_it_is(gaps, block, start, length, newest_first, kind):
    """Whatever the size of a block of the journal, of a portion that is moved, of a page of rows."""
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(journal_file, "BLOCK", block)
        patch.setattr(log_intake, "PORTION", block)
        patch.setattr(log_rows, "_PAGE_MIN", 1 + block % 3)
        store, at = kind(Path(folder)), START
        wanted, last, positions, opened = [], [0] * 4, [0] * 4, 0
        for gap, number, text, token in gaps:
            at += gap
            opened = max(opened, number)  # a file with a successor gets no more
            last[opened] = max(last[opened], at)
            content = line(at, text, token)
            wanted.append(LogEvent(last[opened], NAMES[opened], positions[opened], content[:-1].decode(), last[opened]))
            positions[opened] += 1
            put(store, opened, content)
            if gap == 0:
                read(store)  # an index may begin anywhere
        first, end = START + start, START + start + length
        inside = sorted((each for each in wanted if first <= each.timestamp <= end), key=key, reverse=newest_first)
        assert read(store, first, end, newest_first=newest_first) == inside
        for equal in ({"text": ""}, {"clientToken": "t"}, {"clientToken": "é", "text": ""}, {"timestamp": "x"}):
            found = read(store, first, end, newest_first=newest_first, equal=equal)
            assert [each for each in found if fits(each, equal)] == [each for each in inside if fits(each, equal)]
            assert set(found) <= set(inside)
        store.close()


def fits(event: LogEvent, equal: dict[str, str]) -> bool:
    entry = event.entry() or {}
    return all(entry.get(name) == value for name, value in equal.items())


def test_the_reading_half_pages_through_a_store_while_it_moves(data_dir):
    store = HalfMoved(data_dir)
    for number in range(3):
        put(store, number, b"".join(line(START + at) for at in range(number, 60, 3)))
    events = store.events
    reading = LogReading(events, LogGroups(events, {}, "arn:aws:logs:eu-west-1:123456789012:log-group:"), lambda: 0.0)
    seen, given_ = [], {"logGroupName": groups.SEED, "limit": 7}
    for _ in range(20):
        answer = reading.filter(given_, 0.0)
        seen += [each["timestamp"] - START for each in answer["events"]]
        store.move()
        if "nextToken" not in answer:
            break
        given_["nextToken"] = answer["nextToken"]
    assert seen == list(range(60))
    newest = reading.get({"logGroupName": groups.REAL, "logStreamName": NAMES[1], "limit": 2}, 0.0)
    assert [each["timestamp"] - START for each in newest["events"]] == [55, 58]
    store.close()


# Rows


def test_texts_that_are_asked_for_are_found_among_the_rows_alone(data_dir):
    store = Moved(data_dir)
    put(store, 0, b"".join(line(START + at, "abc"[at % 3], "tuv"[at % 3]) for at in range(30)) + b"damaged\n")
    assert times(read(store, equal={"text": "b"})) == [*range(1, 30, 3), 29]  # what is damaged may be anything
    assert times(read(store, equal={"clientToken": "v"})) == [*range(2, 30, 3), 29]
    assert times(read(store, equal={"clientToken": "v", "text": "a"})) == [29]
    put(store, 0, line(START + 40, "new", "t"))
    assert times(read(store, equal={"text": "new"})) == [29, 40]
    for number in range(20):
        assert times(read(store, equal={"text": f"{number}"})) == [29]
    store.close()


def test_many_templates_are_more_than_memory_has_to_hold(data_dir, monkeypatch):
    monkeypatch.setattr(log_rows, "_TEMPLATES_MAX", 3)
    monkeypatch.setattr(log_intake, "TEMPLATES_MAX", 3)
    store = Moved(data_dir)
    texts = [f"{at % 7}" for at in range(50)]
    put(store, 0, b"".join(line(START + at, text) for at, text in enumerate(texts)))
    assert [(each.entry() or {})["text"] for each in read(store)] == texts
    with sqlite3.connect(log_streams.folder(data_dir, groups.REAL) / "events.db") as database:
        assert database.execute("SELECT count(*) FROM templates").fetchone() == (7,)
    database.close()
    store.close()


def test_a_file_taken_in_and_removed_while_it_is_read_is_read_on_among_the_rows(data_dir, monkeypatch):
    monkeypatch.setattr(journal_file, "BLOCK", 1)
    for newest_first in (False, True):
        store, expected = Moved(data_dir / str(newest_first)), [*range(10)]
        put(store, 0, b"")
        path = next(store.data_dir.glob("logs/*/*.jsonl"))
        path.write_bytes(b"".join(line(START + at) for at in range(10)))
        events = iter(store.events.read(groups.REAL, Wanted(start=0, end=FOREVER, newest_first=newest_first)))
        found = [next(events) for _ in range(4)]
        put(store, 1, line(START + 99))
        assert not path.exists()
        found += events
        assert times(found) == (expected[::-1] if newest_first else expected)
        store.close()


def test_a_reader_sees_rows_that_replaced_others_by_hand(data_dir):
    store = Moved(data_dir)
    put(store, 0, line(START))
    assert times(read(store)) == [0]
    for path in log_streams.folder(data_dir, groups.REAL).iterdir():
        path.unlink()
    assert read(store) == []
    put(store, 1, line(START + 5))
    assert times(read(store)) == [5]
    store.close()


def test_rows_that_turn_unreadable_while_they_are_read_are_told(data_dir):
    store = Moved(data_dir)
    put(store, 0, b"".join(line(START + at) for at in range(200)))
    events = iter(store.events.read(groups.REAL, Wanted(start=0, end=FOREVER)))
    next(events)
    store.events.close()
    with pytest.raises(StoreError, match="cannot be read"):
        list(events)
    store.close()
