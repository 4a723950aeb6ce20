"""An HTTP server inside somebody else's event loop: uvicorn, without its hands on signals and logging."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Generator
from functools import partial
from typing import Final

import uvicorn
from starlette.types import ASGIApp

from ota_stream.api.http_protocol import BoundedHttp
from ota_stream.api.web_socket import OpenWebSocket
from ota_stream.errors import OtaStreamError

MESSAGE_MAX: Final = 256 * 1024  # bytes of a WebSocket message
_START_WITHIN: Final = 10.0  # seconds
_KEEP_ALIVE: Final = 75  # seconds an agent may take between two blocks on one connection
_STOP_WITHIN: Final = 2  # seconds for answers under way


class HttpError(OtaStreamError):
    """The HTTP port cannot be opened."""


def _given(context: ssl.SSLContext, *_: object) -> ssl.SSLContext:
    return context


class _Guest(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        yield  # the host of the loop decides when to stop


class HttpServer:
    """Opens `host` and `port` at once, 0 picks a free one; `serve` begins to answer.

    The address is known before there is an app: presigned URLs carry it.

    Raises:
        HttpError: one line that says why the port cannot be opened.
    """

    def __init__(self, host: str, port: int) -> None:
        try:
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            self._listening = socket.create_server((host, port), family=family, backlog=1024)
        except OSError as error:
            why = (error.strerror or str(error)).partition(" (while")[0]  # what follows says the address again
            raise HttpError(f"cannot listen on {host} port {port}: {why}") from error
        # asyncio leaves this out for a socket it did not make: 40 ms for each answer on a kept connection without it
        self._listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.host: str = self._listening.getsockname()[0]
        self.port: int = self._listening.getsockname()[1]
        self._server: _Guest | None = None
        self._serving: asyncio.Task[None] | None = None

    @property
    def base(self) -> str:
        """Scheme, host and port of every URL here."""
        return f"http://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"

    async def serve(self, app: ASGIApp, context: ssl.SSLContext | None = None) -> None:
        """Begin to answer, by TLS where there is a context. WebSockets come to the same application."""
        config = uvicorn.Config(
            app, log_config=None, access_log=False, server_header=False, lifespan="off",
            timeout_graceful_shutdown=_STOP_WITHIN,
            timeout_keep_alive=_KEEP_ALIVE, http=BoundedHttp,
            ws=OpenWebSocket, ws_max_size=MESSAGE_MAX, ws_per_message_deflate=False, ws_ping_interval=None,
            ssl_context_factory=None if context is None else partial(_given, context),
        )  # fmt: skip
        self._server = _Guest(config)
        self._serving = asyncio.create_task(self._server.serve([self._listening]))
        async with asyncio.timeout(_START_WITHIN):
            while not self._server.started:  # noqa: ASYNC110 - uvicorn tells it by a flag
                await asyncio.sleep(0.001)

    async def stop(self) -> None:
        """Close the port and let the answers under way end."""
        if self._server is not None and self._serving is not None:
            self._server.should_exit = True
            await self._serving
        self._listening.close()
