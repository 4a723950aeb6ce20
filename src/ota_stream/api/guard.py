"""Who may call: this machine's own programs. A web page in a browser on this machine is not one of them (A17, A18)."""

from collections.abc import Collection
from typing import Final

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

LOCAL_NAMES: Final = frozenset({"localhost", "127.0.0.1", "[::1]"})


class LocalOnly:
    """Refuses a Host that is not one of ours (a rebound name), and any request that another site's page sent."""

    def __init__(self, app: ASGIApp, names: Collection[str]) -> None:
        self._app = app
        self._names = frozenset(name.lower() for name in names) | LOCAL_NAMES

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, that for a WebSocket too, or answer 403 with the reason."""
        reason = self._reason(Headers(scope=scope)) if scope["type"] in {"http", "websocket"} else None
        if reason is None:
            await self._app(scope, receive, send)
        else:
            await PlainTextResponse(f"{reason}\n", 403)(scope, receive, send)

    def _reason(self, headers: Headers) -> str | None:
        hosts = headers.getlist("host")
        host = hosts[0].lower() if len(hosts) == 1 else ""  # which of two would count is anybody's guess
        if _name(host) not in self._names:
            return "the Host header names another machine"
        origin = headers.get("origin")
        if origin is not None and origin.lower().partition("://")[2] != host:
            return "a page of another site may not call this"
        if headers.get("sec-fetch-site", "none") not in {"none", "same-origin"}:
            return "a page of another site may not call this"
        return None


def _name(host: str) -> str:
    return host if host.endswith("]") else host.rpartition(":")[0] or host
