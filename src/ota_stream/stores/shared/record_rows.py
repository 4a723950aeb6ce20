"""Records in PostgreSQL: a batch is one COPY, and a record that is there already is not written again."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

import asyncpg

from ota_stream.stores.errors import StoreError
from ota_stream.stores.shared.database import Database
from ota_stream.stores.shared.records import KeptRecord

_TABLE: Final = "ota_records"
_COLUMNS: Final = ("source", "number", "part", "at", "entry")
_ASIDE: Final = "CREATE TEMP TABLE aside (LIKE ota_records) ON COMMIT DROP"
_FROM_ASIDE: Final = "INSERT INTO ota_records SELECT * FROM aside ON CONFLICT DO NOTHING"


class RecordRows:
    """The table `ota_records`: one row a record, named by the request it belongs to."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put(self, records: Sequence[KeptRecord]) -> None:
        """Write a batch, all or nothing. Raises StoreError."""
        rows = [
            (one.source, one.number, one.part, datetime.fromtimestamp(one.at, UTC), one.entry.decode())
            for one in records
        ]
        try:
            await self._copy(rows)
        except StoreError as error:
            if not isinstance(error.__cause__, asyncpg.UniqueViolationError):
                raise
            await self._merge(rows)  # a request came twice: rare, so only then the way around

    async def close(self) -> None:
        """Nothing waits here; the database is closed by who opened it."""

    async def _copy(self, rows: list[tuple[Any, ...]]) -> None:
        async with self._database.transaction() as connection:
            await connection.copy_records_to_table(_TABLE, records=rows, columns=_COLUMNS)

    async def _merge(self, rows: list[tuple[Any, ...]]) -> None:
        async with self._database.transaction() as connection:
            await connection.execute(_ASIDE)
            await connection.copy_records_to_table("aside", records=rows, columns=_COLUMNS)
            await connection.execute(_FROM_ASIDE)
