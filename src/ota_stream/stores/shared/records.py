"""Where workers keep records: in batches, before the replies leave."""

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct


class KeptRecord(Struct, frozen=True, gc=False):
    """A record on its way. `source`, `number` and `part` name it for ever: who writes it again writes the same name.

    `at` is epoch seconds; `entry` the line of JSON.
    """

    source: str
    number: int
    part: int
    at: float
    entry: bytes


class Records(Protocol):
    """A place for records."""

    async def put(self, records: Sequence[KeptRecord]) -> None:
        """Keep all of them, or raise StoreError and keep none, or some: they come again then."""
        ...

    async def close(self) -> None:
        """Keep what is left."""
        ...
