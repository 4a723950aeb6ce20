"""One MQTT connection: bytes in, packets handled in the order they came, bytes out at the end of the turn."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Final, Protocol, cast

from ota_broker.front import limits, mqtt311
from ota_broker.front.dialogue import BEFORE_CONNECT, Handle
from ota_broker.front.exchange import Exchange
from ota_broker.front.framing import packet_at
from ota_broker.front.outbox import Outbox
from ota_broker.front.packets import Cause, Message, Violation
from ota_broker.front.sessions import Session
from ota_broker.front.wheel import Wheel

LINGER: Final = 5.0  # seconds a closed connection may take to read its last bytes


class Door(Protocol):
    """What a connection shares with all others that came in by the same door."""

    exchange: Exchange
    outbox: Outbox
    wheel: Wheel
    now: Callable[[], float]

    def entered(self, connection: "Connection") -> bool:
        """Count a connection in. False when there is no room."""
        ...

    def left(self, connection: "Connection") -> None:
        """Count it out."""
        ...


class Connection(asyncio.Protocol):
    """A peer, from TCP accept to the end. It keeps to MQTT or it is closed, with one line that says why."""

    __slots__ = (
        "_accepts", "_choked", "_closing", "_connected", "_door", "_keep_alive", "_last_seen", "_partial", "_pending",
        "_pending_bytes", "_second", "_transport", "_wanted", "congested", "exchange", "peer", "session", "will",
    )  # fmt: skip

    def __init__(self, door: Door) -> None:
        self._door = door
        self.exchange = door.exchange
        self.session: Session  # from CONNECT on
        self.will: Message | None = None
        self._accepts = BEFORE_CONNECT
        self._connected = False
        self._keep_alive = 0.0
        self._partial = bytearray()
        self._wanted = 0  # bytes of the packet in `_partial`, 0 while unknown
        self._pending: list[bytes] = []
        self._pending_bytes = 0
        self._choked = False  # requests wait until their sender has read
        self._closing = False
        self.congested = False
        self.peer = ""

    # asyncio's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start the time for CONNECT."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(limits.WRITE_HIGH, limits.WRITE_LOW)
        name = transport.get_extra_info("peername")
        self.peer = f"{name[0]}:{name[1]}" if name else "unknown peer"
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
            self.close(violation.cause, str(violation))
        if position:
            self._last_seen = self._door.now()
        if not self._closing:
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
        """The peer reads slowly: stop serving it."""
        self.congested = True

    def resume_writing(self) -> None:
        """The peer has read: send what waited, then go on with its requests."""
        self.congested = False
        if self._connected and self.session.link is self:
            self.session.pump()
        if self._choked:
            asyncio.get_running_loop().call_soon(self._unchoke)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """Leave the session, and the door."""
        self._closing = True
        self._leave()
        self._door.wheel.delete(self, self._second)
        self._door.left(self)

    # The session's and the dialogue's side

    def enter(self, session: Session, will: Message | None, keep_alive: float, accepts: Mapping[int, Handle]) -> None:
        """Become the link of a session. `keep_alive` is seconds, 0 for none."""
        self.session, self.will, self._accepts, self._connected = session, will, accepts, True
        self._keep_alive = keep_alive
        self._door.wheel.delete(self, self._second)
        if keep_alive:
            self._second = self._door.wheel.put(self, self._door.now() + keep_alive * limits.KEEP_ALIVE_GRACE)

    def send(self, data: bytes) -> None:
        """Write bytes at the end of this turn."""
        if not self._pending:
            self._door.outbox.put(self)
        self._pending.append(data)
        self._pending_bytes += len(data)

    def send_message(self, message: Message, packet_id: int, *, duplicate: bool) -> None:
        """Write a message at its own QoS."""
        self.send(mqtt311.encode_publish(message, packet_id, duplicate=duplicate))

    def write_pending(self) -> None:
        """Hand this turn's bytes to the transport."""
        data = self._pending[0] if len(self._pending) == 1 else b"".join(self._pending)
        self._pending.clear()
        self._pending_bytes = 0
        if data and not self._transport.is_closing():
            self._transport.write(data)
        if self._closing:
            self._transport.close()
        elif self._choked and not self.congested:
            asyncio.get_running_loop().call_soon(self._unchoke)

    def close(self, cause: Cause, reason: str) -> None:
        """End the connection and say why."""
        if self._closing:
            return
        who = f"{self.session.client_id} at {self.peer}" if self._connected else self.peer
        self.exchange.notices.say(f"closed {cause}", f"{who}: {reason}")
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
        elif self.congested:
            self.close(Cause.THROTTLED, f"it did not read for {now - self._last_seen:.0f} s")
        else:
            silence = f"silent for {now - self._last_seen:.0f} s, keep-alive {self._keep_alive:g} s"
            self.close(Cause.KEEP_ALIVE_TIMEOUT, silence)
