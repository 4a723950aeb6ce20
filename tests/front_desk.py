"""Sessions without sockets, for tests: a clock to move, a shelf to keep them on, a client that keeps to the rules."""

from collections import deque

import msgspec

from ota_broker.front.codec.packets import Cause, Message, PacketType
from ota_broker.front.delivery.kept import KeptMessage, KeptSession, Rows, Shelf
from ota_broker.front.delivery.sessions import Session


class Clock:
    """Two clocks a test sets: the wall's may jump, the other goes on."""

    def __init__(self) -> None:
        self.wall_now, self.now = 1_700_000_000.0, 1000.0

    def wall(self) -> float:
        return self.wall_now

    def monotonic(self) -> float:
        return self.now

    def move(self, seconds: float) -> None:
        self.wall_now += seconds
        self.now += seconds


def shelf(rows: Rows | None = None, clock: Clock | None = None) -> Shelf:
    return Shelf(rows or Rows(), clock or Clock())


def on_disk(rows: Rows) -> Rows:
    """Return the rows as a next process would read them."""
    kinds = {"sessions": KeptSession, "messages": KeptMessage, "retained": Message}
    return Rows(
        **{
            name: {
                key: msgspec.json.decode(msgspec.json.encode(row), type=kind)
                for key, row in getattr(rows, name).items()
            }
            for name, kind in kinds.items()
        }
    )


class Client:
    """A link, and the client at its end: it takes one packet at a time, and acknowledges by the rules (4.3)."""

    peer = "127.0.0.1:1"

    def __init__(self) -> None:
        self.inbox: deque[tuple[Message | None, int, bool]] = deque()
        self.got: list[Message] = []
        self.congested = False
        self.stored_max = 1000  # messages that waited and that it is sent at once
        self._held: set[int] = set()  # QoS 2 messages that the broker has not released

    # Link

    def send_message(self, message: Message, packet_id: int, *, duplicate: bool) -> bool:
        self.inbox.append((message, packet_id, duplicate))
        return True

    def send_release(self, packet_id: int) -> None:
        self.inbox.append((None, packet_id, False))

    def takes_stored(self) -> bool:
        self.stored_max -= 1
        return self.stored_max >= 0

    def close(self, cause: Cause, reason: str) -> None:
        raise AssertionError((cause, reason))

    # The client

    def take(self) -> tuple[PacketType, int] | None:
        """Take the next packet, and return what to say to it."""
        message, packet_id, _ = self.inbox.popleft()
        if message is None:
            self._held.discard(packet_id)
            return PacketType.PUBCOMP, packet_id
        if message.qos < 2 or packet_id not in self._held:
            self.got.append(message)
        if message.qos == 2:
            self._held.add(packet_id)
        kinds = {1: PacketType.PUBACK, 2: PacketType.PUBREC}
        return (kinds[message.qos], packet_id) if message.qos else None

    def drain(self, session: Session) -> None:
        """Take and acknowledge all that comes."""
        while self.inbox:
            say(session, self.take())

    @property
    def payloads(self) -> list[bytes]:
        return [message.payload for message in self.got]


def say(session: Session, answer: tuple[PacketType, int] | None) -> None:
    """Hand a client's acknowledgement to its session, as the dialogue does."""
    if answer is None:
        return
    kind, packet_id = answer
    session.acknowledge(kind, packet_id)
    if kind is PacketType.PUBREC and session.link is not None:
        session.link.send_release(packet_id)
