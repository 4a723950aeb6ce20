"""A download by HTTP into a slot: a range for each block, one after the other (device-agents 3.4)."""

from typing import Final

from ota_device.download import TRANSITIONS, Event, State
from ota_device.flavours import Flavour
from ota_device.orders import Get
from ota_device.reception import Piece
from ota_stream.streams import blocks

PARTIAL: Final = 206  # the one status that brings a block
URL_OVER: Final = frozenset({400, 403, 404})
"""The statuses after which a fresh job document is asked for: it has a fresh URL."""


class Ranges:
    """What is missing of a file of `size` bytes: bit k of `missing` for block k. `url` may become another.

    `start`, `resume` and `on_time` return what to get, or None; the answer goes to `on_answer`.
    """

    def __init__(self, url: str, size: int, flavour: Flavour, missing: int) -> None:
        self.url = url
        self.state = State.FETCHING
        self.deadline: float | None = None
        self.total = blocks.total(size, flavour.block_size)
        self.received = self.total - missing.bit_count()
        self._size = size
        self._flavour = flavour
        self._missing = missing
        self._unanswered = 0

    def start(self, now: float) -> Get | None:
        """Return the first range to get."""
        return self._ask(now)

    def resume(self, now: float) -> Get | None:
        """Return what to get after an interruption."""
        return self._ask(now)

    def on_time(self, now: float) -> Get | None:
        """Return the next range, or the last once more when nothing came of it."""
        return None if self.deadline is None or now < self.deadline else self._ask(now)

    def on_answer(self, status: int, data: bytes, now: float) -> Piece | None:
        """Return the block that an answer brings, or None. The next range is due at once."""
        block_id, start, end = self._first()
        if status != PARTIAL or len(data) != end - start:
            return None
        self._missing ^= 1 << block_id
        self.received += 1
        self._unanswered = 0
        self.deadline = now
        if not self._missing:
            self._end(Event.COMPLETE)
        return Piece(block_id, start, data)

    def _ask(self, now: float) -> Get | None:
        if not self._missing:  # all was here from before
            self._end(Event.COMPLETE)
            return None
        if self._unanswered == self._flavour.unanswered_max:
            self._end(Event.UNANSWERED)
            return None
        self._unanswered += 1
        self.deadline = now + self._flavour.retry_after
        _, start, end = self._first()
        return Get(self.url, start, end)

    def _first(self) -> tuple[int, int, int]:
        """Return the first missing block: its id, and where it begins and ends."""
        block_id = (self._missing & -self._missing).bit_length() - 1
        return (block_id, *blocks.span(block_id, self._flavour.block_size, self._size))

    def _end(self, event: Event) -> None:
        self.state = TRANSITIONS[self.state, event]
        self.deadline = None
