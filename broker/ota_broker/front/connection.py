"""One MQTT connection: bytes in, packets handled in the order they came, bytes out at the end of the turn."""

import asyncio
import math
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Final, Protocol, cast

from ota_broker.front import limits
from ota_broker.front.access import Access, Denial, Identity
from ota_broker.front.arrival import BEFORE_CONNECT
from ota_broker.front.codec import mqtt311
from ota_broker.front.codec.framing import packet_at
from ota_broker.front.codec.packets import REASONS, Cause, Connect, Denied, Message, PacketType, Violation, Will
from ota_broker.front.codec.reasons import Reason
from ota_broker.front.delivery.sessions import Session, at_qos
from ota_broker.front.disturbed import Disturb, Disturbed, Silence, plain
from ota_broker.front.exchange import Exchange
from ota_broker.front.outbox import Outbox
from ota_broker.front.version import Version
from ota_broker.front.wheel import Deadline, Wheel

if TYPE_CHECKING:
    from ota_broker.front.codec.wire import Wire
    from ota_broker.front.terms import Terms

RECORDED: Final = frozenset({Cause.CLIENT_ERROR, Cause.FORBIDDEN, Cause.AUTH_ERROR})
"""Ends that are recorded: for what a client did, and may not do."""
LINGER: Final = 5.0  # seconds a closed connection may take to read its last bytes


class Door(Protocol):
    """What a connection shares with all others that came in by the same door."""

    exchange: Exchange
    outbox: Outbox
    wheel: Wheel
    now: Callable[[], float]
    disturb: Disturb | None

    @property
    def connected(self) -> int:
        """How many connections are open."""
        ...

    def identify(self, transport: asyncio.BaseTransport) -> Identity:
        """Return who stands behind a transport."""
        ...

    def admit(self, client_id: str, identity: Identity, address: str) -> Access | str:
        """Return what a client may do, or the rule that keeps it out."""
        ...

    def entered(self, connection: "Connection") -> bool:
        """Count a connection in. False when there is no room."""
        ...

    def waits_no_more(self, connection: "Connection") -> None:
        """Note that it has sent its CONNECT."""
        ...

    def left(self, connection: "Connection") -> None:
        """Count it out."""
        ...


