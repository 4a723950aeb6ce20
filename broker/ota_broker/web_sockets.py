"""MQTT over WebSocket: `/mqtt` on the gateway, for SDKs that sign with SigV4, and for who has the token (MS-2).

The bytes of its messages go into the same connection as those of a socket.
"""

import asyncio
import hmac
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, cast

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from ota_broker.front import limits
from ota_broker.front.access import ANONYMOUS, Identity
from ota_broker.front.codec.packets import Cause
from ota_broker.front.listener import Listener
from ota_broker.front.wheel import Deadline
from ota_broker.signed_urls import read
from ota_stream.api.web_socket import SOCKET
from ota_stream.stores.errors import StoreError
from ota_stream.stores.keys import write_secret

PATH: Final = "/mqtt"
TOKEN: Final = "token"  # noqa: S105 - a file in a data directory, for its owner's eyes only
SUBPROTOCOL: Final = "mqtt"  # MQTT 3.1.1, 6
SIGNED: Final = Identity(signed=True)
_BEARER: Final = "Bearer "


def read_token(data_dir: Path) -> str:
    """Return what is in the file `token`, which is made when there is none.

    Raises:
        StoreError: it cannot be read or written.
    """
    path = data_dir / TOKEN
    try:
        if not path.is_file():
            write_secret(path, secrets.token_urlsafe(32).encode() + b"\n")
        return path.read_text().strip()
    except OSError as error:
        raise StoreError(f"{path} cannot be kept: {error.strerror}") from error


class MqttOverWebSocket:
    """Takes WebSockets in, and leaves everything else to `otherwise`.

    `token` is what a client may show instead of a signature: `Authorization: Bearer TOKEN`. `wall` is epoch seconds.
    """

    def __init__(self, otherwise: ASGIApp, listener: Listener, token: str, wall: Callable[[], float]) -> None:
        self._otherwise = otherwise
        self._listener = listener
        self._token = token
        self._wall = wall

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one WebSocket, from its request to its end."""
        if scope["type"] != "websocket":
            await self._otherwise(scope, receive, send)
            return
        who = self._who(scope)
        if isinstance(who, str):
            client = scope.get("client") or ("unknown peer", "")
            self._listener.notices.say("websocket", f"{client[0]}:{client[1]}: {who}")
            await PlainTextResponse(f"{who}\n", 403)(scope, receive, send)
            return
        await receive()  # websocket.connect
        await send({"type": "websocket.accept", "subprotocol": SUBPROTOCOL})
        await WebSocketTransport(scope, who, self._listener).run(receive, send)

    def _who(self, scope: Scope) -> Identity | str:
        """Return who comes, or why it may not."""
        if scope["path"] != PATH:
            return f"there is no WebSocket at {scope['path'][:80]!r}: MQTT is at {PATH}"
        if SUBPROTOCOL not in scope["subprotocols"]:
            return f"the WebSocket must ask for the subprotocol {SUBPROTOCOL!r}"
        shown = Headers(scope=scope).get("authorization")
        if shown is not None:
            is_ours = hmac.compare_digest(shown.encode(), (_BEARER + self._token).encode())
            return SIGNED if is_ours else "the token is not the one in the data directory"
        query = scope["query_string"].decode("latin-1")
        if "X-Amz-" in query:
            refusal = read(query, self._wall())
            return SIGNED if refusal is None else refusal
        return ANONYMOUS


class WebSocketTransport(asyncio.Transport):
    """What a connection writes to and is fed from; bounded both ways, as a socket is."""

    def __init__(self, scope: Scope, who: Identity, listener: Listener) -> None:
        super().__init__()
        self._socket = cast("asyncio.Transport", scope["state"][SOCKET])
        self._known = {"peername": scope.get("client"), "identity": who}
        self._listener = listener
        self._connection = listener.new_connection()
        self._waiting: list[bytes] = []
        self._bytes = 0
        self._high, self._low = limits.WRITE_HIGH, limits.WRITE_LOW
        self._congested = self._closing = False
        self._work = asyncio.Event()  # there is something to send, or an end
        self._may_read = asyncio.Event()
        self._may_read.set()

    async def run(self, receive: Receive, send: Send) -> None:
        """Feed the connection until one side ends it."""
        door = self._listener
        limit = Deadline(door.wheel, door.now() + limits.WEBSOCKET_MAX, self._on_limit)
        sending = asyncio.create_task(self._send(send))
        try:
            self._connection.connection_made(self)
            await self._read(receive)
        finally:
            self._closing = True
            sending.cancel()
            await asyncio.wait([sending])
            limit.cancel()
            self._connection.connection_lost(None)

    async def _read(self, receive: Receive) -> None:
        while (message := await receive())["type"] == "websocket.receive":
            data = message.get("bytes")
            if data is None:  # MQTT 3.1.1, 6.0.0-1
                self._connection.close(Cause.CLIENT_ERROR, "a WebSocket message of text; MQTT is binary")
            elif not self._closing:
                self._connection.data_received(data)
            await self._may_read.wait()

    async def _send(self, send: Send) -> None:
        while True:
            await self._work.wait()
            self._work.clear()
            while self._waiting:
                data = b"".join(self._waiting)
                self._waiting.clear()
                await send({"type": "websocket.send", "bytes": data})
                self._bytes -= len(data)
                if self._congested and self._bytes <= self._low:
                    self._congested = False
                    self._connection.resume_writing()
            if self._closing:
                await send({"type": "websocket.close", "code": 1000})
                return

    def _on_limit(self) -> None:
        """End a connection that has lasted a day (Q-32)."""
        self._connection.close(Cause.WEBSOCKET_TTL, f"it has lasted {limits.WEBSOCKET_MAX / 3600:g} h")

    # The connection's side

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Have bytes sent."""
        if self._closing:
            return
        self._waiting.append(bytes(data))
        self._bytes += len(data)
        self._work.set()
        if self._bytes > self._high and not self._congested:
            self._congested = True
            self._connection.pause_writing()

    def close(self) -> None:
        """End it once everything is sent."""
        self._closing = True
        self._may_read.set()
        self._work.set()

    def abort(self) -> None:
        """End it at once."""
        self.close()
        self._waiting.clear()
        self._socket.abort()

    def is_closing(self) -> bool:
        """Tell whether it is closed, or about to be."""
        return self._closing

    def pause_reading(self) -> None:
        """Take no more: the server's own bound then stops the peer."""
        if not self._closing:
            self._may_read.clear()

    def resume_reading(self) -> None:
        """Go on."""
        self._may_read.set()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Say when the connection is to be told of a slow reader."""
        self._high = limits.WRITE_HIGH if high is None else high
        self._low = limits.WRITE_LOW if low is None else low

    def get_extra_info(self, name: str, default: Any = None) -> Any:  # noqa: ANN401 - asyncio's signature
        """Return `peername`, or `identity`, which was shown before MQTT began."""
        return self._known.get(name, default)
