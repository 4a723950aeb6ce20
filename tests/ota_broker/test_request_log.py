"""When records become safe from a power loss: before the answer, or a quarter of a second after it (R3)."""

import asyncio
import logging
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from ota_broker.front.notices import Notices
from ota_broker.request_log import GROUPS_MAX, SYNC_WITHIN, RequestLog
from ota_stream.logs.events import Wanted
from ota_stream.stores import journal as journal_module
from ota_stream.stores.errors import StoreError
from ota_stream.stores.journal import Journal
from ota_stream.stores.log_events import FOREVER, StoredEvents

GROUP = "AWSIotLogsV2"


class Clock:
    def wall(self) -> float:
        return 1.8e9

    monotonic = wall


def open_journal(folder: Path, group: str) -> Journal:
    return Journal(folder, group, "123456789012", Clock())


class Disk:
    """Counts syncs; they take until `let_go` is set."""

    def __init__(self) -> None:
        self.synced = 0
        self.begun = threading.Event()
        self.let_go = threading.Event()
        self.let_go.set()
        self.broken = False

    def sync(self, _: int) -> None:
        self.begun.set()
        assert self.let_go.wait(10)
        if self.broken:
            raise OSError(5, "Input/output error")
        self.synced += 1


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    disk = Disk()
    monkeypatch.setattr(journal_module, "_sync_data", disk.sync)
    return disk


