"""A peer that does not read what it is sent, and the time it has to do so."""

from typing import Protocol

from ota_broker.front import limits
from ota_broker.front.codec.packets import Cause
from ota_broker.front.codec.reasons import Reason
from ota_broker.front.wheel import Wheel


class Stalled(Protocol):
    """A connection with more bytes waiting than it may have."""

    def close(self, cause: Cause, reason: str, code: Reason | None = None) -> None:
        """End it."""
        ...


class Stall:
    """Ends a connection at its time unless it has been ended itself."""

    __slots__ = ("_peer", "_second", "_wheel")

    def __init__(self, peer: Stalled, wheel: Wheel, due: float) -> None:
        self._peer = peer
        self._wheel = wheel
        self._second = wheel.put(self, due)

    def end(self) -> None:
        """The peer has read."""
        self._wheel.delete(self, self._second)

    def on_deadline(self, now: float) -> None:  # noqa: ARG002 - Timed
        """Drop it (R22)."""
        needed = limits.WRITE_HIGH - limits.WRITE_LOW
        self._peer.close(Cause.THROTTLED, f"it did not read {needed} bytes within {limits.READ_WITHIN:g} s")
