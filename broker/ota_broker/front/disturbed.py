"""What a connection accepts while something stands between it and its client: the same packets, handled otherwise.

Nobody pays for it while nothing does: a connection has the plain table then.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from ota_broker.front.version import Handle

Disturb = Callable[[int, Handle], Handle]
"""Returns what handles a type of packets instead."""


class Disturbed(dict[int, Handle]):
    """A table of handles, each of them disturbed; `plain` is the table as it was."""

    def __init__(self, plain: Mapping[int, Handle], disturb: Disturb) -> None:
        super().__init__((kind, disturb(kind, handle)) for kind, handle in plain.items())
        self.plain = plain


def plain(table: Mapping[int, Handle]) -> Mapping[int, Handle]:
    """Return a table as it was before it was disturbed."""
    return table.plain if isinstance(table, Disturbed) else table


class Silence(asyncio.Transport):
    """Stands before the transport of a connection that is half open: nothing comes, nothing leaves, not even the end.

    Only `abort` goes through: when the broker has given the client up, or stops.
    """

    def __init__(self, transport: asyncio.Transport) -> None:
        super().__init__()
        self._transport = transport
        self._closing = False
        transport.pause_reading()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Lose it."""

    def close(self) -> None:
        """Let the peer believe that it is connected."""
        self._closing = True

    def is_closing(self) -> bool:
        """Tell whether this side is done with it."""
        return self._closing or self._transport.is_closing()

    def abort(self) -> None:
        """End the connection."""
        self._transport.abort()

    def pause_reading(self) -> None:
        """Nothing comes anyhow."""

    def resume_reading(self) -> None:
        """Nothing comes however often it is wanted."""

    def get_extra_info(self, name: str, default: Any = None) -> Any:  # noqa: ANN401 - asyncio's signature
        """Return what the transport knows."""
        return self._transport.get_extra_info(name, default)
