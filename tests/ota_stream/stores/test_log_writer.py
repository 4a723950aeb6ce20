"""The writer as a process: what it is told, what it tells, and what is left of it when it is killed."""

import contextlib
import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import pytest

from live import wait_until
from ota_stream.logs import groups
from ota_stream.logs.entries import EntryWriter
from ota_stream.logs.events import Wanted
from ota_stream.records import Action, RequestRecord
from ota_stream.stores import log_streams, log_writer
from ota_stream.stores.errors import StoreError
from ota_stream.stores.journal import Journal
from ota_stream.stores.log_events import FOREVER, StoredEvents
from ota_stream.stores.log_intake import Intake
from ota_stream.stores.log_writer import LogWriter, WriterSettings

NOW = 1_800_000_000.0
DAY = 86_400.0
PATIENCE = 20.0


class Kept:
    """A data directory with a journal, and what is to be found in it."""

    def __init__(self, data_dir: Path, clock, rotate_at: int = 10_000) -> None:
        self.data_dir = data_dir
        self.tokens: list[str] = []
        self.rows = log_streams.folder(data_dir, groups.REAL) / "events.db"
        self._clock = clock
        self._rotate_at = rotate_at
        self._events = StoredEvents(data_dir)
        self.start()

    def start(self) -> None:
        self.journal = Journal(self.data_dir, groups.REAL, "123456789012", self._clock, rotate_at=self._rotate_at)

    def add(self, count: int, at: float = NOW) -> None:
        for _ in range(count):
            self.tokens.append(str(len(self.tokens)))
            record = RequestRecord(at, Action.GET_STREAM, "d", "t", "s", self.tokens[-1])
            self.journal.append(EntryWriter().entry(record))
            self.journal.flush()

    def found(self) -> list[str]:
        events = self._events.read(groups.REAL, Wanted(start=0, end=FOREVER))
        return [(event.entry() or {})["clientToken"] for event in events]

    def moved(self) -> int:
        """Return how many lines are rows."""
        with contextlib.closing(StoredEvents(self.data_dir)) as events:
            return sum(each.lines for each in events._rows_of(groups.REAL).taken())

    def close(self) -> None:
        self.journal.close()
        self._events.close()


@pytest.fixture
def kept(data_dir: Path, clock) -> Iterator[Kept]:
    kept = Kept(data_dir, clock)
    yield kept
    kept.close()