class Alarms:
    """What was to be called later, and in how many seconds; called by the test."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.set: list[tuple[float, Callable[[], Any]]] = []
        monkeypatch.setattr(asyncio.get_running_loop(), "call_later", self._call_later)
        self._handle = asyncio.TimerHandle(0, lambda: None, (), asyncio.get_running_loop())

    def _call_later(self, delay: float, callback: Callable[[], Any]) -> asyncio.TimerHandle:
        self.set.append((delay, callback))
        return self._handle

    def ring(self) -> None:
        _, callback = self.set.pop(0)
        callback()


@pytest.fixture
async def make(tmp_path: Path, disk: Disk):
    made: list[RequestLog] = []

    def make(*, durable: bool = False) -> RequestLog:
        opened = partial(open_journal, tmp_path)
        made.append(RequestLog(opened, GROUP, Notices(lambda: 0.0), durable=durable))
        return made[-1]

    yield make
    disk.broken = False
    for each in made:
        await each.close()


async def settle(log: RequestLog) -> None:
    """Wait until no sync runs."""
    while log._syncing is not None:
        await asyncio.wait([log._syncing])


async def test_a_written_record_is_on_its_way_to_the_disk_within_a_quarter_of_a_second(make, disk, monkeypatch):
    log, alarms = make(), Alarms(monkeypatch)
    assert SYNC_WITHIN < 0.25
    for _ in range(5):
        log.append(GROUP, b"{}")
        log.flush()
    assert [delay for delay, _ in alarms.set] == [SYNC_WITHIN]
    assert disk.synced == 0
    alarms.ring()
    await settle(log)
    assert disk.synced == 1
    log.flush()
    log.tick()
    assert alarms.set == []  # nothing was written since
    log.append(GROUP, b"{}")
    log.tick()
    alarms.ring()
    await settle(log)
    assert (disk.synced, alarms.set) == (2, [])


async def test_what_is_written_while_a_slow_disk_syncs_is_synced_right_after(make, disk, monkeypatch):
    log, alarms = make(), Alarms(monkeypatch)
    disk.let_go.clear()
    log.append(GROUP, b"{}")
    log.flush()
    alarms.ring()
    assert await asyncio.to_thread(disk.begun.wait, 10)
    log.append(GROUP, b"{}")
    log.flush()
    assert [delay for delay, _ in alarms.set] == [SYNC_WITHIN]
    alarms.ring()
    disk.let_go.set()
    await settle(log)
    assert (disk.synced, alarms.set) == (2, [])


async def test_an_alarm_with_nothing_to_sync_does_nothing(make, disk, monkeypatch):
    log, alarms = make(), Alarms(monkeypatch)
    log.append(GROUP, b"{}")
    log.flush()
    log._journals[GROUP].sync()
    alarms.ring()
    assert log._syncing is None
    assert disk.synced == 1


async def test_a_sync_that_fails_is_told_and_tried_again(make, disk, monkeypatch, caplog):  # R11
    log, alarms = make(), Alarms(monkeypatch)
    disk.broken = True
    log.append(GROUP, b"{}")
    log.flush()
    with caplog.at_level(logging.WARNING, "ota_broker"):
        alarms.ring()
        await settle(log)
    assert "may not survive a power loss" in caplog.text
    disk.broken = False
    log.tick()
    alarms.ring()
    await settle(log)
    assert disk.synced == 1


async def test_durable_records_are_on_the_disk_before_the_answer_leaves(make, disk, monkeypatch):
    log, alarms = make(durable=True), Alarms(monkeypatch)
    log.append(GROUP, b"{}")
    assert disk.synced == 0
    log.flush()
    assert (disk.synced, alarms.set) == (1, [])
    log.flush()
    log.tick()
    assert disk.synced == 1


async def test_a_durable_log_whose_disk_fails_says_so_and_tries_again(make, disk, monkeypatch, caplog):  # R8
    log, alarms = make(durable=True), Alarms(monkeypatch)
    disk.broken = True
    log.append(GROUP, b"{}")
    with caplog.at_level(logging.WARNING, "ota_broker"):
        log.flush()
    assert "may not survive a power loss" in caplog.text
    disk.broken = False
    alarms.ring()
    await settle(log)
    assert disk.synced == 1


async def test_the_end_waits_for_no_alarm(tmp_path, disk):
    journal = open_journal(tmp_path, GROUP)
    log = RequestLog(lambda _: journal, GROUP, Notices(lambda: 0.0))
    log.append(GROUP, b"{}")
    log.flush()
    disk.let_go.clear()
    log._begin_sync()
    disk.let_go.set()
    log.append(GROUP, b"{}")
    log.flush()
    await log.close()
    assert disk.synced >= 1
    assert not journal.unsynced


async def test_each_group_has_its_journal_and_one_too_many_closes_the_first(tmp_path):
    log = RequestLog(partial(open_journal, tmp_path), GROUP, Notices(lambda: 0.0))
    for number in range(GROUPS_MAX):
        log.append(f"group-{number}", b"{}")
    log.append(GROUP, b"{}")  # opened anew
    await log.close()
    events = StoredEvents(tmp_path)
    groups = {group.name: len(list(events.read(group.name, Wanted(start=0, end=FOREVER)))) for group in events.groups()}
    events.close()
    assert groups == {GROUP: 1, **{f"group-{number}": 1 for number in range(GROUPS_MAX)}}


async def test_a_group_whose_journal_cannot_be_opened_is_told(tmp_path, caplog):
    def opened(group: str) -> Journal:
        if group == GROUP:
            return open_journal(tmp_path, group)
        raise StoreError("no room for it")

    log = RequestLog(opened, GROUP, Notices(lambda: 0.0))
    with caplog.at_level(logging.WARNING):
        log.append("other", b"{}")
    assert "a record is lost: no room for it" in caplog.text
    assert log.lost == 1
    await log.close()


async def test_entries_there_was_no_room_for_are_counted_when_their_group_is_closed_too(tmp_path):
    def opened(group: str) -> Journal:
        return Journal(tmp_path, group, "123456789012", Clock(), buffer_max=10, write=_no_room)

    log = RequestLog(opened, GROUP, Notices(lambda: 0.0))
    for number in range(GROUPS_MAX + 2):
        log.append(f"group-{number}", b"{" + b" " * 20 + b"}")
    assert log.lost == GROUPS_MAX + 2
    await log.close()


def _no_room(_descriptor: int, _data: bytearray) -> int:
    raise OSError(28, "No space left on device")
