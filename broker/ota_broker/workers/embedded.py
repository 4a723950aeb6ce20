"""Requests of a broker in the worker's own process: the front door of `serve`, over a store that workers share."""

import asyncio
import uuid
from collections.abc import Iterable, Sequence
from typing import Final
from urllib.parse import urlsplit

from ota_broker.front.delivery.topics import matches
from ota_broker.front.listener import Listener, ListenError
from ota_broker.front.notices import Notices
from ota_broker.front.profile import AWS
from ota_broker.workers.mailbox import Mailbox
from ota_broker.workers.transport import FILTERS, Addressed, Kind, Request, TransportError
from ota_stream.answers import Effect, Reply
from ota_stream.clock import Clock

_TAKEN: Final = Effect()  # nothing at once: the replies come when the worker has them
_PROBE: Final = "ota-stream-probe"


class Embedded:
    """A broker with AWS's rules at `url`, mqtt://HOST:PORT; port 0 is a free one, which `url` then tells.

    Each request knows which client has sent it. What a worker had taken when it died is asked for again.
    """

    def __init__(self, url: str, clock: Clock, notices: Notices) -> None:
        parts = urlsplit(url)
        self.url = url
        self._host, self._port = parts.hostname or "127.0.0.1", parts.port or 0
        self._clock, self._notices = clock, notices
        self._source, self._number = uuid.uuid4().hex, 0
        self._mailbox = Mailbox(notices)
        self._filters: tuple[str, ...] = ()
        self._watched: dict[str, asyncio.Event] = {}
        self._listener: Listener | None = None

    async def open(self, kinds: Iterable[Kind]) -> None:
        """Open the port. Raises TransportError."""
        self._filters = tuple(one for kind in kinds for one in FILTERS[kind])
        self._listener = Listener(
            self, AWS, self._clock, self._notices, keep_records=_nothing_waits, on_tick=_nothing_waits
        )
        try:
            await self._listener.start(self._host, self._port)
        except ListenError as error:
            raise TransportError(str(error)) from None
        self.url = f"mqtt://{self._listener.host}:{self._listener.port}"

    def answer(self, topic: str, payload: bytes, client_id: str, now: float) -> Effect | None:  # noqa: ARG002
        """Take a publish to a reserved topic, as `front.exchange.Answering` does; None: nobody asked for those."""
        if not any(matches(one, topic, hash_takes_parent=False) for one in self._filters):
            return None
        self._number += 1
        self._mailbox.put(Request(topic, payload, self._source, self._number, client_id=client_id))
        return _TAKEN

    async def take(self) -> list[Request]:
        """Do what Transport.take says."""
        return await self._mailbox.take()

    async def send(self, replies: Iterable[Reply]) -> None:
        """Hand replies to who asked, and to whoever subscribed."""
        for reply in replies:
            if (watch := self._watched.get(reply.topic)) is not None:
                watch.set()
            elif self._listener is not None:
                self._listener.exchange.send((reply,), reply.client_id if isinstance(reply, Addressed) else None)

    async def done(self, requests: Sequence[Request]) -> None:
        """Nothing to say: they were acknowledged when they came."""

    async def ask(self, topic: str, answers: Sequence[str], within: float) -> bool:
        """Do what Transport.ask says."""
        come = asyncio.Event()
        self._watched = dict.fromkeys(answers, come)
        self.answer(topic, b"", _PROBE, self._clock.wall())
        try:
            async with asyncio.timeout(within):
                await come.wait()
        except TimeoutError:
            return False
        finally:
            self._watched = {}
        return True

    async def close(self) -> None:
        """Close the port and every connection."""
        if self._listener is not None:
            await self._listener.stop()


def _nothing_waits() -> None:
    """A worker keeps its records before it sends their replies, and has its own timers."""
