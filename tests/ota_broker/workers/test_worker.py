"""A worker whose store or broker is away for a moment: no request of a device is lost by that."""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress

import pytest

from live import PATIENCE, MovableClock
from ota_broker.front.notices import Notices
from ota_broker.workers import worker as workers
from ota_broker.workers.clients import CLIENT_OF, ClientIdFrom
from ota_broker.workers.entries import Entries
from ota_broker.workers.mailbox import Mailbox
from ota_broker.workers.transport import Kind, Request, TransportError
from ota_broker.workers.worker import Worker
from ota_stream.answers import Effect, Reply
from ota_stream.logs import levels
from ota_stream.stores.errors import StoreError
from ota_stream.stores.shared.records import KeptRecord

REQUEST = Request("$aws/things/lock/jobs/$next/get", b"{}", "here", 1)


class World(Notices):
    """A transport that gives a request once, a store that is asked, and what a worker says: each fails as told."""

    url = ""

    def __init__(self) -> None:
        self.clock = MovableClock()
        super().__init__(self.clock.monotonic)
        self.mailbox = Mailbox(Notices(self.clock.monotonic))
        self.store_fails: Iterator[bool] = iter(())
        self.send_fails: Iterator[bool] = iter(())
        self.asked = 0
        self.sent: list[str] = []
        self.settled, self.given_up = asyncio.Event(), asyncio.Event()
        self.said: list[str] = []

    def say(self, cause: str, text: str) -> None:
        del cause
        self.said.append(text)
        if "given up" in text:
            self.given_up.set()

    async def answer(self, request: Request, client_id: str, now: float) -> Effect:
        del client_id, now
        self.asked += 1
        if next(self.store_fails, False):
            self.clock.move(10)
            raise StoreError("the store is away")
        return Effect((Reply(f"{request.topic}/accepted", b"{}"),))

    async def open(self, kinds: Iterable[Kind]) -> None:
        """Nothing to open."""

    async def take(self) -> list[Request]:
        return await self.mailbox.take()

    async def send(self, replies: Iterable[Reply]) -> None:
        if next(self.send_fails, False):
            raise TransportError("the broker is away")
        self.sent += [reply.topic for reply in replies]

    async def done(self, requests: Sequence[Request]) -> None:
        del requests
        self.settled.set()

    async def ask(self, topic: str, answers: Sequence[str], within: float) -> bool:
        raise NotImplementedError("no probe is sent here")

    async def put(self, records: Sequence[KeptRecord]) -> None:
        """No record is written here."""

    async def close(self) -> None:
        """Nothing to close."""

    async def run(self, until: asyncio.Event) -> None:
        entries = Entries(levels.Level.DEBUG, "123456789012")
        made = Worker(self, [], self, self, entries, CLIENT_OF[ClientIdFrom.NONE], self.clock, self)
        running = asyncio.create_task(made.run())
        await asyncio.wait_for(until.wait(), PATIENCE)
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "_AGAIN_AFTER", 0.0)


@pytest.mark.parametrize("away", ["store", "broker"])
async def test_a_request_is_answered_when_what_was_away_is_back(away: str):
    world = World()
    if away == "store":
        world.store_fails = iter([True, True])
    else:
        world.send_fails = iter([True, True])
    world.mailbox.put(REQUEST)
    await world.run(world.settled)
    assert world.sent == [f"{REQUEST.topic}/accepted"]
    assert world.asked == 3


async def test_a_request_nobody_waits_for_any_more_is_given_up_with_a_line():
    world = World()
    world.store_fails = iter([True] * 8)  # ten seconds each, for each of two in one batch
    for _ in range(2):
        world.mailbox.put(REQUEST)
    await world.run(world.given_up)
    assert world.sent == []
    assert world.said[-1] == "2 requests are given up after 60 s: the store is away"
