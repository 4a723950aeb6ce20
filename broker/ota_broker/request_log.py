"""The log groups as they are written: entries in, and out of this process before the turn's answers leave."""

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from ota_broker.front.notices import Notices
from ota_stream.stores.errors import StoreError
from ota_stream.stores.journal import Journal

GROUPS_MAX: Final = 64  # log groups written at a time; the one that began first is closed for the next
SYNC_WITHIN: Final = 0.2  # seconds after it was written a record is on its way to the disk (R3: a quarter of a second)

log: Final = logging.getLogger("ota_broker")


class RequestLog:
    """Writes entries to journals, one a log group. A disk that takes none is told once a second; serving goes on (R8).

    `open_journal` opens the journal of a group; that of `group` at once. Raises StoreError. When it is `durable`,
    entries are safe from a power loss before their answers leave; else soon after.
    """

    def __init__(
        self, open_journal: Callable[[str], Journal], group: str, notices: Notices, *, durable: bool = False
    ) -> None:
        self._open = open_journal
        self._notices = notices
        self._durable = durable
        self._journals = {group: open_journal(group)}
        self._lost = 0  # of groups that could not be opened, or are closed by now
        self._alarm: asyncio.TimerHandle | None = None  # when the next sync begins
        self._syncing: asyncio.Future[None] | None = None

    def append(self, group: str, entry: bytes) -> None:
        """Take one entry of a log group."""
        journal = self._journals.get(group) or self._opened(group)
        if journal is None:
            self._lost += 1
        else:
            journal.append(entry)

    @property
    def lost(self) -> int:
        """How many entries could not be written, for want of room."""
        return self._lost + sum(journal.lost for journal in self._journals.values())

    def flush(self) -> None:
        """Write what was taken in this turn: one system call a group, before the turn's replies (R2)."""
        for journal in self._journals.values():
            if journal.waiting:
                try:
                    journal.flush()
                    if self._durable:
                        journal.sync()
                except StoreError as error:
                    self._notices.say("log", str(error))
                self._arm()

    def tick(self) -> None:
        """Write what still waits: a disk that was full may have room again."""
        self.flush()
        self._arm()  # a sync that failed is tried again

    async def close(self) -> None:
        """Write and sync what is left."""
        if self._alarm is not None:
            self._alarm.cancel()
        if self._syncing is not None:
            await self._syncing
        for journal in self._journals.values():
            await asyncio.to_thread(_close, journal)

    def _opened(self, group: str) -> Journal | None:
        try:
            if len(self._journals) >= GROUPS_MAX:
                oldest = self._journals.pop(next(iter(self._journals)))
                _close(oldest)
                self._lost += oldest.lost
            journal = self._journals[group] = self._open(group)
        except StoreError as error:
            self._notices.say("log", f"a record is lost: {error}")
            return None
        return journal

    def _arm(self) -> None:
        """Make what was written safe from a power loss soon, on another thread (R3)."""
        if self._alarm is None and self._unsynced():
            self._alarm = asyncio.get_running_loop().call_later(SYNC_WITHIN, self._begin_sync)

    def _begin_sync(self) -> None:
        self._alarm = None
        if self._syncing is not None:  # a slow disk: at once when it is done
            self._syncing.add_done_callback(lambda _: self._begin_sync())
        elif unsynced := self._unsynced():
            self._syncing = asyncio.get_running_loop().run_in_executor(None, _sync, unsynced)
            self._syncing.add_done_callback(self._synced)

    def _synced(self, _: asyncio.Future[None]) -> None:
        self._syncing = None

    def _unsynced(self) -> list[Journal]:
        return [journal for journal in self._journals.values() if journal.unsynced]


def _sync(journals: list[Journal]) -> None:
    for journal in journals:
        try:
            journal.sync()
        except StoreError as error:
            log.warning("log: %s", error)


def _close(journal: Journal) -> None:
    try:
        journal.close()
    except StoreError as error:
        log.error("log: %s", error)  # noqa: TRY400 - one line is all there is to say