class Writer:
    """A running writer."""

    def __init__(self, data_dir: Path) -> None:
        self.popen = subprocess.Popen(
            [sys.executable, "-m", "ota_stream.stores.log_writer", data_dir],
            stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        for pipe in (self.popen.stdin, self.popen.stderr):
            assert pipe is not None
            pipe.close()

    def say(self, line: str) -> None:
        assert self.popen.stdin is not None
        self.popen.stdin.write(line + "\n")
        self.popen.stdin.flush()

    def hear(self) -> str:
        assert self.popen.stderr is not None
        return self.popen.stderr.readline()

    def kill(self) -> None:
        self.popen.kill()
        self.popen.wait(PATIENCE)

    def end(self) -> str:
        """Close its standard input, and return what it said until its end."""
        _, told = self.popen.communicate(timeout=PATIENCE)
        assert self.popen.returncode == 0
        return told


# The process


def test_it_moves_what_comes_and_ends_after_the_last_record_when_its_input_does(kept):
    kept.add(10)
    with Writer(kept.data_dir) as writer:
        wait_until(lambda: kept.moved() == 10, "moved")
        kept.add(500)
        assert writer.end() == ""
    assert kept.moved() == 510
    assert kept.found() == kept.tokens


def test_ctrl_c_is_none_of_its_business(kept):
    with Writer(kept.data_dir) as writer:
        kept.add(1)
        wait_until(lambda: kept.moved() == 1, "moved")
        os.kill(writer.popen.pid, signal.SIGINT)
        kept.add(1)
        assert writer.end() == ""
    assert kept.moved() == 2


def test_a_kill_at_any_moment_leaves_each_record_once(kept):
    for life in range(12):
        with Writer(kept.data_dir) as writer:
            before = kept.moved()
            kept.add(200)
            if life % 2:
                wait_until(lambda before=before: kept.moved() > before, "the first portion")
            kept.add(200 * (life % 3))
            assert kept.found() == kept.tokens  # while it moves them
            writer.kill()
        assert kept.found() == kept.tokens
        if life % 4 == 3:  # a server that was killed, too
            kept.journal._buffer.clear()
            kept.journal.close()
            kept.start()
    with Writer(kept.data_dir) as writer:
        writer.end()
    assert kept.moved() == len(kept.tokens)
    assert kept.found() == kept.tokens
    left = kept.rows.parent.glob("*.jsonl")
    assert len([path for path in left if path.stat().st_size]) == 1


def test_there_is_one_writer_at_a_time_and_the_next_waits(kept):
    with Writer(kept.data_dir) as first:
        kept.add(1)
        wait_until(lambda: kept.moved() == 1, "moved")
        with Writer(kept.data_dir) as second:
            os.kill(first.popen.pid, signal.SIGSTOP)
            kept.add(1)
            second.say(json.dumps({"sizeMax": "large"}))
            assert "settings of the log store are not understood" in second.hear()  # so it is at work
            assert kept.moved() == 1
            os.kill(first.popen.pid, signal.SIGCONT)
            first.kill()
            wait_until(lambda: kept.moved() == 2, "moved by the next")
            assert second.end() == ""
    assert kept.found() == kept.tokens


def test_settings_take_effect_at_once(kept):
    kept.add(10, at=NOW - 10 * 365 * DAY)
    with Writer(kept.data_dir) as writer:
        wait_until(lambda: kept.moved() == 10, "moved")
        writer.say(json.dumps({"retentionDays": {groups.REAL: 1}}))
        wait_until(lambda: kept.found() == [], "dropped")
        assert writer.end() == ""


def test_a_full_disk_is_told_once_and_costs_nothing_once_there_is_room(kept):  # R8
    with Writer(kept.data_dir) as writer:
        kept.add(10)
        wait_until(lambda: kept.moved() == 10, "moved")
        _, hard = resource.prlimit(writer.popen.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(writer.popen.pid, resource.RLIMIT_FSIZE, (1000, hard))  # no file may grow beyond
        kept.add(500)
        assert "records stay in the journal until it works" in writer.hear()
        assert kept.found() == kept.tokens
        resource.prlimit(writer.popen.pid, resource.RLIMIT_FSIZE, (hard, hard))
        assert writer.hear() == f"log store of {groups.REAL} works again\n"
        assert writer.end() == ""
    assert kept.moved() == 510
    assert kept.found() == kept.tokens


def test_a_reader_who_has_gone_does_not_stop_it(kept):
    kept.add(1)
    kept.rows.mkdir()  # something to complain about
    with Writer(kept.data_dir) as writer:
        assert "events.db" in writer.hear()
        writer.popen.stderr.close()
        kept.rows.rmdir()
        wait_until(lambda: kept.moved() == 1, "moved")
        writer.popen.stdin.close()
        assert writer.popen.wait(PATIENCE) == 0


# Without a process


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def writer(kept, told) -> Iterator[LogWriter]:
    writer = LogWriter(kept.data_dir, told.append, lambda: kept._clock.now)
    yield writer
    writer.close()


def steps(writer: LogWriter) -> None:
    while writer.step():
        pass


def test_groups_are_kept_as_long_as_each_is_told(kept, writer, data_dir, clock):
    other = Journal(data_dir, "other", "123456789012", clock)
    other.append(EntryWriter().entry(RequestRecord(NOW - 2 * DAY, Action.GET_STREAM, "d", "t", "s", "x")))
    other.flush()
    kept.add(1, at=NOW - 2 * DAY)
    kept.add(1, at=NOW)
    writer.settings = WriterSettings({groups.REAL: 1})
    steps(writer)
    assert kept.found() == ["1"]
    assert len(list(kept._events.read("other", Wanted(start=0, end=FOREVER)))) == 1
    other.close()


def test_old_records_are_looked_for_every_few_seconds(kept, writer, clock):
    kept.add(5)
    writer.settings = WriterSettings({groups.REAL: 1})
    steps(writer)
    clock.now += DAY + 1
    steps(writer)
    assert kept.found() == []
    kept.add(1, at=NOW)
    steps(writer)
    assert kept.found() == ["5"]
    writer.look_for_old()
    steps(writer)
    assert kept.found() == []


def test_too_much_is_dropped(kept, writer, monkeypatch):
    monkeypatch.setattr("ota_stream.stores.log_intake.ROWS_AT_ONCE", 100)
    kept.add(3000)
    writer.settings = WriterSettings(size_max=40_960)
    steps(writer)
    found = kept.found()
    assert 0 < len(found) < 3000
    assert found == kept.tokens[-len(found) :]


def test_the_same_trouble_is_told_once_a_minute_and_its_end_once(kept, writer, told, clock, monkeypatch):
    kept.add(1)

    troubles = iter(("full", "full", "full", "broken", "full", "full"))

    def fail(_: Intake) -> bool:
        raise StoreError(next(troubles))

    with monkeypatch.context() as patch:
        patch.setattr(Intake, "take", fail)
        for _ in range(5):
            assert not writer.step()
        clock.now += log_writer.AGAIN
        assert not writer.step()
    assert told == ["full", "broken", "full", "full"]
    steps(writer)
    steps(writer)
    assert told[4:] == [f"log store of {groups.REAL} works again"]
    assert kept.found() == kept.tokens
