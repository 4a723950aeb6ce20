"""Connections that count: one that only counts, and one that is held to the quotas message by message.

Which of them a door makes is decided once, so that a connection without quotas pays nothing.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Final

from ota_broker.front import dialogue5, limits
from ota_broker.front.access import Access
from ota_broker.front.codec import mqtt5
from ota_broker.front.codec.packets import Connect, Message, PacketType, Violation
from ota_broker.front.connection import Connection, Door
from ota_broker.front.delivery.sessions import Session
from ota_broker.front.metering.meter import Meter
from ota_broker.front.metering.quotas import Mode
from ota_broker.front.metering.usage import Usage
from ota_broker.front.version import Handle, Version


class CountedConnection(Connection):
    """Counts messages and bytes of the second at hand; the meter judges them when it is over."""

    __slots__ = ("_meter", "_octets", "came", "replayed", "went")

    def __init__(self, door: Door, meter: Meter) -> None:
        super().__init__(door)
        self._meter = meter
        self._octets: int = 0  # while it is not 0, the meter knows of this connection
        self.came: int = 0
        self.went: int = 0
        self.replayed: int = 0  # one more than the quota: something waits for the next second

    @property
    def who(self) -> str:
        """Who it is, for people."""
        return f"{self.session.client_id} at {self.peer}" if self._connected else self.peer

    def begin_second(self, octets_max: int) -> tuple[int, int, int]:  # noqa: ARG002 - it owes nothing
        """Return messages in, messages out and bytes, and count anew."""
        counted = self.came, self.went, self._octets
        is_late = self.replayed > self._meter.replays.limit_if(Mode.ENFORCE)
        self.came = self.went = self._octets = self.replayed = 0
        if is_late and self.session.link is self:
            self.session.pump()
        return counted

    def data_received(self, data: bytes) -> None:
        """Count the bytes."""
        if not self._octets:
            self._meter.touched[self] = None
        self._octets += len(data)
        Connection.data_received(self, data)

    def write_pending(self) -> None:
        """Count the bytes."""
        if not self._octets and self._pending_bytes:
            self._meter.touched[self] = None
        self._octets += self._pending_bytes
        Connection.write_pending(self)

    def send_message(self, message: Message, packet_id: int, *, duplicate: bool) -> bool:
        """Count the message."""
        self.went += 1
        return Connection.send_message(self, message, packet_id, duplicate=duplicate)

    def takes_stored(self) -> bool:
        """Count a message that waited for the client's return (Q-31)."""
        replays = self._meter.replays
        if self.replayed > replays.limit_if(Mode.ENFORCE):
            return False
        self.replayed += 1
        if replays.allows(self.replayed - 1, 1, self.who, self._meter.now):
            return True
        self._meter.touched[self] = None  # even if nothing it was sent has left: it is to go on
        return False

    def admit(self, client_id: str) -> Access:
        """Count the CONNECT (Q-23)."""
        self._meter.connect(client_id, self._door.connected - 1)
        return super().admit(client_id)

    def subscribing(self, filters: Collection[str]) -> None:
        """Count the SUBSCRIBE (Q-24)."""
        self._meter.subscribe(len(filters), len(self.session.filters.keys() | filters), self.who)

    def enter(self, session: Session, connect: Connect, keep_alive: float, version: Version) -> None:
        """Count every PUBLISH from now on."""
        super().enter(session, connect, keep_alive, version)
        self._accepts = _with_publish(self._accepts, _counting)


