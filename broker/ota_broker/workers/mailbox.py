"""Requests that have come and wait to be taken: bounded, for brokers that push whether or not we are ready."""

import asyncio
from collections import deque
from typing import Final

from ota_broker.front.notices import Notices
from ota_broker.workers.transport import IN_FLIGHT_MAX, Request

WAITING_MAX: Final = 100 * IN_FLIGHT_MAX  # requests; what comes beyond is dropped, and its device asks again


class Mailbox:
    """First in, first out."""

    def __init__(self, notices: Notices) -> None:
        self._notices = notices
        self._waiting: deque[Request] = deque()
        self._come = asyncio.Event()

    def put(self, request: Request) -> bool:
        """Let a request wait; False when there is no room."""
        if len(self._waiting) >= WAITING_MAX:
            self._notices.say("worker", f"{WAITING_MAX} requests wait; what comes is dropped: start more workers")
            return False
        self._waiting.append(request)
        self._come.set()
        return True

    async def take(self) -> list[Request]:
        """Wait for requests and return the first of them."""
        while not self._waiting:
            self._come.clear()
            await self._come.wait()
        return [self._waiting.popleft() for _ in range(min(IN_FLIGHT_MAX, len(self._waiting)))]
