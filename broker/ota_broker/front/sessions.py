"""What the broker remembers of a client: filters, and QoS 1 messages until they are acknowledged."""

from collections import deque
from collections.abc import Iterator
from typing import Final, Protocol

from msgspec.structs import replace

from ota_broker.front import limits
from ota_broker.front.packets import Cause, Message

_PACKET_ID_MAX: Final = 65_535


class Link(Protocol):
    """A session's way to its client while one is connected. `peer` is its `host:port`."""

    peer: str

    def send_message(self, message: Message, packet_id: int, *, duplicate: bool) -> None:
        """Write a message at its own QoS."""
        ...

    @property
    def congested(self) -> bool:
        """Whether the client reads too slowly to be sent more."""
        ...

    def close(self, cause: Cause, reason: str) -> None:
        """End the connection."""
        ...


class Session:
    """One client id's state. It outlives its connection when the client asked for that (MB-3)."""

    __slots__ = (
        "_last_packet_id", "_queue", "_queue_bytes", "_unacknowledged",
        "clean", "client_id", "expires_at", "filters", "link",
    )  # fmt: skip

    def __init__(self, client_id: str, *, clean: bool) -> None:
        self.client_id = client_id
        self.clean = clean
        self.filters: dict[str, int] = {}
        self.link: Link | None = None
        self.expires_at: float | None = None
        self._queue: deque[Message] | None = None  # made when needed: most sessions never queue
        self._queue_bytes = 0
        self._unacknowledged: dict[int, Message] | None = None
        self._last_packet_id = 0

    def deliver(self, message: Message) -> bool:
        """Send or keep a message at its own QoS. Returns False when it was dropped (slow reader, full queue)."""
        if message.qos == 0:  # MB-4: nothing of QoS 0 is kept
            if self.link is None:
                return True
            if self.link.congested:
                return False
            self.link.send_message(message, 0, duplicate=False)
            return True
        if self.link is None and self.clean:
            return True
        return self._enqueue(message)

    def _enqueue(self, message: Message) -> bool:
        queue = self._queue
        if queue is None:
            queue = self._queue = deque()
        if len(queue) >= limits.QUEUE_MAX or self._queue_bytes + len(message.payload) > limits.QUEUE_BYTES_MAX:
            return False
        queue.append(message)
        self._queue_bytes += len(message.payload)
        self.pump()
        return True

    def pump(self) -> None:
        """Send what waits, as far as the client keeps up (Q-25)."""
        queue, link = self._queue, self.link
        if not queue or link is None:
            return
        if self._unacknowledged is None:
            self._unacknowledged = {}
        while queue and not link.congested and len(self._unacknowledged) < limits.IN_FLIGHT_MAX:
            message = queue.popleft()
            self._queue_bytes -= len(message.payload)
            packet_id = self._free_packet_id(self._unacknowledged)
            self._unacknowledged[packet_id] = message
            link.send_message(message, packet_id, duplicate=False)

    def _free_packet_id(self, taken: dict[int, Message]) -> int:
        packet_id = self._last_packet_id
        while True:
            packet_id = packet_id % _PACKET_ID_MAX + 1
            if packet_id not in taken:
                self._last_packet_id = packet_id
                return packet_id

    def acknowledge(self, packet_id: int) -> bool:
        """Take a PUBACK. Returns False when nothing waits for it."""
        if not self._unacknowledged or self._unacknowledged.pop(packet_id, None) is None:
            return False
        self.pump()
        return True

    def resume(self, *, mark_duplicates: bool) -> None:
        """Send again what was not acknowledged, in order, then what waits (4.4). AWS does not set DUP (MB-1)."""
        if self.link is None:
            return
        for packet_id, message in (self._unacknowledged or {}).items():
            self.link.send_message(message, packet_id, duplicate=mark_duplicates)
        self.pump()


class Sessions:
    """All sessions by client id."""

    def __init__(self) -> None:
        self._sessions: dict[str, Session] = {}
        self.find = self._sessions.get

    def __len__(self) -> int:
        return len(self._sessions)

    def __iter__(self) -> Iterator[Session]:
        return iter(self._sessions.values())

    def put(self, session: Session) -> None:
        """Remember a session."""
        self._sessions[session.client_id] = session

    def delete(self, session: Session) -> None:
        """Forget a session, unless another one has taken its client id."""
        if self._sessions.get(session.client_id) is session:
            del self._sessions[session.client_id]


def at_qos(message: Message, granted: int) -> Message:
    """Return the message at min(published, granted)."""
    return message if message.qos <= granted else replace(message, qos=granted)
