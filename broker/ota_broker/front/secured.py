"""TLS between a socket and a connection: a peer proves who it is, or a line says why it could not.

asyncio has TLS of its own. It tells nobody why a handshake has failed, has a timer for each, and lets a peer's largest
burst stay in memory as long as the peer; here refusals have reasons, the wheel has the deadlines, and what a peer holds
is bounded: two records each way, and one read of the socket while its requests wait.
"""

import asyncio
import contextlib
import ssl
from collections.abc import Callable
from hashlib import sha256
from typing import Any, Final, cast

from ota_broker.front import limits
from ota_broker.front.access import ANONYMOUS, Identity
from ota_broker.front.notices import Notices
from ota_broker.front.wheel import Deadline, Wheel

RECORD: Final = 16 * 1024  # bytes of the largest record: what goes through OpenSSL at one time

_REASONS: Final = {
    "PEER_DID_NOT_RETURN_A_CERTIFICATE": "it showed no client certificate",
    "WRONG_VERSION_NUMBER": "this is no TLS: the plain port is another one",
    "HTTP_REQUEST": "this is HTTP: the gateway is another port",
    "UNSUPPORTED_PROTOCOL": "it speaks an older TLS than 1.2",
    "CALLBACK_FAILED": "it named no server (SNI), which this port asks for",
    "TLSV1_ALERT_UNKNOWN_CA": "it does not trust our CA: give it the file that `ota-stream certs ca` writes",
    "SSLV3_ALERT_BAD_CERTIFICATE": "it does not accept our certificate: has it the host name that it was called by?",
}
"""What OpenSSL calls it, and what it means for a person."""


class SecuredPort:
    """A port for TLS: what its peers have in common, and those whose handshake is under way."""

    def __init__(
        self,
        context: ssl.SSLContext,
        make: Callable[[], asyncio.Protocol],
        wheel: Wheel,
        now: Callable[[], float],
        notices: Notices,
    ) -> None:
        self.context = context
        self.make = make
        self.wheel = wheel
        self.now = now
        self.notices = notices
        self.strangers: set[Secured] = set()

    def __call__(self) -> "Secured":
        """Meet a new peer."""
        return Secured(self)

    def close(self) -> None:
        """Cut whoever has not become a connection."""
        for stranger in list(self.strangers):
            stranger.abort()


