"""The cloud in one object: a reserved topic goes to its service, and the record of its answer to the log."""

import logging
from collections.abc import Callable, Iterable
from typing import Final, Generic, Protocol, TypeVar

from ota_stream.answers import Answer, Refusal
from ota_stream.jobs import topics as job_topics
from ota_stream.jobs.service import JobService
from ota_stream.records import Action, Record, RequestRecord
from ota_stream.streams import topics as stream_topics
from ota_stream.streams.service import StreamService

TOPICS_MAX: Final = 50_000  # parsed topics remembered

log: Final = logging.getLogger("ota_broker")

T = TypeVar("T")
U = TypeVar("U", bound=Exception)
Topic_contra = TypeVar("Topic_contra", contravariant=True)
Unknown_contra = TypeVar("Unknown_contra", bound=Exception, contravariant=True)


class Log(Protocol):
    """Where records go."""

    def keep(self, record: Record) -> None:
        """Take one record; it is on its way to the store before any reply of this turn leaves."""
        ...


class Service(Protocol[Topic_contra, Unknown_contra]):
    """A service that devices ask, whatever its topics are and whatever it takes for none."""

    def answer(self, topic: Topic_contra, payload: bytes, client_id: str, now: float, /) -> Answer:
        """Answer a request."""
        ...

    def refuse(self, topic: str, unknown: Unknown_contra, client_id: str, now: float, /) -> Answer | Refusal:
        """Refuse a topic of this service that is no request."""
        ...

    def fault(self, topic: Topic_contra, client_id: str, now: float, /) -> Answer:
        """Own up to a fault of ours."""
        ...


class _Branch(Generic[T, U]):
    """One service, and how its topics are known."""

    def __init__(self, service: Service[T, U], parse: Callable[[str], T | None], unknown: type[U]) -> None:
        self._service = service
        self._parse = parse
        self._unknown = unknown
        self._topics: dict[str, T] = {}

    def answer(self, topic: str, payload: bytes, client_id: str, now: float) -> Answer | Refusal | None:
        parsed = self._topics.get(topic)
        if parsed is None:
            try:
                parsed = self._parse(topic)
            except self._unknown as unknown:
                return self._service.refuse(topic, unknown, client_id, now)
            if parsed is None:
                return None
            if len(self._topics) >= TOPICS_MAX:
                self._topics.clear()
            self._topics[topic] = parsed
        try:
            return self._service.answer(parsed, payload, client_id, now)
        except Exception:  # a fault of ours is the device's InternalError, and nobody else's problem
            log.exception("internal error on %s", topic)
            return self._service.fault(parsed, client_id, now)


Follow = Callable[[Iterable[Record]], tuple[Record, ...]]
"""What else is to be recorded when these records are made."""


def _nothing(_records: Iterable[Record]) -> tuple[Record, ...]:
    return ()


def _has_blocks(record: Record) -> bool:
    return isinstance(record, RequestRecord) and record.action is Action.GET_STREAM and record.failure is None


class Cloud:
    """Answers publishes to reserved topics. Every answer leaves a record."""

    def __init__(self, streams: StreamService, jobs: JobService, records: Log, follow: Follow = _nothing) -> None:
        self._streams = _Branch(streams, stream_topics.parse, stream_topics.UnknownTopic)
        self._jobs = _Branch(jobs, job_topics.parse, job_topics.UnknownTopic)
        self._records = records
        self._follow = follow
        self.blocks = 0  # that answers have brought, for /metrics

    def answer(self, topic: str, payload: bytes, client_id: str, now: float) -> Answer | Refusal | None:
        """Answer a publish. None when no service listens on this topic."""
        outcome = self._streams.answer(topic, payload, client_id, now)
        if outcome is None:
            outcome = self._jobs.answer(topic, payload, client_id, now)
        elif isinstance(outcome, Answer) and _has_blocks(outcome.record):
            self.blocks += len(outcome.replies)
        if isinstance(outcome, Answer):
            self._records.keep(outcome.record)
            for record in (*outcome.also, *self._follow(outcome.also)) if outcome.also else ():
                self._records.keep(record)
        return outcome
