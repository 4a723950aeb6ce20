"""The writer's process as the simulator's loop has it: started, started again, stopped."""

import asyncio
import contextlib
import logging
import os
import signal
import sys
from pathlib import Path

import pytest

from live import PATIENCE
from ota_broker import log_writer
from ota_broker.front.notices import Notices
from ota_broker.log_writer import LogWriterProcess
from ota_stream.logs.entries import EntryWriter
from ota_stream.logs.events import Wanted
from ota_stream.records import Action, RequestRecord
from ota_stream.stores.journal import Journal
from ota_stream.stores.log_events import FOREVER, StoredEvents

GROUP = "AWSIotLogsV2"
DAY = 86_400


class Clock:
    def wall(self) -> float:
        return 1.8e9

    monotonic = wall


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """A data directory with one record, of long ago."""
    data_dir = tmp_path / "data"
    with contextlib.closing(Journal(data_dir, GROUP, "123456789012", Clock())) as journal:
        journal.append(EntryWriter().entry(RequestRecord(1e9, Action.GET_STREAM, "d", "t", "s")))
    return data_dir


@pytest.fixture
def writer(data_dir, monkeypatch) -> LogWriterProcess:
    monkeypatch.setattr(log_writer, "_PAUSES", (0.001, 0.002))
    return LogWriterProcess(data_dir, Notices(lambda: 0.0))


async def until(condition) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 - what is awaited is another process
            await asyncio.sleep(0.005)


def moved(data_dir: Path) -> int:
    with contextlib.closing(StoredEvents(data_dir)) as events:
        return sum(each.lines for each in events._rows_of(GROUP).taken())


def kept(data_dir: Path) -> int:
    with contextlib.closing(StoredEvents(data_dir)) as events:
        return len(list(events.read(GROUP, Wanted(start=0, end=FOREVER))))


async def test_stopping_waits_for_the_last_records(writer, data_dir):
    writer.start()
    await until(lambda: writer.pid)
    await writer.stop()
    assert (moved(data_dir), writer.pid) == (1, None)


async def test_it_is_stopped_before_it_has_begun(writer, data_dir):
    await writer.stop()
    writer = LogWriterProcess(data_dir, Notices(lambda: 0.0))
    writer.start()
    await writer.stop()
    assert (moved(data_dir), writer.pid) == (0, None)


async def test_it_is_stopped_while_it_is_being_started(writer, data_dir):
    writer.start()
    await asyncio.sleep(0)
    await writer.stop()
    assert (moved(data_dir), writer.pid) == (1, None)


async def test_one_that_begins_later_is_not_waited_for(data_dir):
    writer = LogWriterProcess(data_dir, Notices(lambda: 0.0), after=3600)
    writer.start()
    await writer.stop()
    assert (moved(data_dir), kept(data_dir), writer.pid) == (0, 1, None)


async def test_one_that_begins_later_begins(data_dir):
    writer = LogWriterProcess(data_dir, Notices(lambda: 0.0), after=0.001)
    writer.start()
    await until(lambda: moved(data_dir) == 1)
    await writer.stop()


async def test_settings_reach_it_and_the_next_one(writer, data_dir):
    writer.retain({"other": 1})
    writer.start()
    await until(lambda: moved(data_dir) == 1)
    assert kept(data_dir) == 1
    first = writer.pid
    assert first is not None
    writer.retain({GROUP: 1})
    await until(lambda: kept(data_dir) == 0)
    os.kill(first, signal.SIGKILL)
    await until(lambda: writer.pid not in {first, None})
    writer.retain({GROUP: 2})
    await writer.stop()


async def test_one_that_cannot_be_started_is_told_and_tried_again(writer, data_dir, monkeypatch, caplog):
    with caplog.at_level(logging.WARNING, "ota_broker"), monkeypatch.context() as patch:
        patch.setattr(sys, "executable", str(data_dir / "nowhere"))
        writer.start()
        await until(lambda: "log writer: it cannot be started: No such file" in caplog.text)
    await until(lambda: moved(data_dir) == 1)
    await writer.stop()


async def test_what_it_says_is_a_notice(writer, data_dir, caplog):
    (data_dir / "logs" / GROUP / "events.db").mkdir()
    with caplog.at_level(logging.WARNING, "ota_broker"):
        writer.start()
        await until(lambda: "log store: log store " in caplog.text)
    await writer.stop()


async def test_one_that_does_not_end_is_ended(writer, data_dir, monkeypatch):
    monkeypatch.setattr(log_writer, "_STOP_WITHIN", 0.01)
    writer.start()
    await until(lambda: moved(data_dir) == 1)
    assert writer.pid is not None
    os.kill(writer.pid, signal.SIGSTOP)  # a stopped process does not even hear SIGTERM
    await writer.stop()
    assert writer.pid is None


async def test_records_are_dropped_when_their_time_has_passed(writer, data_dir):
    writer.start()
    await until(lambda: moved(data_dir) == 1)
    writer.retain({GROUP: 3650}, ahead=-20 * 365 * 86_400.0)
    assert kept(data_dir) == 1
    writer.retain({GROUP: 3650}, ahead=60 * 365 * 86_400.0)
    await until(lambda: kept(data_dir) == 0)
    await writer.stop()