class Connection(asyncio.Protocol):
    """A peer, from TCP accept to the end. It keeps to MQTT or it is closed, with one line that says why."""

    __slots__ = (
        "_accepts", "_choked", "_closing", "_connected", "_door", "_keep_alive", "_last_seen", "_partial", "_pending",
        "_pending_bytes", "_second", "_stall", "_transport", "_wanted",
        "congested", "exchange", "identity", "packet_max", "peer", "session", "terms", "will", "wire",
    )  # fmt: skip

    def __init__(self, door: Door) -> None:
        self._door = door
        self.exchange = door.exchange
        self.session: Session  # from CONNECT on
        self.will: Will | None = None
        self.wire: Wire = mqtt311  # until CONNECT says which
        self.packet_max = limits.PACKET_MAX  # bytes of a packet the client takes
        self.terms: Terms | None = None  # what only MQTT 5 agrees on
        self._accepts = BEFORE_CONNECT
        self._connected = False
        self._keep_alive = 0.0
        self._partial = bytearray()
        self._wanted = 0  # bytes of the packet in `_partial`, 0 while unknown
        if door.disturb is not None:
            self.be_disturbed()
        self._pending: list[bytes] = []
        self._pending_bytes = 0
        self._choked = False  # requests wait until their sender has read
        self._closing = False
        self._stall: Deadline | None = None  # while it has more to read than it may
        self.congested = False
        self.peer = ""

    # asyncio's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start the time for CONNECT."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(limits.WRITE_HIGH, limits.WRITE_LOW)
        name = transport.get_extra_info("peername")
        self.peer = f"{name[0]}:{name[1]}" if name else "unknown peer"
        self.identity = self._door.identify(transport)
        self._last_seen = self._door.now()
        if not self._door.entered(self):
            self._closing = True
            self._second = 0
            self._transport.abort()
            return
        self._second = self._door.wheel.put(self, self._last_seen + limits.CONNECT_WITHIN)

    def data_received(self, data: bytes) -> None:
        """Handle every whole packet; keep what is not whole."""
        if self._choked:  # a last read may still come in after pause_reading
            self._partial += data
            return
        if self._partial:
            self._partial += data
            if len(self._partial) < self._wanted:
                return
            data = bytes(self._partial)
            self._partial.clear()
        self._take(data)

    def _take(self, data: bytes) -> None:
        position, size = 0, len(data)
        self._wanted = 0
        try:
            while position < size and not self._closing:
                if self.congested or self._pending_bytes > limits.WRITE_HIGH:
                    self._choke()
                    break
                first = data[position]
                handle = self._accepts.get(first >> 4)
                if handle is None:  # told by the first byte: nobody waits for the rest of a web request
                    raise Violation(f"an unexpected packet, type {first >> 4}")  # noqa: TRY301 - MU-7
                start, end = packet_at(data, position, limits.PACKET_MAX)
                if not start or end > size:
                    self._wanted = end - position
                    break
                handle(self, first & 0x0F, data, start, end)
                position = end
        except Violation as violation:
            self.close(violation.cause, str(violation), violation.code)
        if position:
            self._last_seen = self._door.now()
        if position < size and not self._closing:
            self._partial += data[position:]

    def _choke(self) -> None:
        self._choked = True
        self._transport.pause_reading()

    def _unchoke(self) -> None:
        if self._closing or self.congested:
            return
        self._choked = False
        data = bytes(self._partial)
        self._partial.clear()
        self._take(data)
        if not self._choked and not self._closing:
            self._transport.resume_reading()

    def pause_writing(self) -> None:
        """The peer reads slowly: stop serving it, and give it time."""
        self.congested = True
        self._stall = Deadline(self._door.wheel, self._door.now() + limits.READ_WITHIN, self._on_stall)

    def resume_writing(self) -> None:
        """The peer has read: send what waited, then go on with its requests."""
        self.congested = False
        self._end_stall()
        if self._connected and self.session.link is self:
            self.session.pump()
        if self._choked:
            asyncio.get_running_loop().call_soon(self._unchoke)

    def _end_stall(self) -> None:
        if self._stall is not None:
            self._stall.cancel()
            self._stall = None

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """Leave the session, and the door."""
        self._closing = True
        self._leave()
        self._end_stall()
        self._door.wheel.delete(self, self._second)
        self._door.left(self)

    # The session's and the dialogue's side

    def admit(self, client_id: str) -> Access:
        """Return what this client may do here. Raises Denied."""
        access = self._door.admit(client_id, self.identity, self.peer.rpartition(":")[0])
        if isinstance(access, str):
            raise self._denied(client_id, access)
        return access

    def _denied(self, client_id: str, rule: str) -> Denied:
        resource = f"client/{client_id}"
        return self.exchange.denied(Denial("iot:Connect", resource, rule, client_id, self.peer, self.identity))  # MU-1

    def reexamine(self) -> None:
        """Let a client go that may not be connected any more (MP-1, MS-4)."""
        if not self._connected or self._closing:
            return
        rule = self.session.access.stay()
        if rule is not None:
            self.close(Cause.AUTH_ERROR, str(self._denied(self.session.client_id, rule)))

    def subscribing(self, filters: Collection[str]) -> None:
        """Take note of a SUBSCRIBE. Raises Violation when it is too much."""

    def enter(self, session: Session, connect: Connect, keep_alive: float, version: Version) -> None:
        """Become the link of a session. `keep_alive` is seconds, 0 for none."""
        self.session, self.will, self._connected = session, connect.will, True
        self.wire, self._accepts = version.wire, version.accepts[self.exchange.profile.qos_max]
        self._door.waits_no_more(self)
        self._keep_alive = keep_alive
        self._door.wheel.delete(self, self._second)
        if keep_alive:
            self._second = self._door.wheel.put(self, self._door.now() + keep_alive * limits.KEEP_ALIVE_GRACE)

    @property
    def is_connected(self) -> bool:
        """Tell whether it was let in."""
        return self._connected

    def be_disturbed(self) -> None:
        """Handle packets as the door has them handled now: a fault may stand between, or no more."""
        table, disturb = plain(self._accepts), self._door.disturb
        self._accepts = table if disturb is None else Disturbed(table, disturb)

    @property
    def waiting(self) -> int:
        """How many packets are to be written at the end of this turn."""
        return len(self._pending)

    def take_back(self, kind: PacketType, since: int) -> None:
        """Do not send the packets of a type among those that wait, from a place on."""
        kept = [packet for packet in self._pending[since:] if packet[:1] and packet[0] >> 4 != kind]
        self._pending[since:] = kept
        self._pending_bytes = sum(map(len, self._pending))

    def fall_silent(self) -> None:
        """Be half open from here on: what waits leaves, and then nothing, and neither side is told."""
        self.write_pending()
        if not isinstance(self._transport, Silence):
            self._transport = Silence(self._transport)

    def mqtt5_terms(self) -> "Terms":
        """Return the terms of an MQTT 5 connection that was let in."""
        if self.terms is None:
            raise LookupError("no terms before CONNECT, or in MQTT 3.1.1")
        return self.terms

    def send(self, data: bytes) -> None:
        """Write bytes at the end of this turn."""
        if not self._pending:
            self._door.outbox.put(self)
        self._pending.append(data)
        self._pending_bytes += len(data)

    def send_message(self, message: Message, packet_id: int, *, duplicate: bool) -> bool:
        """Write a message at its own QoS. False when it is never to be sent."""
        if packet_id and not self.exchange.may_receive(self.session, message):  # it may have waited until now
            return False
        lasts = None
        if message.expires_at is not None:
            lasts = math.ceil(message.expires_at - self._door.now())
            if lasts <= 0:  # MQTT 5, 3.3.2.3.3
                return self._drop(message, "it has expired")
        data = self.wire.encode_publish(message, packet_id, duplicate=duplicate, lasts=lasts)
        if len(data) > self.packet_max:  # MQTT 5, 3.1.2.11.4
            return self._drop(message, f"{len(data)} bytes, the client takes {self.packet_max}")
        self.send(data)
        return True

    def send_answer(self, message: Message) -> bool:
        """Write an answer of the cloud, at QoS 0."""
        return self.send_message(at_qos(message, 0) if message.qos else message, 0, duplicate=False)

    def send_release(self, packet_id: int) -> None:
        """Write a PUBREL."""
        self.send(self.wire.encode_ack(PacketType.PUBREL, packet_id))

    def takes_stored(self) -> bool:
        """Tell whether one more message that waited is sent in this second: without quotas, all are."""
        return True

    def _drop(self, message: Message, why: str) -> bool:
        self.exchange.notices.say("dropped", f"a message on {message.topic} for {self.session.client_id}: {why}")
        return False

    def write_pending(self) -> None:
        """Hand this turn's bytes to the transport."""
        data = self._pending[0] if len(self._pending) == 1 else b"".join(self._pending)
        self._pending.clear()
        self._pending_bytes = 0
        if self.terms is not None:
            self.terms.unanswered = 0
        if data and not self._transport.is_closing():
            self._transport.write(data)
        if self._closing:
            self._transport.close()
        elif self._choked and not self.congested:
            asyncio.get_running_loop().call_soon(self._unchoke)

    def close(self, cause: Cause, reason: str, code: Reason | None = None) -> None:
        """End the connection and say why. `code` is told to an MQTT 5 client, instead of the cause's own."""
        if self._closing:
            return
        self._say(f"closed {cause}", reason)
        if cause in RECORDED:  # MU-7, MU-8
            client_id = self.session.client_id if self._connected else ""
            self.exchange.refusals.dismissed(client_id, self.peer, self.identity, cause, reason)
        self.dismiss(cause, reason, code)

    def note(self, refusal: Violation) -> None:
        """Say why a request was refused whose connection goes on."""
        self._say("refused", str(refusal))

    def _say(self, cause: str, reason: str) -> None:
        who = f"{self.session.client_id} at {self.peer}" if self._connected else self.peer
        self.exchange.notices.say(cause, f"{who}: {reason}")

    def dismiss(self, cause: Cause, reason: str, code: Reason | None = None) -> None:
        """End the connection with words for the client and none for the log."""
        if self._connected and not self._closing:
            self.send(self.wire.encode_disconnect(REASONS[cause] if code is None else code, reason, self.packet_max))
        self.finish()

    def cut(self) -> None:
        """End the connection at once, whatever waits."""
        self._closing = True
        self._transport.abort()

    def finish(self) -> None:
        """End the connection after what is on its way. The session is left now: a take-over needs it at once."""
        if self._closing:
            return
        self._closing = True
        self._leave()
        self.send(b"")  # the socket is closed once this turn's bytes are written
        self._door.wheel.delete(self, self._second)
        self._second = self._door.wheel.put(self, self._door.now() + LINGER)

    def _leave(self) -> None:
        will, self.will = self.will, None
        if self._connected:
            self.exchange.leave(self.session, self, will)

    # Deadlines

    def _on_stall(self) -> None:
        """Drop a peer that did not read what it was sent (R22)."""
        needed = limits.WRITE_HIGH - limits.WRITE_LOW
        self.close(Cause.THROTTLED, f"it did not read {needed} bytes within {limits.READ_WITHIN:g} s")

    def on_deadline(self, now: float) -> None:
        """Close a peer that was silent too long; cut one that does not read its end."""
        if self._closing:
            self._transport.abort()
            return
        if not self._connected:
            self.close(Cause.CLIENT_ERROR, f"no CONNECT within {limits.CONNECT_WITHIN:g} s")
            return
        due = self._last_seen + self._keep_alive * limits.KEEP_ALIVE_GRACE
        if now < due:
            self._second = self._door.wheel.put(self, due)
        else:
            silence = f"silent for {now - self._last_seen:.0f} s, keep-alive {self._keep_alive:g} s"
            self.close(Cause.KEEP_ALIVE_TIMEOUT, silence)
