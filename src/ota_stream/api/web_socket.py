"""WebSocket as uvicorn speaks it, for those who need its socket: a peer that does not read can only be cut there."""

from typing import TYPE_CHECKING, Final

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

if TYPE_CHECKING:
    from uvicorn._types import ASGISendEvent

SOCKET: Final = "socket"  # in the state of a scope: the asyncio.Transport


class OpenWebSocket(WebSocketsSansIOProtocol):
    """One connection; the application finds its transport in the scope."""

    async def run_asgi(self) -> None:
        """Run the application."""
        self.scope["state"] = {**self.app_state, SOCKET: self.transport}
        await super().run_asgi()

    async def send(self, message: "ASGISendEvent") -> None:
        """Send what the application says. One that has refused is done: uvicorn would log each as a fault of it."""
        await super().send(message)
        self.handshake_complete |= self.close_sent
