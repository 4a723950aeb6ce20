"""The way of a record: through the level gate into the journal, out of this process before its answer leaves."""

import asyncio
import logging
from typing import Final

from ota_broker.front.notices import Notices
from ota_stream.logs.entries import EntryWriter
from ota_stream.logs.levels import Level, allows
from ota_stream.records import Record
from ota_stream.stores.errors import StoreError
from ota_stream.stores.journal import Journal

log: Final = logging.getLogger("ota_broker")


class RequestLog:
    """Keeps records as entries of the log group. A disk that takes none is told once a second; serving goes on (R8)."""

    def __init__(self, journal: Journal, entries: EntryWriter, level: Level, notices: Notices) -> None:
        self._journal = journal
        self._entries = entries
        self._notices = notices
        self._syncing: asyncio.Future[None] | None = None
        self._allowed = frozenset(each for each in Level if allows(level, each))  # LC-1

    def keep(self, record: Record) -> None:
        """Take one record."""
        if self._entries.level(record) in self._allowed:  # LC-2
            self._journal.append(self._entries.entry(record))

    def flush(self) -> None:
        """Write what was taken in this turn: one system call, before the turn's replies (R2)."""
        if self._journal.waiting:
            try:
                self._journal.flush()
            except StoreError as error:
                self._notices.say("log", str(error))

    def tick(self) -> None:
        """Make what was written safe from power loss, on another thread (R3)."""
        self.flush()  # a disk that was full may have room again
        if self._journal.unsynced and (self._syncing is None or self._syncing.done()):
            self._syncing = asyncio.get_running_loop().run_in_executor(None, self._sync)

    def _sync(self) -> None:
        try:
            self._journal.sync()
        except StoreError as error:
            log.warning("log: %s", error)

    async def close(self) -> None:
        """Write and sync what is left."""
        if self._syncing is not None:
            await self._syncing
        try:
            await asyncio.to_thread(self._journal.close)
        except StoreError as error:
            log.error("log: %s", error)  # noqa: TRY400 - one line is all there is to say
