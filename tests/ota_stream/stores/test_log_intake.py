import contextlib
import os
import resource
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from ota_stream.logs import groups
from ota_stream.logs.entries import EntryWriter
from ota_stream.logs.events import Wanted
from ota_stream.records import Action, RequestRecord
from ota_stream.stores import log_database, log_intake, log_streams
from ota_stream.stores.errors import StoreError
from ota_stream.stores.journal import Journal
from ota_stream.stores.log_events import FOREVER, StoredEvents
from ota_stream.stores.log_intake import Intake

START = 1_532_556_542_678
NAMES = [log_streams.build(START + number, "123456789012", number) for number in range(4)]
LARGE = 2**40
pytestmark = pytest.mark.usefixtures("descriptors")


class Group:
    """A log group of lines that say when they are from, and what became of them."""

    def __init__(self, data_dir: Path) -> None:
        self.folder = log_streams.folder(data_dir, groups.REAL)
        self.folder.mkdir(parents=True)
        self.database = self.folder / "events.db"
        self.told: list[str] = []
        self.intake = Intake(data_dir, groups.REAL, self.told.append)
        self.events = StoredEvents(data_dir)

    def put(self, number: int, *times: int, rest: bytes = b"", detail: str = "no") -> Path:
        record = [RequestRecord((START + at) / 1000, Action.GET_STREAM, "d", "t", "s", None, detail) for at in times]
        path = self.folder / f"{NAMES[number]}.jsonl"
        with path.open("ab") as file:
            file.write(b"".join(EntryWriter().entry(each) + b"\n" for each in record) + rest)
        return path

    def take(self) -> None:
        while self.intake.take():
            pass

    def drop(self, oldest: int = 0, size_max: int = LARGE) -> None:
        while self.intake.drop(START + oldest, size_max):
            pass

    def times(self) -> list[int]:
        return [each.timestamp - START for each in self.events.read(groups.REAL, Wanted(start=0, end=FOREVER))]

    def files(self) -> set[str]:
        return {path.name for path in self.folder.glob("*.jsonl")}

    def ask(self, question: str) -> list[tuple[object, ...]]:
        database = sqlite3.connect(self.database)
        try:
            return database.execute(question).fetchall()
        finally:
            database.close()

    def close(self) -> None:
        self.intake.close()
        self.events.close()


@pytest.fixture
def group(data_dir: Path) -> Iterator[Group]:
    group = Group(data_dir)
    yield group
    group.close()


def test_nothing_is_made_where_nothing_was_written(group):
    group.take()
    group.drop()
    assert list(group.folder.iterdir()) == []


def test_rows_are_for_the_owner_only(group):
    group.put(0, 1)
    group.take()
    assert {path.stat().st_mode & 0o777 for path in group.folder.glob("events.db*")} == {0o600}


def test_a_file_with_a_successor_goes_once_its_rows_are_there_and_the_newest_stays(group):
    group.put(0, 1, 2)
    group.take()
    group.put(1, 3)
    group.put(2, 4)
    assert len(group.files()) == 3
    group.take()
    assert (group.files(), group.times(), group.told) == ({f"{NAMES[2]}.jsonl"}, [1, 2, 3, 4], [])
    group.take()
    assert group.times() == [1, 2, 3, 4]


def test_the_newest_file_with_something_in_it_stays(group):  # R12
    group.put(0, 1)
    empty = group.put(1)
    group.take()
    assert (len(group.files()), group.times()) == (2, [1])
    empty.unlink()  # as a server does that wrote nothing
    group.take()
    assert (group.files(), group.times()) == ({f"{NAMES[0]}.jsonl"}, [1])
    group.put(2, 2)
    group.take()
    assert (group.files(), group.times()) == ({f"{NAMES[2]}.jsonl"}, [1, 2])


def test_rows_are_on_the_disk_before_their_file_goes(group, monkeypatch):  # R3
    steps: list[str] = []
    real, unlink = log_database.open_to_write, Path.unlink

    def watched(path: Path) -> sqlite3.Connection:
        connection = real(path)
        connection.set_trace_callback(steps.append)
        return connection

    monkeypatch.setattr(log_database, "open_to_write", watched)
    monkeypatch.setattr(Path, "unlink", lambda path, **how: (steps.append("unlink"), unlink(path, **how)))
    group.put(0, 1)
    group.put(1, 2)
    group.take()
    synced = steps.index("PRAGMA synchronous = FULL")
    after = steps[synced : steps.index("unlink")]
    assert [step for step in after if not step.startswith("INSERT")] == [
        "PRAGMA synchronous = FULL",
        "BEGIN IMMEDIATE",
        "COMMIT",
        "PRAGMA synchronous = NORMAL",
    ]
    assert (
        sum(step.startswith("INSERT OR REPLACE INTO streams") for step in after) == 1
    )  # so there is something to sync


