"""What can be wrong with a job request, and with what became of a job."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, cast

import msgspec
from msgspec import Struct

from ota_stream.answers import Answer
from ota_stream.diagnosis.conversation import JOBS_MAX, Client, Conversation, Heard, Offer, Seen, bounded, shown
from ota_stream.diagnosis.reasons import words
from ota_stream.diagnosis.streams import STORM, STORM_TIME
from ota_stream.jobs.errors import Why
from ota_stream.jobs.executions import Status
from ota_stream.jobs.topics import JobTopic, Operation
from ota_stream.records import JobRequestRecord

WAIT_MAX: Final = 60.0  # seconds a job may wait for a connected agent, and an agent for itself
AGENT_IMAGE_MAX: Final = 1024 * 4096  # bytes: 128 bytes of bitmap at the FreeRTOS agent's largest usual block
SELF_TEST: Final = "self_test"  # OA-3

BY_FAILURE: Final = (
    (Why.TOPIC, "wrong-job-topic"),
    (Why.JSON, "job-json"),
    (Why.TOKEN_TYPE, "job-token"),
    (Why.TOKEN_TOO_LONG, "job-token"),
    (Why.FIELD, "job-field"),
    (Why.STATUS_MISSING, "status-missing"),
    (Why.STATUS_UNKNOWN, "status-unknown"),
    (Why.STATUS_OF_SERVICE, "status-of-service"),
    (Why.DETAILS_TOO_MANY, "too-many-details"),
    (Why.DETAIL_KEY, "detail-key"),
    (Why.DETAIL_VALUE, "detail-value"),
    (Why.STEP_TIMEOUT, "step-timeout"),
    (Why.TRANSITION, "transition"),
    (Why.TERMINAL, "job-has-ended"),
    (Why.NOT_FOUND, "job-not-found"),
    (Why.VERSION, "version-mismatch"),
)
"""Refusals that say all there is to say, known by the words before what is filled in."""
_ENDED: Final = frozenset(Status) - {Status.QUEUED, Status.IN_PROGRESS}
_BEGINNINGS: Final = (
    *((Why.TRANSITION.message.partition(" to ")[0].format(current=status), "job-has-ended") for status in _ENDED),
    *((why.message.partition("{")[0], kind) for why, kind in BY_FAILURE),
)

Members = Mapping[str, Any]


class JobAsked(Struct, frozen=True):
    """A job request: `said` are its members, `given` those of the answer; empty when they cannot be read."""

    heard: Heard
    topic: JobTopic
    client: Client
    failure: str | None
    said: Members
    given: Members

    @property
    def details(self) -> Members:
        """The status details that are reported."""
        return _object(self.said.get("statusDetails"))


def understand(heard: Heard, answer: Answer, topic: JobTopic, client: Client) -> JobAsked:
    """Read a request as the cloud has read it."""
    failure = answer.record.failure if isinstance(answer.record, JobRequestRecord) else None
    given = next((reply.payload for reply in answer.replies if reply.topic == topic.accepted), b"")
    return JobAsked(heard, topic, client, failure, members(heard.payload), members(given))


def members(payload: bytes) -> Members:
    """Return the members of a JSON object, none when it is not one."""
    try:
        return _object(msgspec.json.decode(payload))
    except (ValueError, RecursionError):
        return {}


def queued(notification: bytes) -> str | None:
    """Return the job that a notify-next says is at the front, unless it has begun."""
    execution = _object(members(notification).get("execution"))
    return str(execution["jobId"]) if execution.get("status") == "QUEUED" else None


def _object(value: object) -> Members:
    return cast("Members", value) if isinstance(value, dict) else {}


def _refused(asked: JobAsked, _: Conversation) -> Iterator[Seen]:
    if asked.failure is None:
        return
    for beginning, kind in _BEGINNINGS:
        if asked.failure.startswith(beginning):
            yield Seen(kind, f"{asked.topic.text}: {shown(asked.failure)}")
            break
    if not asked.client.listens(asked.topic.rejected):
        yield Seen("rejected-unheard", f"{asked.topic.rejected} had: {shown(asked.failure)}")


def _storm(asked: JobAsked, talk: Conversation) -> Iterator[Seen]:
    if talk.repeats >= STORM and asked.heard.at - talk.since <= STORM_TIME:
        yield Seen("job-request-storm", f"{talk.repeats + 1} times: {asked.topic.text}")


def _race(asked: JobAsked, talk: Conversation) -> Iterator[Seen]:
    if not _is_update(asked) or "expectedVersion" in asked.said:
        return
    before = talk.reporters.get(asked.topic.job_id or "")
    if before is not None and before != asked.heard.client_id:
        yield Seen("unversioned-race", f"{shown(before)}, then {shown(asked.heard.client_id)}: {asked.topic.text}")


def _self_test(asked: JobAsked, talk: Conversation) -> Iterator[Seen]:
    lost = asked.details and SELF_TEST not in asked.details and asked.topic.job_id in talk.self_tests
    if _is_update(asked) and lost and asked.said.get("status") == "IN_PROGRESS":
        yield Seen("self-test-lost", f"statusDetails are now {shown(dict(asked.details))}")


def _numbers(asked: JobAsked, _: Conversation) -> Iterator[Seen]:
    reason = asked.details.get("reason")
    if _is_update(asked) and asked.said.get("status") == "FAILED" and isinstance(reason, str):
        meaning = words(reason)
        if meaning is not None:
            yield Seen("numeric-reason", f"{reason}: {meaning}")


def _early(asked: JobAsked, talk: Conversation) -> Iterator[Seen]:
    offer = talk.offers.get(asked.topic.job_id or "")
    if not _is_update(asked) or asked.said.get("status") != "SUCCEEDED" or offer is None or not offer.fresh:
        return
    download = talk.downloads.get(offer.stream_id)
    if download is not None and download.missing:
        yield Seen("ended-early", f"{download.sent.bit_count()} of {download.total} blocks of {offer.stream_id}")


def _is_update(asked: JobAsked) -> bool:
    return asked.topic.operation is Operation.UPDATE and asked.failure is None


Check = Callable[[JobAsked, Conversation], Iterator[Seen]]
CHECKS: Final[tuple[Check, ...]] = (_refused, _storm, _race, _self_test, _numbers, _early)


def remember(asked: JobAsked, talk: Conversation) -> None:
    """Note what was offered and what was reported."""
    if asked.topic.operation is not Operation.UPDATE:
        talk.waiting = None
        _note_offer(asked, talk)
    elif asked.failure is None:
        _note_report(asked, talk, asked.topic.job_id or "")


def _note_report(asked: JobAsked, talk: Conversation, job_id: str) -> None:
    if job_id in talk.offers:
        talk.offers[job_id].idle = False
    if "expectedVersion" not in asked.said:
        bounded(talk.reporters, JOBS_MAX)[job_id] = asked.heard.client_id
    if SELF_TEST in asked.details:
        bounded(talk.self_tests, JOBS_MAX)[job_id] = None
    elif asked.details:
        talk.self_tests.pop(job_id, None)
    if asked.said.get("status") != "IN_PROGRESS":
        talk.self_tests.pop(job_id, None)
        talk.offers.pop(job_id, None)


def _note_offer(asked: JobAsked, talk: Conversation) -> None:
    execution = _object(asked.given.get("execution"))
    ota = _object(_object(execution.get("jobDocument")).get("afr_ota"))
    job_id, files = execution.get("jobId"), cast("object", ota.get("files"))
    if not isinstance(job_id, str) or job_id in talk.offers or "MQTT" not in (ota.get("protocols") or ()):
        return
    size = _object(cast("list[object]", files)[0]).get("filesize") if isinstance(files, list) and files else None
    bounded(talk.offers, JOBS_MAX)[job_id] = Offer(
        job_id,
        asked.heard.at,
        str(ota.get("streamname")),
        size if isinstance(size, int) else 0,
        looked=asked.topic.operation is Operation.DESCRIBE,
        fresh=not execution.get("statusDetails"),
    )


def waits(talk: Conversation, now: float) -> bool:
    """Tell whether something should have happened by now."""
    if talk.waiting is not None and now - talk.waiting[1] > WAIT_MAX:
        return True
    return any(offer.idle and now - offer.at > WAIT_MAX for offer in talk.offers.values())


def overdue(talk: Conversation, client: Client, notify_next: str, now: float) -> Iterator[Seen]:
    """Look for what should have happened by now; the client is connected."""
    if talk.waiting is not None and now - talk.waiting[1] > WAIT_MAX:
        job_id, since = talk.waiting
        kind = "job-not-asked" if client.listens(notify_next) else "job-unnoticed"
        talk.waiting = None
        yield Seen(kind, f"job {job_id} waits for {now - since:.0f} s")
    for offer in talk.offers.values():
        if offer.idle and now - offer.at > WAIT_MAX:
            offer.idle = False
            large = offer.looked and offer.size > AGENT_IMAGE_MAX
            kind = "image-over-bitmap" if large else "job-idle"
            yield Seen(kind, f"job {offer.job_id}, {offer.size} bytes: nothing for {now - offer.at:.0f} s")
