"""What leaves in one turn of the event loop leaves together, after the log records of the same turn."""

import asyncio
from collections.abc import Callable
from typing import Final, Protocol

AT_ONCE: Final = 64  # senders whose bytes wait for each other: a turn of thousands would fill memory, not caches


class Sender(Protocol):
    """Something with bytes to write at the end of the turn."""

    def write_pending(self) -> None:
        """Write them."""
        ...


class Outbox:
    """One socket write per connection and turn, however many requests came in it, and one record write for many.

    `keep_records` runs first: a request that was answered has its record, even if we are killed right after.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, keep_records: Callable[[], None]) -> None:
        self._call_soon = loop.call_soon
        self._keep_records = keep_records
        self._senders: list[Sender] = []

    def put(self, sender: Sender) -> None:
        """Let a sender write at the end of this turn."""
        if not self._senders:
            self._call_soon(self._flush)
        elif len(self._senders) >= AT_ONCE:
            self._flush()
        self._senders.append(sender)

    def _flush(self) -> None:
        self._keep_records()
        senders, self._senders = self._senders, []
        for sender in senders:
            sender.write_pending()