def test_half_a_line_is_left_until_it_is_whole_or_its_writer_is_dead(group):  # R4
    path = group.put(0, 1, rest=b'{"ha')
    group.take()
    assert (group.times(), group.told) == ([1], [])
    group.put(1, 2)
    group.take()
    assert (group.times(), path.exists()) == ([1, 2], False)
    assert group.told == [f"log stream {NAMES[0]} ends in half a line, skipped: its writer was stopped in the middle"]


def test_files_with_nothing_whole_in_them_go_without_a_trace(group):
    group.put(0, rest=b"half")
    group.put(1)
    group.put(2, 5)
    group.take()
    assert (group.files(), group.times(), len(group.told)) == ({f"{NAMES[2]}.jsonl"}, [5], 1)
    assert group.ask("SELECT count(*) FROM streams") == [(1,)]


def test_lines_longer_than_a_portion_are_taken_in(group, monkeypatch):
    monkeypatch.setattr(log_intake, "PORTION", 10)
    path = group.put(0, 1, 2)
    lines = path.read_bytes()
    group.take()
    assert group.times() == [1, 2]
    assert sum(len(each) for each in lines.splitlines(keepends=True)) == group.ask('SELECT "offset" FROM streams')[0][0]


def test_a_power_loss_that_takes_the_end_of_a_file_takes_no_row_and_doubles_none(group):  # R3
    path = group.put(0, 1, 2, 3)
    group.take()
    os.truncate(path, path.stat().st_size - 5)
    group.put(1, 4)
    group.take()
    assert (group.times(), group.told) == ([1, 2, 3, 4], [])


def test_an_older_file_put_there_by_hand_is_read_where_it_is(group):
    group.put(1, 5)
    group.take()
    group.put(0, 1)
    group.put(1, 6)
    group.take()
    assert group.times() == [1, 5, 6]
    assert group.files() == {f"{NAMES[0]}.jsonl", f"{NAMES[1]}.jsonl"}


def test_a_file_removed_by_hand_while_it_is_taken_in_is_no_error(group, monkeypatch):
    monkeypatch.setattr(log_streams, "names", lambda _: NAMES[:1])
    assert not group.intake.take()


def test_rows_removed_by_hand_begin_anew(group):
    group.put(0, 1)
    group.take()
    for path in group.folder.glob("events.db*"):
        path.unlink()
    group.put(0, 2)
    group.take()
    assert group.times() == [1, 2]


def test_a_file_that_cannot_be_read_loses_nothing(group):
    path = group.put(0, 1)
    path.rename(path.with_suffix(".aside"))
    path.mkdir()
    group.put(1, 2)
    with pytest.raises(StoreError, match=r"Is a directory: .*; records stay in the journal until it works"):
        group.take()
    path.rmdir()
    path.with_suffix(".aside").rename(path)
    group.take()
    assert group.times() == [1, 2]


def test_a_file_of_a_newer_layout_or_of_none_is_left_alone(group):  # R10
    group.put(0, 1)
    database = sqlite3.connect(group.database)
    database.execute("PRAGMA user_version = 99")
    database.close()
    with pytest.raises(StoreError, match="written by a newer ota-stream"):
        group.take()
    assert group.ask("PRAGMA user_version") == [(99,)]
    group.database.write_bytes(b"no database" * 1000)
    with pytest.raises(StoreError, match="file is not a database; records stay in the journal"):
        group.take()
    assert group.database.read_bytes() == b"no database" * 1000


# Disks that are full


def test_a_full_disk_costs_nothing_once_there_is_room(group):  # R8
    group.put(0, *range(2000), detail="x")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, hard))
    try:
        for _ in range(2):
            with pytest.raises(StoreError, match="records stay in the journal until it works"):
                group.take()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    group.take()
    assert group.times() == [*range(2000)]


@pytest.mark.parametrize(
    "statement", ["BEGIN", "INSERT INTO events", "INSERT OR REPLACE", "COMMIT", "INSERT INTO temp"]
)
def test_whatever_statement_fails_all_is_as_before_and_the_next_time_it_works(group, monkeypatch, statement):  # R11
    real = log_database.open_to_write

    class Failing(sqlite3.Connection):
        def execute(self, text, *rest):
            if text.startswith(statement) and armed:
                raise sqlite3.OperationalError("disk I/O error")
            return super().execute(text, *rest)

        def executemany(self, text, rows):
            return [self.execute(text, row) for row in rows][-1]

    def failing(path: Path) -> sqlite3.Connection:
        real(path).close()
        return sqlite3.connect(path, isolation_level=None, factory=Failing)

    group.put(0, 1)
    group.take()
    group.intake.close()
    group.put(0, 2, detail="other")
    monkeypatch.setattr(log_database, "open_to_write", failing)
    armed = True
    with pytest.raises(StoreError, match="disk I/O error"):
        group.take()
    assert group.times() == [1, 2]
    armed = False
    group.take()
    assert group.times() == [1, 2]
    assert group.ask("SELECT lines FROM streams") == [(2,)]


