"""A jobs service with its operator's calls and a clock to turn by hand, for tests."""

import json
from collections.abc import Mapping
from typing import Any

import msgspec

from ota_stream.answers import Answer, Effect, Reply
from ota_stream.jobs import topics
from ota_stream.jobs.book import JobBook, JobTables
from ota_stream.jobs.control import JobControl
from ota_stream.jobs.documents import Presign
from ota_stream.jobs.executions import JobExecution, Status
from ota_stream.jobs.jobs import EventType, Job, JobSpec, Thing, ThingGroup, WaitingThing
from ota_stream.jobs.options import JobOptions
from ota_stream.jobs.queries import JobQueries
from ota_stream.jobs.registry import Registry
from ota_stream.jobs.service import JobService

DOCUMENT = '{"do": "it"}'
KEPT = {
    "jobs": Job,
    "executions": JobExecution,
    "waiting": WaitingThing,
    "things": Thing,
    "groups": ThingGroup,
    "event_types": EventType,
}


class Desk:
    """Everything of the jobs service over one book."""

    def __init__(
        self, book: JobBook | None = None, options: JobOptions | None = None, presign: Presign | None = None
    ) -> None:
        self.book = book or JobBook()
        self.options = options or JobOptions()
        self.control = JobControl(self.book, self.options, presign)
        self.queries = JobQueries(self.book, self.options)
        self.registry = Registry(self.book, self.options, presign)
        self.service = JobService(self.book, self.options, presign)
        self.now = 0.0

    def create(self, job_id: str, *targets: str, document: str = DOCUMENT, **more: Any) -> Effect:
        spec = JobSpec(job_id, targets or ("thing/t",), document, **more)
        return self.control.create_job(spec, self.now)

    def ask(self, thing: str, tail: str, body: Mapping[str, Any] | None = None) -> Answer:
        topic = topics.parse(f"$aws/things/{thing}/jobs/{tail}")
        assert topic is not None
        return self.service.answer(topic, json.dumps(body or {}).encode(), "c", self.now)

    def report(self, thing: str, job_id: str, status: str, **more: Any) -> Answer:
        answer = self.ask(thing, f"{job_id}/update", {"status": status, **more})
        assert answer.record.failure is None, answer.record.failure
        return answer

    def start(self, thing: str = "t", **more: Any) -> Answer:
        answer = self.ask(thing, "start-next", more)
        assert answer.record.failure is None, answer.record.failure
        return answer

    def at(self, now: float) -> Effect:
        """Turn the clock and let time pass."""
        self.now = now
        return self.control.on_time(now)

    def status(self, thing: str, job_id: str, number: int | None = None) -> Status:
        return self.control.execution(thing, job_id, number).status

    def restarted(self) -> "Desk":
        """Return a desk over the same state, after it was written as JSON and read again."""
        tables = {
            name: msgspec.json.decode(msgspec.json.encode(dict(getattr(self.book, name))), type=dict[str, kind])
            for name, kind in KEPT.items()
        }
        desk = Desk(JobBook(JobTables(**tables)), self.options)
        desk.now = self.now
        return desk


def short(replies: tuple[Reply, ...]) -> list[tuple[str, Any]]:
    """Return replies as (end of the topic after the thing, payload) for reading."""
    return [(reply.topic.removeprefix("$aws/things/"), json.loads(reply.payload)) for reply in replies]


def names(replies: tuple[Reply, ...]) -> list[str]:
    """Return where replies go, without `$aws/things/`."""
    return [reply.topic.removeprefix("$aws/things/") for reply in replies]
