"""Has calls over HTTP and their answers kept while somebody looks at them: an application around another."""

import logging
from collections.abc import Callable
from typing import Final

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ota_broker.taped import Tape
from ota_stream.api.aws import scope as scopes
from ota_stream.console.conversations import Called
from ota_stream.console.site import ROOT
from ota_stream.errors import OtaStreamError

BODY_MAX: Final = 16 * 1024  # bytes of a body that are kept

log: Final = logging.getLogger("ota_broker")


class TapedCalls:
    """Passes every call on as it is. The console's own pages are not kept: looking would fill the page."""

    def __init__(self, app: ASGIApp, tape: Tape, wall: Callable[[], float]) -> None:
        self._app = app
        self._tape = tape
        self._wall = wall

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one call."""
        conversations = self._tape.running
        if conversations is None or scope["type"] != "http" or scope["path"].startswith(ROOT):
            await self._app(scope, receive, send)
            return
        call = _Call(scope, receive, send, self._wall())
        try:
            await self._app(scope, call.receive, call.send)
        finally:
            try:
                conversations.called(call.whole())
            except Exception:
                log.exception("internal error of the page of requests; callers are answered as before")


class _Body:
    """The beginning of a body, and how long the whole is."""

    def __init__(self) -> None:
        self.content = bytearray()
        self.size = 0

    def take(self, part: bytes) -> None:
        self.size += len(part)
        self.content += part[: BODY_MAX - len(self.content)]


class _Call:
    """One call while it goes on."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, at: float) -> None:
        self._scope, self._receive, self._send, self._at = scope, receive, send, at
        self._asked, self._answer = _Body(), _Body()
        self._status = 0
        self._headers = Headers(raw=[])

    async def receive(self) -> Message:
        message = await self._receive()
        self._asked.take(message.get("body", b""))
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._status, self._headers = message["status"], Headers(raw=message.get("headers", []))
        self._answer.take(message.get("body", b""))
        await self._send(message)

    def whole(self) -> Called:
        scope, headers = self._scope, Headers(scope=self._scope)
        host, port = scope.get("client") or ("", 0)
        query = scope["query_string"].decode("latin-1")
        target = scope["raw_path"].decode("latin-1") + (f"?{query}" if query else "")
        asked = bytes(self._asked.content)
        return Called(
            0,
            self._at,
            f"{host}:{port}",
            _operation(scope["method"], target, headers, asked) or f"{scope['method']} {scope['path']}",
            target,
            self._status,
            asked,
            self._asked.size,
            _kind(headers),
            bytes(self._answer.content),
            self._answer.size,
            _kind(self._headers),
            self._headers.get("x-amzn-errortype", "").partition(":")[0],
        )


def _kind(headers: Headers) -> str:
    return headers.get("content-type", "").partition(";")[0].strip()


def _operation(method: str, target: str, headers: Headers, body: bytes) -> str | None:
    """Return the operation of AWS by its name; None for what is none, and for S3, whose calls are methods and paths."""
    try:
        found = scopes.read(headers.get("authorization", ""), target.partition("?")[2])
    except OtaStreamError:
        return None
    if found is None or found.service == "s3":
        return None
    from ota_stream.api.aws import model  # noqa: PLC0415 - imported by now: the gateway has answered such a call

    asked = model.asked(found.service, method, target, dict(headers), body)
    return None if asked is None else asked.name
