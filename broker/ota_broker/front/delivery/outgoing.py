"""A client's messages of QoS 1 and 2, from the moment they are due until it has acknowledged them."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from ota_broker.front import limits
from ota_broker.front.codec.packets import Message, PacketType
from ota_broker.front.delivery.kept import KeptMessage, Shelf, size_of
from ota_broker.front.delivery.link import Link

PACKET_ID_MAX: Final = 65_535

# Which acknowledgements a message waits for, by its QoS, and whether it is the last one (4.3.2, 4.3.3). 0 stands for a
# message that has arrived and whose PUBREL is under way; a PUBREC again then says that the PUBREL was lost.
_IS_LAST: Final[Mapping[int, Mapping[PacketType, bool]]] = MappingProxyType(
    {
        1: {PacketType.PUBACK: True},
        2: {PacketType.PUBREC: False},
        0: {PacketType.PUBREC: False, PacketType.PUBCOMP: True},
    }
)


class Outgoing:
    """A packet id is given when a message is taken in, so it stays the same however often it is sent (4.4)."""

    __slots__ = (
        "_bytes", "_client_id", "_kept", "_last_packet_id", "_order", "_sent", "_shelf", "_stored", "_waiting",
    )  # fmt: skip

    def __init__(self, client_id: str, shelf: Shelf) -> None:
        self._client_id = client_id
        self._shelf = shelf
        self._waiting: dict[int, Message] = {}
        self._stored: dict[int, Message] | None = None  # what waited for its return: first, or slower
        self._sent: dict[int, Message | None] = {}  # None: it has arrived, our PUBREL waits for its PUBCOMP
        self._kept: set[int] | None = None  # which of them have a row; made with the first
        self._bytes = 0
        self._last_packet_id = 0
        self._order = 0

    def put(self, message: Message, *, lasting: bool) -> bool:
        """Take a message in; a lasting one outlives the process. Returns False when there is no room."""
        size, shelf = size_of(message), self._shelf
        if (
            len(self._waiting) + len(self._stored or ()) >= limits.QUEUE_MAX
            or self._bytes + size > limits.QUEUE_BYTES_MAX
            or shelf.bytes + size > limits.QUEUES_BYTES_MAX
        ):
            return False
        packet_id = self._free_packet_id()
        self._order += 1
        self._waiting[packet_id] = message
        self._bytes += size
        shelf.bytes += size
        if lasting:
            self._keep(packet_id)
            self._shelf.put(self._client_id, packet_id, self._order, message)
        return True

    def restore(self, row: KeptMessage) -> None:
        """Take in what was kept: in order, before anything else."""
        self._order, self._last_packet_id = row.order, row.packet_id
        self._keep(row.packet_id)
        message = row.message and self._shelf.off_wall(row.message)
        if message is not None:
            self._count(size_of(message))
        if message is None or row.sent:
            self._sent[row.packet_id] = message
        else:
            self._waiting[row.packet_id] = message

    def pump(self, link: Link, in_flight_max: int) -> None:
        """Send what waits, as far as the client keeps up (Q-25; MQTT 5, 4.9)."""
        stored, waiting = self._stored, self._waiting
        while stored and len(self._sent) < in_flight_max and not link.congested and link.takes_stored():
            self._send_first(stored, link)
        while waiting and len(self._sent) < in_flight_max and not link.congested:
            self._send_first(waiting, link)

    def resume(self, link: Link, in_flight_max: int, *, mark_duplicates: bool) -> None:
        """Send again, in order, what was not acknowledged (4.4), then what waits. AWS does not set DUP (MB-1)."""
        again, self._sent = self._sent, {}
        late: dict[int, Message] = {}  # the client takes fewer at a time than it did, or in this second
        for packet_id, message in again.items():
            if message is None:
                self._sent[packet_id] = None
                link.send_release(packet_id)
            elif not late and len(self._sent) < in_flight_max and link.takes_stored():
                self._send(packet_id, message, link, duplicate=mark_duplicates)
            else:
                late[packet_id] = message
        self._stored = {**late, **(self._stored or {}), **self._waiting} or None
        self._waiting = {}
        self.pump(link, in_flight_max)

    def _send_first(self, queue: dict[int, Message], link: Link) -> None:
        packet_id = next(iter(queue))
        self._send(packet_id, queue.pop(packet_id), link, duplicate=False)

    def _send(self, packet_id: int, message: Message, link: Link, *, duplicate: bool) -> None:
        if link.send_message(message, packet_id, duplicate=duplicate):
            self._sent[packet_id] = message
            if self._kept and packet_id in self._kept:
                self._shelf.mark_sent(self._client_id, packet_id)
        else:
            self._forget(packet_id, message)

    def acknowledge(self, kind: PacketType, packet_id: int) -> bool:
        """Take a PUBACK, PUBREC or PUBCOMP. Returns False when nothing waits for it."""
        if packet_id not in self._sent:
            return False
        message = self._sent[packet_id]
        is_last = _IS_LAST[0 if message is None else message.qos].get(kind)
        if is_last is None:
            return False
        if is_last:
            del self._sent[packet_id]
            self._forget(packet_id, message)
        elif message is not None:
            self._sent[packet_id] = None
            self._count(-size_of(message))
            if self._kept and packet_id in self._kept:
                self._shelf.mark_released(self._client_id, packet_id)
        return True

    def drop(self, packet_id: int) -> None:
        """Forget a message that was sent, whatever it waits for. Nothing happens when there is none."""
        if packet_id in self._sent:
            self._forget(packet_id, self._sent.pop(packet_id))

    def clear(self) -> None:
        """Forget everything."""
        for packet_id, message in (*(self._stored or {}).items(), *self._waiting.items(), *self._sent.items()):
            self._forget(packet_id, message)
        self._stored = None
        self._waiting.clear()
        self._sent.clear()

    def _forget(self, packet_id: int, message: Message | None) -> None:
        if message is not None:
            self._count(-size_of(message))
        if self._kept and packet_id in self._kept:
            self._kept.remove(packet_id)
            self._shelf.delete(self._client_id, packet_id)

    def _keep(self, packet_id: int) -> None:
        if self._kept is None:
            self._kept = set()
        self._kept.add(packet_id)

    def _count(self, size: int) -> None:
        self._bytes += size
        self._shelf.bytes += size

    def _free_packet_id(self) -> int:
        packet_id = self._last_packet_id
        while True:
            packet_id = packet_id % PACKET_ID_MAX + 1
            is_stored = self._stored is not None and packet_id in self._stored
            if not is_stored and packet_id not in self._waiting and packet_id not in self._sent:
                self._last_packet_id = packet_id
                return packet_id
