"""Requests from a JetStream work queue: pulled, and acknowledged after the answer, so that no sick worker keeps one."""

import asyncio
import ssl
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Final

from msgspec import json
from nats.aio.msg import Msg
from nats.errors import Error
from nats.js import api
from nats.js.errors import APIError

from ota_broker.front.notices import Notices
from ota_broker.workers.nats_link import NatsLink
from ota_broker.workers.subjects import subject_of, topic_of
from ota_broker.workers.transport import FILTERS, IN_FLIGHT_MAX, Kind, Request, TransportError
from ota_stream.answers import Reply

ACK_WAIT: Final = 2.0  # seconds after which a request that nobody has answered goes to another worker
AGE_MAX: Final = 60.0  # seconds after which a request is dropped: its device has asked again long ago
ACK_PENDING_MAX: Final = 20_000  # requests that all workers together have taken and not answered
PULL_FOR: Final = 5.0  # seconds the server keeps a pull
_LOOK_EVERY: Final = 1.0  # seconds after which a worker that got nothing looks whether its pull still stands
_CONSUMER: Final = "workers"
_ACK: Final = b"+ACK"
_DOMAINLESS: Final = 9  # tokens of $JS.ACK.stream.consumer.delivered.sequence...; else domain and account too


class JetStream:
    """The work queue `share` of a NATS server or cluster; made when it is not there. `replicas`: 3 on three nodes."""

    def __init__(
        self, url: str, share: str, notices: Notices, tls: ssl.SSLContext | None, *, replicas: int = 1
    ) -> None:
        self.url = url
        self._link = NatsLink(url, notices, tls, self._prepare)
        self._share = share
        self._replicas = replicas
        self._kinds: tuple[Kind, ...] = ()
        self._source = ""
        self._inbox = ""
        self._taken: deque[Msg] = deque()
        self._come = asyncio.Event()
        self._pulled, self._pull_ends = 0, 0.0

    async def open(self, kinds: Iterable[Kind]) -> None:
        """Connect, and take a share of the queue, if any kind is asked for. Raises TransportError."""
        self._kinds = tuple(kinds)
        await self._link.open()
        if self._kinds:
            await self._prepare()
            self._inbox = self._link.client.new_inbox()
            await self._link.client.subscribe(self._inbox, cb=self._arrived)

    async def take(self) -> list[Request]:
        """Do what Transport.take says."""
        while not self._taken:
            await self._pull()
            self._come.clear()
            try:
                async with asyncio.timeout(_LOOK_EVERY):
                    await self._come.wait()
            except TimeoutError:
                continue
        messages = list(self._taken)
        self._taken.clear()
        await self._pull()
        return [self._request(message) for message in messages]

    async def send(self, replies: Iterable[Reply]) -> None:
        """Do what Transport.send says."""
        await self._link.publish(replies)

    async def done(self, requests: Sequence[Request]) -> None:
        """Acknowledge: the last thing done for a request."""
        publish = self._link.client.publish
        try:
            for request in requests:
                await publish(str(request.ticket), _ACK)
        except Error as error:
            raise TransportError(f"NATS takes no acknowledgement: {error}") from None

    async def ask(self, topic: str, answers: Sequence[str], within: float) -> bool:
        """Do what Transport.ask says."""
        return await self._link.ask(topic, answers, within)

    async def close(self) -> None:
        """Do what Transport.close says."""
        await self._link.close()

    async def _prepare(self) -> None:
        """Find or make the queue, again after a reconnect: a queue in memory does not outlive its servers."""
        stream = api.StreamConfig(
            name=self._share,
            subjects=[subject_of(one) for kind in Kind for one in FILTERS[kind] if kind in self._kinds],
            retention=api.RetentionPolicy.WORK_QUEUE,
            storage=api.StorageType.MEMORY,
            max_age=AGE_MAX,
            num_replicas=self._replicas,
        )
        consumer = api.ConsumerConfig(
            durable_name=_CONSUMER,
            ack_policy=api.AckPolicy.EXPLICIT,
            ack_wait=ACK_WAIT,
            max_ack_pending=ACK_PENDING_MAX,
        )
        if not self._kinds:
            return
        jetstream = self._link.client.jetstream()
        try:
            await jetstream.add_stream(stream)
            await jetstream.add_consumer(self._share, consumer)
            answer = await self._link.client.request(f"$JS.API.STREAM.INFO.{self._share}", b"", timeout=5)
        except APIError as error:
            why = f"{error.description}; the queue there is has another --share or other requests: use or delete it"
            raise TransportError(f"JetStream does not make the work queue {self._share}: {why}") from None
        except (Error, TimeoutError) as error:
            raise TransportError(f"JetStream does not answer: {error}; is it switched on in the server?") from None
        # A queue that was made anew counts from 1 again: its moment of birth tells the two apart.
        self._source = f"{self._share}@{json.decode(answer.data)['created']}"
        self._pulled = 0

    async def _arrived(self, message: Msg) -> None:
        if message.headers and api.Header.STATUS in message.headers:  # a pull has ended: `_pull_ends` knows too
            return
        self._pulled -= 1
        self._taken.append(message)
        self._come.set()

    async def _pull(self) -> None:
        """Ask for more when little is left of what was asked for."""
        now = asyncio.get_running_loop().time()
        if now >= self._pull_ends:
            self._pulled = 0
        wanted = IN_FLIGHT_MAX - len(self._taken) - max(self._pulled, 0)
        if wanted < IN_FLIGHT_MAX // 2:
            return
        self._pulled += wanted
        self._pull_ends = now + PULL_FOR
        pull = json.encode({"batch": wanted, "expires": int(PULL_FOR * 1e9)})
        try:
            await self._link.client.publish(f"$JS.API.CONSUMER.MSG.NEXT.{self._share}.{_CONSUMER}", pull, self._inbox)
        except Error as error:
            raise TransportError(f"NATS takes no pull: {error}") from None

    def _request(self, message: Msg) -> Request:
        tokens = message.reply.split(".")
        number = int(tokens[5] if len(tokens) == _DOMAINLESS else tokens[7])
        return Request(topic_of(message.subject), message.data, self._source, number, message.reply)
