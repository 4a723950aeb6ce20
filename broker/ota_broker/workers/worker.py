"""The worker: takes requests, answers them, keeps their records, sends the replies, and only then says it is done.

In this order a worker that dies at any moment loses nothing: what it had taken is given to another, the device gets
the same bytes, and a record that is there already is not written again.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from typing import Final, Protocol

from ota_broker.front.notices import Notices
from ota_broker.workers.entries import Entries
from ota_broker.workers.transport import Addressed, Request, Transport, TransportError
from ota_stream.answers import Answer, Effect, Refusal, Reply
from ota_stream.clock import Clock
from ota_stream.stores.errors import StoreError
from ota_stream.stores.shared.records import KeptRecord, Records

LANES: Final = 4  # batches under way at a time: while one waits for the store, another is answered
AGAIN_FOR: Final = 60.0  # seconds: then a device has asked again long ago
_AGAIN_AFTER: Final = 0.5  # seconds after something refused us

log: Final = logging.getLogger("ota_broker")

Outcome = Answer | Effect | Refusal | None


class Desk(Protocol):
    """Answers one family of requests from memory. None: the topic is none of it."""

    def answer(self, request: Request, client_id: str, now: float) -> Outcome:
        """Answer one request."""
        ...


class StoreDesk(Protocol):
    """Answers one family of requests from a store. None: the topic is none of it."""

    async def answer(self, request: Request, client_id: str, now: float) -> Outcome:
        """Answer one request. Raises StoreError: it is asked again."""
        ...


class Worker:
    """Answers whatever the transport brings, until it is cancelled."""

    def __init__(  # noqa: PLR0913, PLR0917 - the one place where a worker is put together
        self,
        transport: Transport,
        desks: Sequence[Desk],
        store_desk: StoreDesk | None,
        records: Records,
        entries: Entries,
        client_of: Callable[[Request], str],
        clock: Clock,
        notices: Notices,
    ) -> None:
        self._transport = transport
        self._desks = desks
        self._store_desk = store_desk
        self._records = records
        self._entries = entries
        self._client_of = client_of
        self._clock = clock
        self._notices = notices

    async def run(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as lanes:
            for _ in range(LANES):
                lanes.create_task(self._lane())

    async def _lane(self) -> None:
        while True:
            try:
                await self._see_through(await self._transport.take())
            except TransportError as error:
                self._notices.say("worker", str(error))
                await asyncio.sleep(_AGAIN_AFTER)
            except Exception:  # a fault of ours: told whole, and the other requests are answered
                log.exception("internal error in a worker")
                await asyncio.sleep(_AGAIN_AFTER)

    async def _see_through(self, requests: Sequence[Request]) -> None:
        """Answer, and try again while store or broker are away: not every broker gives a request a second time."""
        until = self._clock.monotonic() + AGAIN_FOR
        while True:
            try:
                await self._answer(requests)
            except (TransportError, StoreError) as error:
                if self._clock.monotonic() >= until:
                    told = f"{len(requests)} requests are given up after {AGAIN_FOR:g} s: {error}"
                    self._notices.say("given up", told)
                    return
                self._notices.say("worker", str(error))
                await asyncio.sleep(_AGAIN_AFTER)
            else:
                return

    async def _answer(self, requests: Sequence[Request]) -> None:
        replies: list[Reply] = []
        kept: list[KeptRecord] = []
        for request, outcome in zip(requests, await self._outcomes(requests), strict=True):
            if outcome is None:
                continue
            replies += _addressed(outcome.replies, request.client_id)
            if isinstance(outcome, Refusal):
                self._notices.say("refused", outcome.reason)
                continue
            records = outcome.records if isinstance(outcome, Effect) else (outcome.record, *outcome.also)
            kept += self._entries.kept(request.source, request.number, records)
        if kept:
            await self._records.put(kept)
        await self._transport.send(replies)
        await self._transport.done(requests)

    async def _outcomes(self, requests: Sequence[Request]) -> list[Outcome]:
        """Answer from memory what can be, and at once from the store what is left."""
        now = self._clock.wall()
        found = [self._from_memory(request, now) for request in requests]
        if self._store_desk is not None and None in found:
            left = [place for place, outcome in enumerate(found) if outcome is None]
            stored = (self._from_store(self._store_desk, requests[place], now) for place in left)
            for place, outcome in zip(left, await asyncio.gather(*stored), strict=True):
                found[place] = outcome
        return found

    def _from_memory(self, request: Request, now: float) -> Outcome:
        client_id = self._client_of(request)
        for desk in self._desks:
            outcome = desk.answer(request, client_id, now)
            if outcome is not None:
                return outcome
        return None

    async def _from_store(self, desk: StoreDesk, request: Request, now: float) -> Outcome:
        return await desk.answer(request, self._client_of(request), now)


def _addressed(replies: tuple[Reply, ...], client_id: str | None) -> Iterable[Reply]:
    if client_id is None:
        return replies
    return (Addressed(reply.topic, reply.payload, reply.qos, reply.to, client_id) for reply in replies)
