"""A cloud without sockets, disk and machine time, for an agent that is a state machine: a test runs it step by step."""

import json
import math
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from hashlib import md5
from typing import Any, Final

from ota_broker.cloud import Cloud
from ota_broker.front.delivery.topics import matches
from ota_stream.answers import Answer, Audience, Effect, Refusal, Reply
from ota_stream.jobs.book import JobBook
from ota_stream.jobs.control import JobControl
from ota_stream.jobs.executions import JobExecution
from ota_stream.jobs.jobs import JobSpec
from ota_stream.jobs.service import JobService
from ota_stream.logs.entries import EntryWriter
from ota_stream.records import Record
from ota_stream.stores.shared.images import LoadedImage
from ota_stream.streams.catalog import Catalog
from ota_stream.streams.service import StreamService
from ota_stream.testing.wire import LossyWire

START: Final = 1_767_225_600.0  # epoch seconds: 2026 begins
_STREAMS: Final = "/streams/"

Receive = Callable[[str, bytes], None]
"""Takes a message: topic and payload."""


class MemoryCloud:
    """Streams and jobs over a wire; its time passes as messages arrive, or as far as it is told.

    Requests for blocks and blocks go over `wire`, which may lose, double and delay them; what jobs have to say arrives
    at once, in order.
    """

    def __init__(self, wire: LossyWire | None = None) -> None:
        self.wire = wire or LossyWire(0)
        self.wire.now = START
        book = JobBook()
        self._catalog = Catalog()
        self._control = JobControl(book)
        self._records: list[Record] = []
        self._cloud = Cloud(StreamService(self._catalog), JobService(book), self)
        self._clients: dict[str, Client] = {}
        self._arrived: deque[tuple[Receive, str, bytes]] = deque()

    @property
    def now(self) -> float:
        """What time it is: epoch seconds, from the beginning of 2026 on."""
        return self.wire.now

    # The operator

    def put_stream(self, stream_id: str, *images: bytes) -> None:
        """Offer images as the files 0, 1, ... of a stream. Raises CatalogError."""
        self._catalog.put(stream_id, {number: _image(content) for number, content in enumerate(images)})

    def create_job(self, job_id: str, document: Mapping[str, Any], *things: str) -> None:
        """Make a job for things; who is subscribed hears of it. Raises ControlError."""
        spec = JobSpec(job_id, tuple(f"thing/{thing}" for thing in things), json.dumps(document))
        self._hand_over(self._control.create_job(spec, self.now))

    def execution(self, thing: str, job_id: str) -> JobExecution:
        """Return the latest execution of a job by a thing. Raises ControlError: there is none."""
        return self._control.execution(thing, job_id)

    def records(self) -> list[dict[str, Any]]:
        """Return the entries of the log (docs/logs.md), oldest first: `assert_records` takes them."""
        writer = EntryWriter()
        return [json.loads(writer.entry(record)) for record in self._records]

    # Devices

    def connect(self, client_id: str, receive: Receive) -> "Client":
        """Return the connection of a device, without subscriptions; an older one of this client id gets no more."""
        self._clients[client_id] = client = Client(self, client_id, receive)
        return client

    def deliver(self, until: float | None = None) -> bool:
        """Let time pass until a message arrives at a device, hand it over, and return True.

        When none does by `until` (epoch seconds), it is `until` and False comes back; without `until`, when none is
        under way and nothing is due.
        """
        limit = math.inf if until is None else until
        while not self._arrived:
            due = self._control.deadline()
            arrival, alarm = self.wire.next_arrival, math.inf if due is None else due
            if min(arrival, alarm) > limit or math.inf == arrival == alarm:
                self.wire.now = self.now if until is None else max(self.now, until)
                return False
            if arrival <= alarm:
                self.wire.deliver()
            else:
                self.wire.now = max(self.now, alarm)
                self._hand_over(self._control.on_time(self.now))
        receive, topic, payload = self._arrived.popleft()
        receive(topic, payload)
        return True

    def keep(self, record: Record) -> None:
        """Take a record: the services have made it."""
        self._records.append(record)

    def published(self, client: "Client", topic: str, payload: bytes) -> None:
        """Take a message of a device. Only reserved topics are carried."""
        self._carry(topic, payload, lambda request: self._answer(client, topic, request))

    def _answer(self, client: "Client", topic: str, payload: bytes) -> None:
        outcome: Answer | Refusal | None = self._cloud.answer(topic, payload, client.client_id, self.now)
        if outcome is not None:
            self._send(outcome.replies, client)

    def _hand_over(self, effect: Effect) -> None:
        self._records += effect.records
        self._send(effect.replies, None)

    def _send(self, replies: Iterable[Reply], requester: "Client | None") -> None:
        for reply in replies:
            for client in self._clients.values():
                asked = client is requester and reply.to is not Audience.SUBSCRIBERS
                if asked or (reply.to is not Audience.REQUESTER and client.takes(reply.topic)):
                    self._put(client, reply)

    def _put(self, client: "Client", reply: Reply) -> None:
        receive, topic = client.receive, reply.topic
        self._carry(topic, reply.payload, lambda payload: self._arrived.append((receive, topic, payload)))

    def _carry(self, topic: str, payload: bytes, arrives: Callable[[bytes], None]) -> None:
        if _STREAMS in topic:
            self.wire.send(arrives, payload)
        else:
            arrives(payload)


class Client:
    """A device's connection; also what simulated devices take for one (ota_device.machine.Wire)."""

    def __init__(self, cloud: MemoryCloud, client_id: str, receive: Receive) -> None:
        self.client_id = client_id
        self.receive = receive
        self._cloud = cloud
        self._filters: set[str] = set()

    def subscribe(self, topic: str, /, *, qos: int = 0) -> None:  # noqa: ARG002 - no acknowledgement here
        """Take messages of a topic; wildcards as in MQTT."""
        self._filters.add(topic)

    def unsubscribe(self, topic: str, /) -> None:
        """Take no more of them."""
        self._filters.discard(topic)

    def publish(self, topic: str, payload: bytes, /, *, qos: int = 0) -> None:  # noqa: ARG002 - as above
        """Send a message."""
        self._cloud.published(self, topic, payload)

    def takes(self, topic: str) -> bool:
        """Tell whether it is subscribed to a topic."""
        return any(matches(each, topic, hash_takes_parent=False) for each in self._filters)


def _image(content: bytes) -> LoadedImage:
    return LoadedImage(content, md5(content, usedforsecurity=False).hexdigest())