# What is dropped


def test_what_is_older_is_dropped_to_the_row(group, monkeypatch):
    monkeypatch.setattr(log_intake, "ROWS_AT_ONCE", 3)
    for number in range(3):
        group.put(number, *range(number * 10, number * 10 + 10))
    group.take()
    group.drop(oldest=14)
    assert group.times() == [*range(14, 30)]
    stream = group.events.streams(groups.REAL)[0]
    assert (stream.name, stream.first - START, stream.last - START) == (NAMES[1], 14, 19)
    assert group.ask("SELECT count(*) FROM streams") == [(2,)]  # the first is forgotten
    group.drop(oldest=1000)
    assert (group.times(), group.ask("SELECT count(*) FROM events")) == ([], [(0,)])
    group.put(2, 1001)
    group.put(3, 1002)
    group.take()
    assert group.times() == [1001, 1002]


def test_lines_of_a_file_that_cannot_be_removed_are_dropped_for_good(group, monkeypatch):
    group.put(0, 1, 2)
    group.put(1, 3)
    monkeypatch.setattr(Path, "unlink", lambda *_, **__: None)
    group.take()
    group.drop(oldest=3)
    group.take()
    assert (group.times(), len(group.files())) == ([3], 2)


def test_a_file_that_is_too_large_loses_its_oldest_rows_and_gives_room_back(group, monkeypatch):
    monkeypatch.setattr(log_intake, "ROWS_AT_ONCE", 100)
    monkeypatch.setattr(log_intake, "_SLACK", 5)
    for number in range(4):
        group.put(number, *range(number * 2000, number * 2000 + 2000))
    group.take()
    group.intake.close()
    before = group.database.stat().st_size
    group.drop(size_max=before // 2)
    group.intake.close()
    assert before // 4 < group.database.stat().st_size <= before // 2 + 10 * 4096
    left = group.times()
    assert left == [*range(left[0], 8000)]
    assert 3000 < left[0] < 6000


def test_templates_that_no_row_has_are_swept_and_readers_do_not_mix_them_up(group, monkeypatch):
    monkeypatch.setattr(log_intake, "_SWEEP_MIN", 5)
    for at in range(10):
        group.put(0, at, detail=f"old {at}")
    group.put(0, 10, detail="new 0")
    group.take()
    assert len(group.times()) == 11
    group.drop(oldest=10)
    assert group.ask("SELECT count(*) FROM templates") == [(1,)]
    for at in range(11, 15):
        group.put(0, at, detail=f"new {at}")
    group.take()
    found = group.events.read(groups.REAL, Wanted(start=0, end=FOREVER))
    assert [(each.entry() or {})["details"][:6] for each in found] == ["new 0 ", "new 11", "new 12", "new 13", "new 14"]


def test_a_row_that_is_dropped_while_it_is_read_is_not_there(group, monkeypatch):
    monkeypatch.setattr(log_intake, "_SWEEP_MIN", 1)
    for at in range(100):
        group.put(0, at, detail=f"{at}")
    group.take()
    events = iter(group.events.read(groups.REAL, Wanted(start=0, end=FOREVER)))
    assert next(events).timestamp == START
    group.drop(oldest=99)
    left = [each.timestamp - START for each in events]
    assert left[-1] == 99
    assert len(left) < 99


# Size


def test_a_record_takes_at_most_30_bytes(data_dir, clock):
    """200,000 requests of 500 things, an eighth of them with the token of the C agents."""
    things = [f"thing-{number:04}" for number in range(500)]
    journal, entries = Journal(data_dir, groups.REAL, "123456789012", clock), EntryWriter()
    for number in range(200_000):
        thing = things[number % 500]
        topic, token = f"$aws/things/{thing}/streams/AFR_OTA-1/get/cbor", None if number % 8 else "rdy"
        record = RequestRecord(1.8e9 + number / 7000, Action.GET_STREAM, thing, topic, "AFR_OTA-1", token)
        journal.append(entries.entry(record))
    journal.flush()
    intake = Intake(data_dir, groups.REAL, print)
    while intake.take():
        pass
    intake.close()
    journal.close()
    rows = log_streams.folder(data_dir, groups.REAL) / "events.db"
    assert rows.stat().st_size <= 30 * 200_000
    with contextlib.closing(StoredEvents(data_dir)) as events:
        assert sum(1 for _ in events.read(groups.REAL, Wanted(start=0, end=FOREVER))) == 200_000
