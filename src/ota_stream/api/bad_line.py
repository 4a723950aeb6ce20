"""Answers that come late, slowly, in part or not at all: what a fault makes of a download, on its way out."""

import asyncio
from collections.abc import Callable
from typing import Final, NamedTuple

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from ota_stream.faults.served import Served
from ota_stream.faults.subject import Subject

HANG_UP: Final = "ota_stream.hang_up"
"""The extension of a scope that closes the connection: ASGI has no word for it."""


class Line(NamedTuple):
    """What is between objects and devices: `serve` spoils a download, `call_later` calls something in some seconds."""

    serve: Callable[[Subject, Served], Served]
    call_later: Callable[[float, Callable[[], object]], object]


class BadLine(Response):
    """A response that goes out as `served` says. It ends when whom it is for hangs up."""

    def __init__(self, response: Response, served: Served, line: Line) -> None:
        self.status_code, self.body, self.raw_headers = response.status_code, response.body, response.raw_headers
        self.background = None
        self._served = served
        self._line = line

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        gone = asyncio.create_task(_hung_up(receive))
        try:
            await self._wait(self._served.after, gone)
            if not self._served.is_lost:
                await self._send(send, gone)
            if self._served.is_lost or self._served.keep is not None:
                scope["extensions"][HANG_UP]["close"]()
                await gone
        finally:
            gone.cancel()

    async def _send(self, send: Send, gone: asyncio.Task[None]) -> None:
        served = self._served
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        body = self.body[: served.keep]
        portion = served.portion or len(body) or 1
        for start in range(0, len(body), portion):
            if start:
                await self._wait(served.pause, gone)
            await send({"type": "http.response.body", "body": body[start : start + portion], "more_body": True})
        if served.keep is None:
            await send({"type": "http.response.body", "body": b""})

    async def _wait(self, seconds: float, gone: asyncio.Task[None]) -> None:
        if not seconds or gone.done():
            return
        over = asyncio.get_running_loop().create_future()
        self._line.call_later(seconds, over.cancel)
        await asyncio.wait({over, gone}, return_when=asyncio.FIRST_COMPLETED)


async def _hung_up(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
