"""Ranges of an image by HTTP, one after the other over a connection that is kept, for one thing of a fleet."""

import asyncio
from collections.abc import Callable
from functools import lru_cache
from time import monotonic
from typing import TYPE_CHECKING, Final, cast
from urllib.parse import urlsplit

from httptools import HttpParserError, HttpResponseParser

from ota_device.orders import Get
from ota_device.ranges import PARTIAL

if TYPE_CHECKING:
    from ota_device.fleet.site import Site

DIAL_TIME: Final = 15.0  # seconds
_NO_ANSWER: Final = 0

Answered = Callable[[int, bytes, float], None]
"""Takes a status, 0 when nobody answers, the bytes of the range, and the time (monotonic seconds)."""


class Getter(asyncio.Protocol):
    """One connection. After anything but a whole range it is over: the next range wants another.

    `asked` is called when a request leaves, which is when it is its turn.
    """

    __slots__ = ("_answered", "_asked", "_body", "_dialling", "_order", "_parser", "_site", "_transport", "is_over")

    def __init__(self, site: "Site", asked: Callable[[float], None], answered: Answered) -> None:
        self.is_over = False
        self._site = site
        self._asked = asked
        self._answered = answered
        self._order: Get | None = None
        self._body = b""
        self._parser: HttpResponseParser | None = None
        self._transport: asyncio.Transport | None = None
        self._dialling: asyncio.Task[None] | None = None

    @property
    def is_free(self) -> bool:
        """Whether it can be asked for a range."""
        return not self.is_over and self._order is None

    def get(self, order: Get, now: float) -> None:
        """Ask for a range when it is its turn."""
        self._order = order
        self._site.turn.ask(self, now)

    def close(self) -> None:
        """Break the connection; nothing more is answered."""
        self.is_over, self._order = True, None
        self._site.turn.leave(self)
        if self._dialling is not None:
            self._dialling.cancel()
        if self._transport is not None:
            self._transport.abort()

    # From the turn and the loop

    def on_turn(self, now: float) -> None:
        """Ask, over a connection that may have to be made first."""
        order = self._order
        if order is None:
            return
        self._asked(now)
        if self._transport is None:
            self._dialling = self._site.loop.create_task(self._dial(order.url))
        else:
            self._transport.write(_request(order))

    async def _dial(self, url: str) -> None:
        try:
            async with asyncio.timeout(DIAL_TIME):
                await self._site.loop.create_connection(lambda: self, *_address(url))
        except (OSError, ValueError):  # ValueError: a URL that cannot be one
            self._end(_NO_ANSWER)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the first request."""
        self._transport = cast("asyncio.Transport", transport)
        self._parser = HttpResponseParser(self)
        if self._order is None:  # given up meanwhile
            self._transport.abort()
        else:
            self._transport.write(_request(self._order))

    def data_received(self, data: bytes) -> None:
        """Take what came."""
        if self._order is None or self._parser is None:
            return
        try:
            self._parser.feed_data(data)
        except HttpParserError:
            self._end(_NO_ANSWER)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell that there will be no answer, if one is waited for."""
        del exc
        self._transport = None
        self._end(_NO_ANSWER)

    # From the parser

    def on_headers_complete(self) -> None:
        """Look at the status: what is no range is not waited for."""
        status = 0 if self._parser is None else self._parser.get_status_code()
        if status != PARTIAL:
            self._end(status)

    def on_body(self, body: bytes) -> None:
        """Take a part of the range."""
        order = self._order
        self._body += body
        if order is not None and len(self._body) > order.end - order.start:
            self._end(_NO_ANSWER)

    def on_message_complete(self) -> None:
        """Hand the range over."""
        if self._order is not None:
            self._order, body, self._body = None, self._body, b""
            self._answered(PARTIAL, body, monotonic())

    def _end(self, status: int) -> None:
        is_awaited = self._order is not None
        self.close()
        if is_awaited:
            self._answered(status, b"", monotonic())


@lru_cache(maxsize=1024)
def _address(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or 80


def _request(order: Get) -> bytes:
    _, _, rest = order.url.partition("://")
    host, _, target = rest.partition("/")
    return f"GET /{target} HTTP/1.1\r\nHost: {host}\r\nRange: bytes={order.start}-{order.end - 1}\r\n\r\n".encode()
