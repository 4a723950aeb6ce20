"""The entries of a worker's records; a record that says more than its level of verbosity asks for has none."""

from collections.abc import Iterable

from ota_stream.logs.entries import ACCOUNT_ID, EntryWriter
from ota_stream.logs.levels import Level, allows
from ota_stream.records import Record
from ota_stream.stores.shared.records import KeptRecord


class Entries:
    """Writes the entries that `level` lets through (LC-1); those of GetStream are DEBUG (LC-2)."""

    def __init__(self, level: Level = Level.DEBUG, account_id: str = ACCOUNT_ID) -> None:
        self._writer = EntryWriter(account_id)
        self._wanted = frozenset(each for each in Level if allows(level, each))

    def kept(self, source: str, number: int, records: Iterable[Record]) -> list[KeptRecord]:
        """Return what is to be kept of the records of one request, `number` of `source`."""
        level, entry = self._writer.level, self._writer.entry
        return [
            KeptRecord(source, number, part, record.at, entry(record))
            for part, record in enumerate(records)
            if level(record) in self._wanted
        ]
