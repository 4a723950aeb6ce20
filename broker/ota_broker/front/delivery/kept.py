"""What of sessions and retained messages outlives the process: rows, written before the turn's packets leave."""

from collections.abc import MutableMapping
from typing import Final

from msgspec import Struct, field
from msgspec.structs import replace

from ota_broker.front import limits
from ota_broker.front.codec.packets import Message
from ota_stream.clock import Clock

OVERHEAD: Final = 256  # bytes that a kept message takes beside its payload, roughly


class KeptSession(Struct, frozen=True):
    """A session that outlives its connection, by client id.

    It lasts `expiry` seconds after the disconnect: until `ends_at`, seconds of the wall clock, None while its client is
    connected. `filters` are filter -> grant, `subscription_ids` filter -> id, `received` the packet ids of QoS 2
    messages that the client has not released.
    """

    expiry: float
    ends_at: float | None
    filters: dict[str, int]
    subscription_ids: dict[str, int] | None = None
    received: set[int] | None = None


class KeptMessage(Struct, frozen=True):
    """A message that its client has not acknowledged; None when only its PUBREL is under way (4.3.3).

    A session's messages go in their `order`. Was it `sent`? In a row, `expires_at` is of the wall clock.
    """

    client_id: str
    packet_id: int
    order: int
    sent: bool
    message: Message | None


class Rows(Struct, frozen=True):
    """Where they are kept: plain mappings, or tables of the state database (docs/decisions/0004)."""

    sessions: MutableMapping[str, KeptSession] = field(default_factory=dict[str, KeptSession])
    messages: MutableMapping[str, KeptMessage] = field(default_factory=dict[str, KeptMessage])
    retained: MutableMapping[str, Message] = field(default_factory=dict[str, Message])


class Shelf:
    """What all sessions have in common: rows, a clock, and one bound on the bytes of all that waits."""

    def __init__(self, rows: Rows, clock: Clock) -> None:
        self.rows = rows
        self.bytes = 0  # of all messages that wait, as `size_of` has them
        self.now = clock.monotonic
        self._wall = clock.wall

    # Moments

    def to_wall(self, monotonic: float) -> float:
        """Return a moment in seconds of the wall clock: only that one goes on while we are down."""
        return monotonic - self.now() + self._wall()

    def from_wall(self, wall: float, at_most: float) -> float:
        """Return a kept moment in monotonic seconds, at most so many from now: clocks may be set back."""
        return self.now() + min(wall - self._wall(), at_most)

    def on_wall(self, message: Message) -> Message:
        """Return a message as it is written to a row."""
        expires_at = message.expires_at
        return message if expires_at is None else replace(message, expires_at=self.to_wall(expires_at))

    def off_wall(self, message: Message) -> Message:
        """Return a message as it was read from a row."""
        if message.expires_at is None:
            return message
        return replace(message, expires_at=self.from_wall(message.expires_at, limits.MESSAGE_EXPIRY_MAX))

    # Messages to a session

    def put(self, client_id: str, packet_id: int, order: int, message: Message) -> None:
        """Keep a message that was not sent yet."""
        row = KeptMessage(client_id, packet_id, order, sent=False, message=self.on_wall(message))
        self.rows.messages[_key(client_id, packet_id)] = row

    def mark_sent(self, client_id: str, packet_id: int) -> None:
        """Note that a message is on its way: it will be sent again with the same packet id (4.4)."""
        row = self.rows.messages.get(key := _key(client_id, packet_id))
        if row is not None and not row.sent:
            self.rows.messages[key] = replace(row, sent=True)

    def mark_released(self, client_id: str, packet_id: int) -> None:
        """Note that a QoS 2 message has arrived; the exchange about it goes on."""
        row = self.rows.messages.get(key := _key(client_id, packet_id))
        if row is not None:
            self.rows.messages[key] = replace(row, message=None)

    def delete(self, client_id: str, packet_id: int) -> None:
        """Forget a message."""
        self.rows.messages.pop(_key(client_id, packet_id), None)


def size_of(message: Message) -> int:
    """Return what a waiting message takes, in bytes."""
    return len(message.payload) + OVERHEAD


def _key(client_id: str, packet_id: int) -> str:
    return f"{packet_id} {client_id}"