class Secured(asyncio.Protocol, asyncio.Transport):
    """One peer: to the socket a protocol; and once it has shown who it is, a transport to its connection."""

    __slots__ = ("_deadline", "_incoming", "_outgoing", "_paused", "_plain", "_port", "_protocol", "_tls")

    def __init__(self, port: SecuredPort) -> None:
        super().__init__()
        self._port = port
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = port.context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._protocol: asyncio.Protocol | None = None  # from the end of the handshake on
        self._paused = False

    # The socket's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start the time for the handshake."""
        self._plain = cast("asyncio.Transport", transport)
        port = self._port
        self._deadline = Deadline(port.wheel, port.now() + limits.HANDSHAKE_WITHIN, self._on_deadline)
        port.strangers.add(self)
        if len(port.strangers) > limits.HANDSHAKES_MAX:
            self._refuse(f"{limits.HANDSHAKES_MAX} TLS handshakes are under way already")

    def data_received(self, data: bytes) -> None:
        """Take what was read, a record at a time: what is kept for a peer stays small."""
        for start in range(0, len(data), RECORD):
            self._incoming.write(data[start : start + RECORD] if len(data) > RECORD else data)
            if self._protocol is None and not self._shake_hands():
                continue
            if not self._paused:
                self._pass_on()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the connection, or the log when there never was one."""
        if self._protocol is not None:
            self._protocol.connection_lost(exc)
        elif self in self._port.strangers:
            self._refuse("it left during the TLS handshake")

    def pause_writing(self) -> None:
        """Pass it on."""
        if self._protocol is not None:
            self._protocol.pause_writing()

    def resume_writing(self) -> None:
        """Pass it on."""
        if self._protocol is not None:
            self._protocol.resume_writing()

    def _on_deadline(self) -> None:
        """Cut a peer that takes too long to say who it is."""
        self._refuse(f"no TLS handshake within {limits.HANDSHAKE_WITHIN:g} s")

    # TLS

    def _shake_hands(self) -> bool:
        """Go on with the handshake. True when there is a connection behind it."""
        if self not in self._port.strangers:
            return False
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            self._flush()
            return False
        except ssl.SSLError as error:
            self._flush()  # an alert says it to the peer
            self._refuse(_reason(error))
            return False
        self._flush()
        self._forget()
        self._protocol = self._port.make()
        self._protocol.connection_made(self)
        return True

    def _pass_on(self) -> None:
        """Give the connection what is whole."""
        protocol = cast("asyncio.Protocol", self._protocol)
        while not self._paused and (self._incoming.pending or self._tls.pending()) and not self._plain.is_closing():
            try:
                data = self._tls.read(RECORD)
            except ssl.SSLWantReadError:
                break
            except ssl.SSLError:  # what was tampered with, or a goodbye
                self._plain.close()
                return
            if not data:
                self._plain.close()
                return
            protocol.data_received(data)
        self._flush()

    def _flush(self) -> None:
        if self._outgoing.pending and not self._plain.is_closing():
            self._plain.write(self._outgoing.read())

    def _forget(self) -> None:
        self._port.strangers.discard(self)
        self._deadline.cancel()

    def _refuse(self, reason: str) -> None:
        self._forget()
        name = self._plain.get_extra_info("peername")
        self._port.notices.say("tls", f"{name[0]}:{name[1]}: {reason}" if name else reason)
        self._plain.close()

    # The connection's side

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Write, a record at a time: OpenSSL's buffer never holds more."""
        if self._plain.is_closing():
            return
        parts: list[bytes] = []
        rest = memoryview(data)
        while rest:
            rest = rest[self._tls.write(rest[:RECORD]) :]
            parts.append(self._outgoing.read())
        self._plain.write(parts[0] if len(parts) == 1 else b"".join(parts))

    def close(self) -> None:
        """Take leave, and close once everything is written."""
        if not self._plain.is_closing():
            with contextlib.suppress(ssl.SSLError):  # its own goodbye is not waited for
                self._tls.unwrap()
            self._flush()
            self._plain.close()

    def abort(self) -> None:
        """Close at once."""
        self._forget()
        self._plain.abort()

    def is_closing(self) -> bool:
        """Tell whether it is closed, or about to be."""
        return self._plain.is_closing()

    def pause_reading(self) -> None:
        """Keep what comes: at most one read of the socket."""
        self._paused = True
        self._plain.pause_reading()

    def resume_reading(self) -> None:
        """Go on with what was kept."""
        self._paused = False
        if not self._plain.is_closing():
            self._plain.resume_reading()
            asyncio.get_running_loop().call_soon(self._pass_on)

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Set those of the socket."""
        self._plain.set_write_buffer_limits(high, low)

    def get_extra_info(self, name: str, default: Any = None) -> Any:  # noqa: ANN401 - asyncio's signature
        """Return `ssl_object`, or what the socket tells."""
        return self._tls if name == "ssl_object" else self._plain.get_extra_info(name, default)


def identity_of(tls: ssl.SSLObject | None) -> Identity:
    """Return who has shown a certificate in a handshake: AWS's id of it is the SHA-256 of its DER form."""
    shown = None if tls is None else tls.getpeercert(binary_form=True)
    return ANONYMOUS if shown is None else Identity(sha256(shown).hexdigest())


def _reason(error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is refused: {error.verify_message}"
    return _REASONS.get(error.reason or "", f"the TLS handshake has failed: {error.reason or error}")
