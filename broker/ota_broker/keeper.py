"""Keeps what a turn of the loop has changed: state, then records, both before the turn's replies leave."""

from ota_broker.front.notices import Notices
from ota_broker.request_log import RequestLog
from ota_stream.stores.errors import StoreError
from ota_stream.stores.sqlite import Database


class Keeper:
    """Writes at the end of every turn; a disk that takes nothing is told, and serving goes on (R8)."""

    def __init__(self, database: Database, records: RequestLog, notices: Notices) -> None:
        self._database = database
        self._records = records
        self._notices = notices

    def settle(self) -> None:
        """Write everything that waits: an acknowledged change and an answered request outlive us (R1, R2)."""
        try:
            self.commit()
        except StoreError as error:
            self._notices.say("state", str(error))
            self._records.flush()

    def commit(self) -> None:
        """Do the same for a caller who waits for it.

        Raises:
            StoreError: the state could not be written; it waits in memory.
        """
        if self._database.waiting:
            self._database.flush()
        self._records.flush()

    def tick(self) -> None:
        """Write what no reply has pushed out yet, and make it safe from a power loss soon."""
        self.settle()
        self._records.tick()
