"""Job messages as JSON: how requests are read (spec 3.2) and how answers and notifications are written (3.3, 3.6)."""

import re
import unicodedata
from collections.abc import Mapping
from typing import Any, Final, TypeVar

import msgspec

from ota_stream.jobs import quotas, timers
from ota_stream.jobs.errors import Rejection, Why
from ota_stream.jobs.executions import JobExecution, Status
from ota_stream.jobs.messages import Request
from ota_stream.jobs.queue import Queue

_Shape = TypeVar("_Shape", bound=Request)

_object: Final = msgspec.json.Decoder(dict[str, Any])
_encode: Final = msgspec.json.encode  # compact (JS-9)
_DETAIL_KEY: Final = re.compile(r"[a-zA-Z0-9:_-]{1,128}")  # JR-11
_VERSION: Final = re.compile(r"[0-9]{1,18}", re.ASCII)  # JR-8


# Reading what a device asks


def fields(payload: bytes) -> dict[str, Any]:
    """Read the object of a request. No byte at all is an empty one (JR-13). Raises Rejection (InvalidJson)."""
    if not payload:
        return {}
    try:
        return _object.decode(payload.decode())
    except (ValueError, RecursionError):  # not UTF-8, not JSON, not an object, or a bomb of brackets
        raise Rejection(Why.JSON) from None


def client_token(members: Mapping[str, Any]) -> str | None:
    """Return the token to echo, however strange (JR-1). Raises Rejection when there is none to echo."""
    token = members.get("clientToken")
    if token is None:
        return None
    if not isinstance(token, str):
        raise Rejection(Why.TOKEN_TYPE)
    if len(token.encode()) > quotas.CLIENT_TOKEN_MAX:
        raise Rejection(Why.TOKEN_TOO_LONG)
    return token


def request(members: Mapping[str, Any], shape: type[_Shape]) -> _Shape:
    """Read a request. Raises Rejection (InvalidRequest) when a field is of the wrong type."""
    try:
        return msgspec.convert(members, shape)
    except msgspec.ValidationError as error:
        raise Rejection(Why.FIELD, problem=error) from None


def version(expected: int | str | None) -> int | None:
    """Return the version a device expects; the C agents send a decimal text (JR-8). Raises Rejection."""
    if isinstance(expected, str):
        if not _VERSION.fullmatch(expected):
            raise Rejection(Why.FIELD, problem="expectedVersion is not a decimal number")
        return int(expected)
    return expected


def details(members: Mapping[str, Any] | None) -> dict[str, str] | None:
    """Return status details as texts (JR-11, JR-12). Raises Rejection (InvalidRequest)."""
    if members is None:
        return None
    if len(members) > quotas.DETAILS_MAX:
        raise Rejection(Why.DETAILS_TOO_MANY)
    texts: dict[str, str] = {}
    for name, value in members.items():
        if not _DETAIL_KEY.fullmatch(name):
            raise Rejection(Why.DETAIL_KEY)
        texts[name] = _detail(value)
    return texts


def _detail(value: object) -> str:
    if isinstance(value, (bool, int, float)):
        return _encode(value).decode()  # JR-12
    if not isinstance(value, str) or not 1 <= len(value) <= quotas.DETAIL_VALUE_MAX or _has_control(value):
        raise Rejection(Why.DETAIL_VALUE)
    return value


def _has_control(text: str) -> bool:
    return not text.isprintable() and any(unicodedata.category(letter).startswith("C") for letter in text)


# Writing what a device gets


def accepted(token: str | None, now: float, rest: Mapping[str, Any]) -> bytes:
    """Write an answer: clientToken if the request had one, timestamp, then the rest (JS-4)."""
    return _encode({**_token(token), "timestamp": int(now), **rest})


def rejected(why: Why, message: str, token: str | None, now: float, execution: JobExecution | None = None) -> bytes:
    """Write a rejection; `execution` gives the state the device did not know (JS-8)."""
    state = {} if execution is None else {"executionState": state_of(execution)}
    return _encode({"code": why.code, "message": message, **_token(token), "timestamp": int(now), **state})


def summary_of(execution: JobExecution) -> dict[str, Any]:
    """Return an execution as `get/accepted` lists it (JS-1)."""
    return {
        "jobId": execution.job_id,
        "queuedAt": int(execution.queued_at),
        **_started(execution),
        "lastUpdatedAt": int(execution.updated_at),
        "versionNumber": execution.version,
        "executionNumber": execution.number,
    }


def execution_of(execution: JobExecution, document: bytes | None, now: float) -> dict[str, Any]:
    """Return an execution in the order seen live (JS-3); the document is an object, never a string (JS-5)."""
    left = timers.seconds_left(execution, now)
    return {
        "jobId": execution.job_id,
        "status": execution.status,
        **({"statusDetails": execution.details} if execution.details else {}),
        "queuedAt": int(execution.queued_at),
        **_started(execution),
        "lastUpdatedAt": int(execution.updated_at),
        **({} if left is None else {"approximateSecondsBeforeTimedOut": left}),
        "versionNumber": execution.version,
        "executionNumber": execution.number,
        **({} if document is None else {"jobDocument": msgspec.Raw(document)}),
    }


def state_of(execution: JobExecution) -> dict[str, Any]:
    """Return the part of an execution that an update changes (JS-7)."""
    given = {"statusDetails": execution.details} if execution.details else {}
    return {"status": execution.status, **given, "versionNumber": execution.version}


def notify(queue: Queue, now: float) -> bytes:
    """Write `notify`: at most ten pending executions by status; a status with none is left out (JNF-1, JNF-2)."""
    jobs: dict[str, list[dict[str, Any]]] = {}
    for execution in queue[: quotas.NOTIFY_MAX]:
        jobs.setdefault(execution.status, []).append(_entry(execution))
    return _encode({"timestamp": int(now), "jobs": jobs})


def notify_next(front: JobExecution | None, document: bytes | None, now: float) -> bytes:
    """Write `notify-next`: the front of the queue, or nothing but the time (JNF-5)."""
    if front is None:
        return _encode({"timestamp": int(now)})
    execution = {
        "jobId": front.job_id,
        "status": front.status,
        "queuedAt": int(front.queued_at),
        **_started(front),
        "lastUpdatedAt": int(front.updated_at),
        "versionNumber": front.version,
        "executionNumber": front.number,
        **({} if document is None else {"jobDocument": msgspec.Raw(document)}),
    }
    return _encode({"timestamp": int(now), "execution": execution})


def _entry(execution: JobExecution) -> dict[str, Any]:
    """Return an execution as `notify` lists it: no status (JNF-3)."""
    return {
        "jobId": execution.job_id,
        "queuedAt": int(execution.queued_at),
        "lastUpdatedAt": int(execution.updated_at),
        **_started(execution),
        "executionNumber": execution.number,
        "versionNumber": execution.version,
    }


def _started(execution: JobExecution) -> dict[str, int]:
    started = execution.started_at
    return {} if started is None else {"startedAt": int(started)}


def _token(token: str | None) -> dict[str, str]:
    return {} if token is None else {"clientToken": token}


def queues(queue: Queue) -> dict[str, Any]:
    """Return what `get/accepted` tells: both lists, maybe empty (JS-1)."""
    lists: dict[str, Any] = {"inProgressJobs": [], "queuedJobs": []}
    for execution in queue:
        name = "queuedJobs" if execution.status is Status.QUEUED else "inProgressJobs"
        lists[name].append(summary_of(execution))
    return lists


def raw(document: bytes) -> msgspec.Raw:
    """Return a document that is JSON already, to stand in a message as it is."""
    return msgspec.Raw(document)
