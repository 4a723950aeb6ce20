"""Requests from a NATS queue group, the light variant: what a worker had taken when it died is asked for again."""

import ssl
import uuid
from collections.abc import Iterable, Sequence

from nats.aio.msg import Msg

from ota_broker.front.notices import Notices
from ota_broker.workers.mailbox import Mailbox
from ota_broker.workers.nats_link import NatsLink
from ota_broker.workers.subjects import subject_of, topic_of
from ota_broker.workers.transport import FILTERS, Kind, Request
from ota_stream.answers import Reply


class QueueGroup:
    """The queue group `share`: the server gives each request to one member, answering or not."""

    def __init__(self, url: str, share: str, notices: Notices, tls: ssl.SSLContext | None) -> None:
        self.url = url
        self._link = NatsLink(url, notices, tls)
        self._share = share
        self._source, self._number = uuid.uuid4().hex, 0
        self._mailbox = Mailbox(notices)

    async def open(self, kinds: Iterable[Kind]) -> None:
        """Connect and join the group. Raises TransportError."""
        await self._link.open()
        for kind in kinds:
            for one in FILTERS[kind]:
                await self._link.client.subscribe(subject_of(one), queue=self._share, cb=self._arrived)

    async def take(self) -> list[Request]:
        """Do what Transport.take says."""
        return await self._mailbox.take()

    async def send(self, replies: Iterable[Reply]) -> None:
        """Do what Transport.send says."""
        await self._link.publish(replies)

    async def done(self, requests: Sequence[Request]) -> None:
        """Nothing to say: a queue group hands out and forgets."""

    async def ask(self, topic: str, answers: Sequence[str], within: float) -> bool:
        """Do what Transport.ask says."""
        return await self._link.ask(topic, answers, within)

    async def close(self) -> None:
        """Do what Transport.close says."""
        await self._link.close()

    async def _arrived(self, message: Msg) -> None:
        self._number += 1
        self._mailbox.put(Request(topic_of(message.subject), message.data, self._source, self._number))
