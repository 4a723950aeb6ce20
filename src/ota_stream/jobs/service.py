"""The jobs service: a device's request in, an Answer out. It knows the rules, not who is connected."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from ota_stream.answers import Answer, Audience, Refusal, Reply
from ota_stream.jobs import codec, quotas
from ota_stream.jobs.book import JobBook
from ota_stream.jobs.changes import Change
from ota_stream.jobs.documents import Presign
from ota_stream.jobs.errors import Rejection, Why
from ota_stream.jobs.executions import REPORTS, Event, JobExecution, Status, outcome
from ota_stream.jobs.messages import Describe, GetPending, StartNext, Update
from ota_stream.jobs.names import NEXT
from ota_stream.jobs.options import JobOptions
from ota_stream.jobs.queue import front
from ota_stream.jobs.topics import JobTopic, Operation, UnknownTopic
from ota_stream.records import JobRequestRecord

_Members = Mapping[str, Any]


class _Outcome(NamedTuple):
    """What an accepted request gives: the rest of its message, and what its record tells."""

    rest: dict[str, Any]
    version: int | None = None


class JobService:
    """Answers the four requests of devices. `presign` resolves the placeholders of job documents (JC-24)."""

    def __init__(self, book: JobBook, options: JobOptions | None = None, presign: Presign | None = None) -> None:
        self._book = book
        self._options = options or JobOptions()
        self._presign = presign
        self._operations: Final = {
            Operation.GET_PENDING: self._get_pending,
            Operation.START_NEXT: self._start_next,
            Operation.DESCRIBE: self._describe,
            Operation.UPDATE: self._update,
        }

    def answer(self, topic: JobTopic, payload: bytes, client_id: str, now: float) -> Answer:
        """Answer one request: accepted or rejected, then the notifications that follow, and always its record."""
        change = Change(self._book, self._options, self._presign, now)
        job_id = self._job_id(topic)
        token = failure = version = destination = None
        try:
            members = codec.fields(payload)
            token = codec.client_token(members)
            destination = _destination(topic, members)
            rest, version = self._operations[topic.operation](topic, members, change, now)
            reply = _reply(topic.accepted, codec.accepted(token, now, rest))
        except Rejection as rejection:
            failure = rejection.message
            body = codec.rejected(rejection.why, failure, token, now, rejection.execution)
            reply = _reply(topic.rejected, body)
        effect = change.effect()
        record = JobRequestRecord(
            now, topic.operation.event, client_id, topic.text, job_id, token, version, destination, failure
        )
        return Answer((reply, *effect.replies), record, effect.records)  # JNF-7

    def refuse(self, topic: str, unknown: UnknownTopic, client_id: str, now: float) -> Answer | Refusal:
        """Refuse a topic under `/jobs/` that is no request (JT-14).

        A known operation on an impossible job id has a record; for anything else no event has a name.
        """
        replies: tuple[Reply, ...] = ()
        if unknown.rejected is not None:
            replies = (_reply(unknown.rejected, codec.rejected(Why.TOPIC, Why.TOPIC.message, None, now)),)
        if unknown.operation is None:
            return Refusal(replies, str(unknown))
        event = unknown.operation.event
        record = JobRequestRecord(now, event, client_id, topic, unknown.job_id, failure=Why.TOPIC.message)
        return Answer(replies, record)

    def fault(self, topic: JobTopic, client_id: str, now: float) -> Answer:
        """Answer a request that met a fault of ours: InternalError, and its record."""
        body = codec.rejected(Why.INTERNAL, Why.INTERNAL.message, None, now)
        record = JobRequestRecord(
            now, topic.operation.event, client_id, topic.text, _named(topic), failure=Why.INTERNAL.message
        )
        return Answer((_reply(topic.rejected, body),), record)

    def _job_id(self, topic: JobTopic) -> str | None:
        """Return the job the record names: `$next` is the one it stands for (LR-21)."""
        if topic.job_id != NEXT:
            return topic.job_id
        first = front(self._book.queue(topic.thing))
        return None if first is None else first.job_id

    # The four requests

    def _get_pending(self, topic: JobTopic, members: _Members, _change: Change, _now: float) -> _Outcome:
        codec.request(members, GetPending)
        return _Outcome(codec.queues(self._book.queue(topic.thing)))

    def _start_next(self, topic: JobTopic, members: _Members, change: Change, now: float) -> _Outcome:
        request = codec.request(members, StartNext)
        details = codec.details(request.status_details)
        step = _step(request.step_timeout_in_minutes)
        execution = front(self._book.queue(topic.thing))
        if execution is None:
            return _Outcome({})  # JS-2
        if execution.status is Status.QUEUED:  # JX-3, JR-2: one that runs is returned as it is
            execution = change.move(execution, Event.START, details, step)
        return _Outcome({"execution": codec.execution_of(execution, change.document(execution), now)})

    def _describe(self, topic: JobTopic, members: _Members, change: Change, now: float) -> _Outcome:
        request = codec.request(members, Describe)
        if topic.job_id == NEXT:
            execution = front(self._book.queue(topic.thing))  # JX-4: only looks
            if execution is None:
                return _Outcome({})  # JS-2
        else:
            execution = self._execution(topic, request.execution_number)
            if not execution.pending and self._options.terminal_describe == "TerminalStateReached":
                raise Rejection(Why.TERMINAL, current=execution.status)
        wants_document = request.include_job_document is not False  # JR-5
        document = change.document(execution) if wants_document else None
        return _Outcome({"execution": codec.execution_of(execution, document, now)})

    def _update(self, topic: JobTopic, members: _Members, change: Change, _now: float) -> _Outcome:
        request = codec.request(members, Update)
        status = _reported(request.status)
        details = codec.details(request.status_details)
        step = _step(request.step_timeout_in_minutes, discardable=True)
        expected = codec.version(request.expected_version)
        execution = self._execution(topic, request.execution_number)
        event = self._allowed(execution, status)
        if expected is not None and expected != execution.version:
            raise Rejection(Why.VERSION, execution, expected=expected, found=execution.version)
        execution = change.move(execution, event, details, step)
        rest: dict[str, Any] = {}
        if request.include_job_execution_state:  # JS-7
            rest["executionState"] = codec.state_of(execution)
        if request.include_job_document:
            rest["jobDocument"] = codec.raw(change.document(execution))
        return _Outcome(rest, execution.version)

    def _execution(self, topic: JobTopic, number: int | None) -> JobExecution:
        execution = self._book.find(topic.thing, topic.job_id or "", number)
        if execution is None:
            raise Rejection(Why.NOT_FOUND)
        return execution

    def _allowed(self, execution: JobExecution, status: Status) -> Event:
        """Return the event of a report, if the table lets it happen (JX-5). Raises Rejection."""
        event = REPORTS.get(status)
        if event is not None and outcome(execution, event, strict=self._options.strict) is not None:
            return event
        if not execution.pending and self._options.terminal_update == "TerminalStateReached":
            raise Rejection(Why.TERMINAL, current=execution.status)  # G-12
        raise Rejection(Why.TRANSITION, execution, current=execution.status, asked=status)


def _reported(status: str | None) -> Status:
    """Return the status a device asks for (JR-6). Raises Rejection for what no device may ask for."""
    if status is None:
        raise Rejection(Why.STATUS_MISSING)
    known = Status.__members__.get(status)
    if known is None:
        raise Rejection(Why.STATUS_UNKNOWN)
    if known not in REPORTS and known is not Status.QUEUED:  # QUEUED is a transition that is not allowed
        raise Rejection(Why.STATUS_OF_SERVICE, status=known)
    return known


def _step(minutes: int | None, *, discardable: bool = False) -> int | None:
    """Return the step timer asked for (JR-3). Raises Rejection."""
    if minutes is None or quotas.STEP_TIMEOUT_MIN <= minutes <= quotas.STEP_TIMEOUT_MAX:
        return minutes
    if discardable and minutes == quotas.STEP_TIMEOUT_NONE:
        return minutes
    raise Rejection(Why.STEP_TIMEOUT)


def _destination(topic: JobTopic, members: _Members) -> str | None:
    """Return the status an update asks for, if it is one at all (LR-11)."""
    status = members.get("status") if topic.operation is Operation.UPDATE else None
    return status if isinstance(status, str) and status in Status.__members__ else None


def _named(topic: JobTopic) -> str | None:
    return None if topic.job_id == NEXT else topic.job_id


def _reply(topic: str, payload: bytes) -> Reply:
    """Return an answer: to the requester alone (JT-9); the broker lowers the QoS to what is granted (JT-13)."""
    return Reply(topic, payload, 1, Audience.REQUESTER)