class EnforcedConnection(CountedConnection):
    """Drops messages beyond the quotas, and keeps bytes beyond them for the next second."""

    __slots__ = ("_held",)

    def __init__(self, door: Door, meter: Meter) -> None:
        super().__init__(door, meter)
        self._held = False  # until it owes less than one second's bytes

    def begin_second(self, octets_max: int) -> tuple[int, int, int]:
        """Return messages in, messages out and bytes; what was too much is owed."""
        counted = super().begin_second(octets_max)
        self._octets = max(0, counted[2] - octets_max)
        if self._octets:
            self._meter.touched[self] = None
        if self._held and self._octets <= octets_max:
            self._held = False
            self._door.outbox.put(self)
        return counted

    def takes(self) -> Violation | None:
        """Count a PUBLISH in, or return why it may not come in."""
        exceeded = self._exceeded(self._meter.incoming)
        if exceeded is not None:
            return exceeded.violation()
        self.came += 1
        return None

    def _exceeded(self, account: Usage) -> Usage | None:
        """Return the quota that forbids one more message in or out, if any (Q-20, Q-22)."""
        meter = self._meter
        if self.came + self.went >= meter.publishes.limit_if(Mode.ENFORCE):
            meter.publishes.over(1, self.who, meter.now)
            return meter.publishes
        if account.mode is Mode.ENFORCE and not account.spend(1, self.who, meter.now):
            return account
        return None

    def send_message(self, message: Message, packet_id: int, *, duplicate: bool) -> bool:
        """Write a message if it is allowed and there is room. False when it is never to be sent."""
        if self._exceeded(self._meter.outgoing) is not None:
            return False
        if self._held and self._pending_bytes > limits.WRITE_HIGH:
            return self._drop(message, f"{self._pending_bytes} bytes wait for its next second (Q-21)")
        return CountedConnection.send_message(self, message, packet_id, duplicate=duplicate)

    def data_received(self, data: bytes) -> None:
        """Take no more when it was too much."""
        CountedConnection.data_received(self, data)
        self._hold_if_needed()

    def write_pending(self) -> None:
        """Write, unless it was too much already."""
        if not self._held:
            CountedConnection.write_pending(self)
            self._hold_if_needed()

    def finish(self) -> None:
        """End the connection: what waits leaves first, whatever the quota."""
        if self._held:
            self._held = False
            self._door.outbox.put(self)
        super().finish()

    def enter(self, session: Session, connect: Connect, keep_alive: float, version: Version) -> None:
        """Judge every PUBLISH from now on."""
        Connection.enter(self, session, connect, keep_alive, version)
        self._accepts = _with_publish(self._accepts, _judging)

    def _hold_if_needed(self) -> None:
        octets = self._meter.octets
        if self._held or self._closing or self._octets <= octets.limit_if(Mode.ENFORCE):
            return
        self._held = True
        octets.over(self._octets - octets.limit, self.who, self._meter.now)
        self._choke()

    def _unchoke(self) -> None:
        if not self._held:
            super()._unchoke()


def _counting(handle: Handle) -> Handle:
    def on_publish(peer: Connection, flags: int, data: bytes, start: int, end: int) -> None:
        if isinstance(peer, CountedConnection):
            peer.came += 1
        handle(peer, flags, data, start, end)

    return on_publish


def _judging(handle: Handle) -> Handle:
    """Let a message in only if it is allowed; MQTT 5 has words for one that is not, 3.1.1 has none."""

    def on_publish(peer: Connection, flags: int, data: bytes, start: int, end: int) -> None:
        if not isinstance(peer, EnforcedConnection):
            return
        refusal = peer.takes()
        if refusal is None:
            handle(peer, flags, data, start, end)
        elif peer.terms is not None:
            dialogue5.discard(peer, mqtt5.decode_publish(flags, data, start, end), refusal)

    return on_publish


_TABLES: Final[dict[tuple[int, str], Mapping[int, Handle]]] = {}  # the tables of the dialogue live for ever


def _with_publish(accepts: Mapping[int, Handle], change: Callable[[Handle], Handle]) -> Mapping[int, Handle]:
    """Return a table of the dialogue with another way to take a PUBLISH."""
    key = (id(accepts), change.__name__)
    table = _TABLES.get(key)
    if table is None:
        table = _TABLES[key] = {**accepts, PacketType.PUBLISH: change(accepts[PacketType.PUBLISH])}
    return table


def maker(door: Door, meter: Meter) -> Callable[[], Connection]:
    """Return what makes the connections of a door: those that do what the quotas need, and no more."""
    if meter.judges_messages:
        return lambda: EnforcedConnection(door, meter)
    if meter.is_off:
        return lambda: Connection(door)
    return lambda: CountedConnection(door, meter)
