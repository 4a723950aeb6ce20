"""Which store an address names; PostgreSQL is an extra, so it is imported when somebody names it."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ota_stream.stores.errors import StoreError
from ota_stream.stores.shared.stream_file import StreamFileStore
from ota_stream.stores.shared.streams import StreamStore

if TYPE_CHECKING:
    from ota_stream.stores.shared.postgres import Postgres

_DATABASES: Final = ("postgresql://", "postgres://")


def is_database(address: str) -> bool:
    """Tell whether an address is one of PostgreSQL; else it is a path."""
    return address.startswith(_DATABASES)


async def open_database(address: str) -> "Postgres":
    """Connect to PostgreSQL. Raises StoreError."""
    try:
        from ota_stream.stores.shared.postgres import Postgres  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as error:
        raise StoreError(f"PostgreSQL needs {error.name}: pip install 'ota-stream[worker]'") from None
    database = Postgres(address)
    await database.open()
    return database


@asynccontextmanager
async def opened(address: str) -> AsyncGenerator[StreamStore]:
    """Open the streams at an address. Raises StoreError."""
    if not is_database(address):
        yield StreamFileStore(Path(address))
        return
    database = await open_database(address)
    try:
        yield database.streams
    finally:
        await database.close()
