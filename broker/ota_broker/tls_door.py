"""The port for certificates: it opens at once, and listens as soon as it is known who may come."""

import asyncio
from collections.abc import Awaitable, Callable

from ota_broker.front.listener import Listener, open_port
from ota_broker.tls import Tls
from ota_stream.api.aws.moto.principals import MotoPrincipals


class TlsDoor:
    """Peers may connect from the start on; the first handshakes wait for `load`, which is moto's second.

    Raises:
        ListenError: one line that says why the port cannot be opened.
    """

    def __init__(self, host: str, port: int, tls: Tls, principals: MotoPrincipals) -> None:
        self._opened = open_port(host, port)
        self.host, self.port = self._opened.getsockname()[:2]
        self.tls = tls
        self._principals = principals
        self._opening: asyncio.Task[None] | None = None

    def serve(self, listener: Listener, load: Callable[[], Awaitable[None]]) -> None:
        """Listen once everything is loaded."""
        self._opening = asyncio.create_task(self._serve(listener, load))

    async def _serve(self, listener: Listener, load: Callable[[], Awaitable[None]]) -> None:
        if not self._principals.are_none:
            await load()
        await asyncio.to_thread(self._trust)  # ten thousand certificates are half a second
        await listener.listen(self._opened, self.tls.devices)

    def changed(self) -> None:
        """Trust what was registered since."""
        self._trust()

    def _trust(self) -> None:
        self.tls.trust(self._principals.anchors())

    async def close(self) -> None:
        """Close the port, unless it is the listener's by now, as connections are."""
        if self._opening is not None:
            self._opening.cancel()
            await asyncio.wait([self._opening])
            if not self._opening.cancelled() and self._opening.exception() is None:
                return
        self._opened.close()
