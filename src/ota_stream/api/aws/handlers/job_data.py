"""What a device asks of its jobs over HTTP (JH-1..JH-5): the service is the same as over MQTT, the words differ."""

from typing import Any, Final

import msgspec
from msgspec.structs import replace

from ota_stream.answers import Answer, Audience, Effect
from ota_stream.api.aws.given import Change, Given, Shown, invalid
from ota_stream.api.operated import Operated
from ota_stream.errors import ControlError
from ota_stream.jobs import topics
from ota_stream.jobs.errors import RejectionCode
from ota_stream.jobs.topics import JobTopic, Operation, UnknownTopic
from ota_stream.records import JobRequestRecord

_REFUSALS: Final = {  # JH-1..JH-4
    RejectionCode.INVALID_TOPIC: ("InvalidRequestException", 400),
    RejectionCode.INVALID_JSON: ("InvalidRequestException", 400),
    RejectionCode.INVALID_REQUEST: ("InvalidRequestException", 400),
    RejectionCode.INVALID_TRANSITION: ("InvalidStateTransitionException", 409),
    RejectionCode.NOT_FOUND: ("ResourceNotFoundException", 404),
    RejectionCode.VERSION: ("InvalidStateTransitionException", 409),  # the model has no name of its own for it
    RejectionCode.INTERNAL: ("InternalServerException", 500),
    RejectionCode.THROTTLED: ("ThrottlingException", 429),
    RejectionCode.TERMINAL: ("TerminalStateException", 410),
}
_IN_PATH: Final = ("thingName", "jobId")


def get_pending(cloud: Operated, given: Given) -> tuple[Shown | ControlError, Effect]:
    """GetPendingJobExecutions (JH-1)."""
    return _ask(cloud, Operation.GET_PENDING, given)


def start_next(cloud: Operated, given: Given) -> tuple[Shown | ControlError, Effect]:
    """StartNextPendingJobExecution (JH-2)."""
    return _ask(cloud, Operation.START_NEXT, given)


def describe(cloud: Operated, given: Given) -> tuple[Shown | ControlError, Effect]:
    """DescribeJobExecution (JH-3); the job may be `$next`."""
    return _ask(cloud, Operation.DESCRIBE, given)


def update(cloud: Operated, given: Given) -> tuple[Shown | ControlError, Effect]:
    """UpdateJobExecution (JH-4)."""
    return _ask(cloud, Operation.UPDATE, given)


def _ask(cloud: Operated, operation: Operation, given: Given) -> tuple[Shown | ControlError, Effect]:
    """Ask as a device does. Its record is of this request; its client is known by its thing alone."""
    topic = _topic(operation, given)
    request = msgspec.json.encode({name: value for name, value in given.items() if name not in _IN_PATH})
    answer = cloud.devices.answer(topic, request, topic.thing, cloud.clock.wall())
    return _shown(topic, answer), _effect(answer)


def _topic(operation: Operation, given: Given) -> JobTopic:
    """Return the topic that asks the same. Raises ControlError: no thing or no job has such a name."""
    topic = topics.build(given["thingName"], operation, given.get("jobId"))
    try:
        if topics.parse(topic.text) == topic:
            return topic
    except UnknownTopic:
        pass
    raise invalid("thingName: use 1 to 128 of a-z A-Z 0-9 : _ -, and for jobId 1 to 64 of a-z A-Z 0-9 _ -")


def _effect(answer: Answer) -> Effect:
    """Return what others get: nothing on MQTT for the caller, notifications for who is subscribed (JH-5)."""
    others = tuple(reply for reply in answer.replies if reply.to is Audience.SUBSCRIBERS)
    record = answer.record
    if isinstance(record, JobRequestRecord):
        record = replace(record, topic=None)  # it came over HTTP
    return Effect(others, (record, *answer.also))


def _shown(topic: JobTopic, answer: Answer) -> Shown | ControlError:
    reply = next(reply for reply in answer.replies if reply.to is Audience.REQUESTER)
    told: dict[str, Any] = msgspec.json.decode(reply.payload)
    if reply.topic == topic.rejected:
        name, status = _REFUSALS[RejectionCode(told["code"])]
        return ControlError(name, status, told["message"])
    told.pop("timestamp")  # only MQTT has it
    if "execution" in told:
        told["execution"] = {"thingName": topic.thing, **_as_text(told["execution"])}
    return _as_text(told)


def _as_text(told: Shown) -> Shown:
    """Write the document as text, which it is over HTTP (JS-5)."""
    document = told.get("jobDocument")
    return told if document is None else {**told, "jobDocument": msgspec.json.encode(document).decode()}


CHANGES: Final[dict[str, Change]] = {
    "GetPendingJobExecutions": get_pending,
    "StartNextPendingJobExecution": start_next,
    "DescribeJobExecution": describe,
    "UpdateJobExecution": update,
}
