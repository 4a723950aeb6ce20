"""Shared streams in PostgreSQL."""

import msgspec

from ota_stream.stores.errors import StoreError
from ota_stream.stores.shared.database import Database
from ota_stream.stores.shared.rows import SharedStream


class StreamRows:
    """The streams of a database (satisfies `StreamStore`)."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def revision(self) -> object:
        """Return the number of changes so far."""
        async with self._database.transaction() as connection:
            return await connection.fetchval("SELECT revision FROM ota_revision")

    async def streams(self) -> list[SharedStream]:
        """Return all streams. Raises StoreError, for a damaged one too."""
        async with self._database.transaction() as connection:
            found = await connection.fetch("SELECT content FROM ota_streams ORDER BY stream_id")
        try:
            return [msgspec.json.decode(row["content"], type=SharedStream) for row in found]
        except msgspec.DecodeError as error:
            raise StoreError(f"ota_streams holds a row that is no stream: {error}") from error

    async def put(self, stream: SharedStream) -> None:
        """Keep a stream."""
        async with self._database.transaction() as connection:
            await connection.execute("UPDATE ota_revision SET revision = revision + 1")
            await connection.execute(
                "INSERT INTO ota_streams VALUES ($1, $2) ON CONFLICT (stream_id) DO UPDATE SET content = $2",
                stream.stream_id,
                msgspec.json.encode(stream).decode(),
            )

    async def delete(self, stream_id: str) -> bool:
        """Forget a stream; tell whether there was one."""
        async with self._database.transaction() as connection:
            await connection.execute("UPDATE ota_revision SET revision = revision + 1")
            gone = await connection.execute("DELETE FROM ota_streams WHERE stream_id = $1", stream_id)
            return gone != "DELETE 0"
