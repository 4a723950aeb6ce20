"""The vectors of the jobs service: what a device asks, what it gets, who is told, what the log will say.

What is expected is written with `json` alone, never with the codec under test; the order of keys is part of it. Each
vector starts from a book in a named state (see `book_in`): jobs are queued at 100, 200, 300; started at 400.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ota_stream.jobs import topics
from ota_stream.jobs.book import JobBook
from ota_stream.jobs.configs import TimeoutConfig
from ota_stream.jobs.control import JobControl
from ota_stream.jobs.jobs import JobSpec
from ota_stream.jobs.service import JobService

THING: Final = "lock-0042"
CLIENT_ID: Final = "client-7"  # not the thing name, on purpose
NOW: Final = 1000.9  # JS-6: the wire has whole seconds
DOCUMENT: Final = '{ "afr_ota": {"streamname": "AFR_OTA-1", "files": [{"fileid": 0}]} }'
SHOWN: Final = json.loads(DOCUMENT)


def spec(job_id: str, *, thing: str = THING, **more: Any) -> JobSpec:
    return JobSpec(job_id, (f"thing/{thing}",), DOCUMENT, **more)


def _ask(book: JobBook, tail: str, body: Mapping[str, Any], now: float) -> None:
    topic = topics.parse(f"$aws/things/{THING}/jobs/{tail}")
    assert topic is not None
    assert JobService(book).answer(topic, json.dumps(body).encode(), CLIENT_ID, now).record.failure is None


def _queued(*job_ids: str) -> JobBook:
    book = JobBook()
    for number, job_id in enumerate(job_ids, start=1):
        JobControl(book).create_job(spec(job_id), number * 100.0)
    return book


def _running(*job_ids: str) -> JobBook:
    book = _queued(*job_ids)
    _ask(book, "start-next", {"statusDetails": {"step": "begin"}}, 400.0)
    return book


def _done() -> JobBook:
    book = _running("j1")
    _ask(book, "j1/update", {"status": "SUCCEEDED"}, 500.0)
    return book


def _timed() -> JobBook:
    book = JobBook()
    JobControl(book).create_job(spec("j1", timeout_config=TimeoutConfig(20)), 100.0)
    _ask(book, "start-next", {}, 400.0)
    return book


STATES: Final[Mapping[str, Callable[[], JobBook]]] = {
    "nothing": JobBook,
    "queued": lambda: _queued("j1"),
    "two queued": lambda: _queued("j1", "j2"),
    "three queued": lambda: _queued("j1", "j2", "j3"),
    "running": lambda: _running("j1"),
    "running, one behind": lambda: _running("j1", "j2"),
    "done": _done,
    "timed": _timed,
    "odd names": lambda: _queued("get", "start-next", "notify", "notify-next"),
    "eleven queued": lambda: _queued(*(f"j{number:02}" for number in range(1, 12))),
}


def book_in(state: str) -> JobBook:
    """Make the book a vector starts from."""
    return STATES[state]()


def compact(members: object) -> bytes:
    """Write what is expected, without blanks (JS-9)."""
    return json.dumps(members, separators=(",", ":"), ensure_ascii=False).encode()


def entry(
    job_id: str, at: int, version: int = 1, started: int | None = None, updated: int | None = None
) -> dict[str, Any]:
    """An execution in `notify` (JNF-3)."""
    start = {} if started is None else {"startedAt": started}
    return {
        "jobId": job_id,
        "queuedAt": at,
        "lastUpdatedAt": updated or started or at,
        **start,
        "executionNumber": 1,
        "versionNumber": version,
    }


def summary(job_id: str, at: int, version: int = 1, started: int | None = None) -> dict[str, Any]:
    """An execution in `get/accepted` (JS-1)."""
    start = {} if started is None else {"startedAt": started}
    last = started or at
    return {
        "jobId": job_id,
        "queuedAt": at,
        **start,
        "lastUpdatedAt": last,
        "versionNumber": version,
        "executionNumber": 1,
    }


def execution(
    job_id: str,
    status: str,
    at: int,
    version: int = 1,
    started: int | None = None,
    details: Mapping[str, str] | None = None,
    *,
    left: int | None = None,
    document: bool = True,
) -> dict[str, Any]:
    """An execution in the answers to start-next and describe (JS-3)."""
    return {
        "jobId": job_id,
        "status": status,
        **({"statusDetails": dict(details)} if details else {}),
        "queuedAt": at,
        **({} if started is None else {"startedAt": started}),
        "lastUpdatedAt": started or at,
        **({} if left is None else {"approximateSecondsBeforeTimedOut": left}),
        "versionNumber": version,
        "executionNumber": 1,
        **({"jobDocument": SHOWN} if document else {}),
    }


def next_up(job_id: str, status: str, at: int, version: int = 1, started: int | None = None) -> dict[str, Any]:
    """The members of a `notify-next` with a job (JNF-5)."""
    return {"timestamp": 1000, "execution": execution(job_id, status, at, version, started)}


@dataclass(frozen=True)
class JobVector:
    """One request and all that must come of it.

    `ask` is the payload, or the object to write as one. Exactly one of `accepted` (the message without timestamp and
    token) and `rejected` (code, message) is given. `told` are the notifications after it, in order. `record` are the
    members of the record beside time, event, client id and topic.
    """

    name: str
    rules: str
    state: str
    tail: str
    ask: bytes | Mapping[str, Any] = b"{}"
    accepted: Mapping[str, Any] | None = None
    rejected: tuple[str, str] | None = None
    execution_state: Mapping[str, Any] | None = None
    told: tuple[tuple[str, Mapping[str, Any]], ...] = ()
    echo: str | None = None
    record: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    completes: bool = False

    def __str__(self) -> str:
        return f"{self.tail}: {self.name}"

    @property
    def topic(self) -> str:
        return f"$aws/things/{THING}/jobs/{self.tail}"

    @property
    def payload(self) -> bytes:
        return self.ask if isinstance(self.ask, bytes) else json.dumps(self.ask).encode()

    def replies(self) -> list[tuple[str, bytes]]:
        """Topic and payload of everything that goes out, in order (JNF-7)."""
        token = {} if self.echo is None else {"clientToken": self.echo}
        if self.rejected is None:
            first = (f"{self.topic}/accepted", compact({**token, "timestamp": 1000, **(self.accepted or {})}))
        else:
            code, message = self.rejected
            state = {} if self.execution_state is None else {"executionState": self.execution_state}
            body = {"code": code, "message": message, **token, "timestamp": 1000, **state}  # JS-8
            first = (f"{self.topic}/rejected", compact(body))
        jobs = f"$aws/things/{THING}/jobs"
        return [first, *((f"{jobs}/{name}", compact(members)) for name, members in self.told)]


INVALID_JSON: Final = ("InvalidJson", "The payload is not a JSON object in UTF-8")
TOKEN_LONG: Final = ("InvalidRequest", "The client token is longer than 64 bytes")
TOKEN_TYPE: Final = ("InvalidRequest", "The client token is not a string")
NO_STATUS: Final = (
    "InvalidRequest",
    "Value null at 'status' failed to satisfy constraint: Member must not be null",
)
UNKNOWN_STATUS: Final = ("InvalidRequest", "The status is none of IN_PROGRESS, FAILED, SUCCEEDED, REJECTED")
NOT_FOUND: Final = ("ResourceNotFound", "There is no such job execution for this thing")
STEP: Final = ("InvalidRequest", "stepTimeoutInMinutes is outside 1 to 10080")
TOO_MANY: Final = ("InvalidRequest", "statusDetails has more than 10 entries")
BAD_KEY: Final = ("InvalidRequest", "A key of statusDetails is not 1 to 128 of a-z A-Z 0-9 : _ -")
BAD_VALUE: Final = (
    "InvalidRequest",
    "A value of statusDetails is not a text of 1 to 1024 characters without control characters",
)
EMPTY: Final = ("notify", {"timestamp": 1000, "jobs": {}})  # JNF-1
NOBODY: Final = ("notify-next", {"timestamp": 1000})  # JNF-5
BEGIN: Final = {"step": "begin"}


def refused(current: str, asked: str) -> tuple[str, str]:
    return "InvalidStateTransition", f"A job execution cannot go from {current} to {asked}"


def unreadable(problem: str) -> tuple[str, str]:
    return "InvalidRequest", f"A field of the request cannot be read: {problem}"


def update(name: str, rules: str, state: str, ask: bytes | Mapping[str, Any], **more: Any) -> JobVector:
    """A vector of `j1/update`; the record of one that is accepted names destination and version."""
    return JobVector(name, rules, state, more.pop("tail", "j1/update"), ask, **more)


_GET_PENDING: Final = (
    JobVector(
        "nothing pending", "JT-1 JT-2 JS-1 LR-9", "nothing", "get", accepted={"inProgressJobs": [], "queuedJobs": []}
    ),
    JobVector(
        "no byte at all", "JR-13 D-1.12", "nothing", "get", b"", accepted={"inProgressJobs": [], "queuedJobs": []}
    ),
    JobVector(
        "one runs, one waits",
        "JS-1 JX-8 JR-1 JS-4 JS-6",
        "running, one behind",
        "get",
        {"clientToken": "t"},
        accepted={"inProgressJobs": [summary("j1", 100, 2, 400)], "queuedJobs": [summary("j2", 200)]},
        echo="t",
    ),
    JobVector("not JSON", "JR-1", "queued", "get", b"{", rejected=INVALID_JSON),
    JobVector("not UTF-8", "JR-1", "queued", "get", b'{"clientToken":"\xff"}', rejected=INVALID_JSON),
    JobVector("not an object", "JR-1", "queued", "get", b"[]", rejected=INVALID_JSON),
    JobVector("null", "JR-1", "queued", "get", b"null", rejected=INVALID_JSON),
    JobVector("a bomb", "JR-1", "queued", "get", b"[" * 100_000, rejected=INVALID_JSON),
    JobVector("a bomb in an object", "JR-1", "queued", "get", b'{"a":' * 25_000, rejected=INVALID_JSON),
    JobVector("a token of 65 bytes", "JR-1", "queued", "get", {"clientToken": "é" * 32 + "x"}, rejected=TOKEN_LONG),
    JobVector("a token that is a number", "JR-1", "queued", "get", {"clientToken": 5}, rejected=TOKEN_TYPE),
    *(
        JobVector(
            f"the token {token!r}",
            "JR-1 D-1.12",
            "nothing",
            "get",
            {"clientToken": token, "unknown": [1]},
            accepted={"inProgressJobs": [], "queuedJobs": []},
            echo=token,
        )
        for token in ("", ":dev1", "é" * 32, '"quoted"\\')
    ),
)

_START_NEXT: Final = (
    JobVector("nothing pending", "JT-3 JS-2 LR-10", "nothing", "start-next", accepted={}),
    JobVector("no byte at all", "JR-13", "nothing", "start-next", b"", accepted={}),
    JobVector(
        "the front is started",
        "JX-2 JX-6 JS-2 JS-3 JS-5 JNF-4 JNF-6 D-1.9 D-1.10",
        "two queued",
        "start-next",
        accepted={"execution": execution("j1", "IN_PROGRESS", 100, 2, 1000)},
    ),
    JobVector(
        "as the file-streams demos ask",
        "D-3.2",
        "queued",
        "start-next",
        bytes.fromhex("7b22636c69656e74546f6b656e223a2274657374227d"),
        accepted={"execution": execution("j1", "IN_PROGRESS", 100, 2, 1000)},
        echo="test",
    ),
    JobVector(
        "as the Python SDK asks",
        "D-3.5 JR-2 JR-3",
        "queued",
        "start-next",
        b'{"clientToken": "tok-1", "statusDetails": {"a": "b"}, "stepTimeoutInMinutes": 5}',
        accepted={"execution": execution("j1", "IN_PROGRESS", 100, 2, 1000, {"a": "b"}, left=300)},
        echo="tok-1",
    ),
    JobVector(
        "one that runs comes back as it is",
        "JX-3 JR-2",
        "running, one behind",
        "start-next",
        {"statusDetails": {"other": "x"}, "stepTimeoutInMinutes": 5},
        accepted={"execution": execution("j1", "IN_PROGRESS", 100, 2, 400, BEGIN)},
    ),
    JobVector("a step of 0", "JR-3", "queued", "start-next", {"stepTimeoutInMinutes": 0}, rejected=STEP),
    JobVector("a step of -1", "JR-3", "queued", "start-next", {"stepTimeoutInMinutes": -1}, rejected=STEP),
    JobVector("a step of 10081", "JR-3", "queued", "start-next", {"stepTimeoutInMinutes": 10081}, rejected=STEP),
    JobVector("a bad detail", "JR-11", "queued", "start-next", {"statusDetails": {"a b": "x"}}, rejected=BAD_KEY),
    JobVector("no detail at all", "JR-11", "queued", "start-next", {"statusDetails": {"a": ""}}, rejected=BAD_VALUE),
)

_DESCRIBE: Final = (
    JobVector("nothing pending", "JT-5 JS-2 LR-21", "nothing", "$next/get", accepted={}, record={"job_id": None}),
    JobVector("no byte at all", "JR-13 D-3.3", "nothing", "$next/get", b"", accepted={}, record={"job_id": None}),
    JobVector(
        "as the reference agent asks",
        "D-3.1 JX-4 JT-5 JS-4 LR-21 D-1.1",
        "two queued",
        "$next/get",
        bytes.fromhex("7b22636c69656e74546f6b656e223a223a64657631227d"),
        accepted={"execution": execution("j1", "QUEUED", 100)},
        echo=":dev1",
        record={"job_id": "j1"},
    ),
    JobVector(
        "after a reboot the details come back",
        "OA-8 D-1.13",
        "running",
        "$next/get",
        accepted={"execution": execution("j1", "IN_PROGRESS", 100, 2, 400, BEGIN)},
        record={"job_id": "j1"},
    ),
    JobVector(
        "a timer runs",
        "JS-3 JTM-1 JTM-4",
        "timed",
        "j1/get",
        accepted={"execution": execution("j1", "IN_PROGRESS", 100, 2, 400, left=599)},
        record={"job_id": "j1"},
    ),
    JobVector(
        "one of several",
        "JT-4 LR-8",
        "two queued",
        "j2/get",
        {"executionNumber": 1, "includeJobDocument": True},
        accepted={"execution": execution("j2", "QUEUED", 200)},
        record={"job_id": "j2"},
    ),
    JobVector(
        "without the document",
        "JR-5",
        "queued",
        "j1/get",
        {"includeJobDocument": False},
        accepted={"execution": execution("j1", "QUEUED", 100, document=False)},
        record={"job_id": "j1"},
    ),
    JobVector(
        "an explicit null is a field left out",
        "JR-4 JR-5",
        "queued",
        "j1/get",
        {"includeJobDocument": None, "executionNumber": None, "clientToken": None},
        accepted={"execution": execution("j1", "QUEUED", 100)},
        record={"job_id": "j1"},
    ),
    JobVector("no such job", "JT-4", "queued", "j9/get", rejected=NOT_FOUND, record={"job_id": "j9"}),
    JobVector(
        "no such number",
        "JR-4",
        "queued",
        "j1/get",
        {"executionNumber": 2},
        rejected=NOT_FOUND,
        record={"job_id": "j1"},
    ),
    JobVector(
        "a number that is none",
        "JR-4",
        "queued",
        "j1/get",
        {"clientToken": "t", "executionNumber": "1"},
        rejected=unreadable("Expected `int | null`, got `str` - at `$.executionNumber`"),
        echo="t",
        record={"job_id": "j1"},
    ),
    JobVector("not JSON", "LR-21", "queued", "$next/get", b"{", rejected=INVALID_JSON, record={"job_id": "j1"}),
    JobVector(
        "one that has ended",
        "3.4",
        "done",
        "j1/get",
        rejected=("TerminalStateReached", "The job execution is in the terminal state SUCCEEDED"),
        record={"job_id": "j1"},
    ),
    JobVector(
        "one that has ended, shown by option",
        "3.4",
        "done",
        "j1/get",
        accepted={
            "execution": {**execution("j1", "SUCCEEDED", 100, 3, 400, BEGIN), "lastUpdatedAt": 500},
        },
        record={"job_id": "j1"},
        options={"terminal_describe": "execution"},
    ),
    *(
        JobVector(
            f"a job named {name}",
            "JT-15",
            "odd names",
            f"{name}/get",
            {"includeJobDocument": False},
            accepted={"execution": execution(name, "QUEUED", at, document=False)},
            record={"job_id": name},
        )
        for name, at in (("get", 100), ("start-next", 200), ("notify", 300), ("notify-next", 400))
    ),
)


def _went(status: str, version: int) -> dict[str, Any]:
    return {"job_id": "j1", "version_number": version, "destination": status}


def _asked(status: str | None = None) -> dict[str, Any]:
    return {"job_id": "j1", "destination": status}


_LAST_ENDS: Final[dict[str, Any]] = {"accepted": {}, "told": (EMPTY, NOBODY), "completes": True}

_UPDATE: Final = (
    update(
        "started by an update",
        "JX-5 JX-6 JNF-4 LR-11",
        "queued",
        {"status": "IN_PROGRESS", "clientToken": "u", "includeJobExecutionState": True},
        accepted={"executionState": {"status": "IN_PROGRESS", "versionNumber": 2}},
        echo="u",
        record=_went("IN_PROGRESS", 2),
    ),
    update(
        "progress of the reference agent",
        "D-3.1 OA-2 JNF-6",
        "running",
        b'{"status":"IN_PROGRESS","statusDetails":{"receive":"1/15"}}',
        accepted={},
        record=_went("IN_PROGRESS", 3),
    ),
    update(
        "details replace, they do not merge",
        "JR-7 JS-7 D-1.13",
        "running",
        {"status": "IN_PROGRESS", "statusDetails": {"receive": "2/15"}, "includeJobExecutionState": True},
        accepted={
            "executionState": {"status": "IN_PROGRESS", "statusDetails": {"receive": "2/15"}, "versionNumber": 3}
        },
        record=_went("IN_PROGRESS", 3),
    ),
    update(
        "no details leave those there are",
        "JR-7 JR-10",
        "running",
        {"status": "IN_PROGRESS", "includeJobExecutionState": True, "statusDetails": {}},
        accepted={"executionState": {"status": "IN_PROGRESS", "statusDetails": BEGIN, "versionNumber": 3}},
        record=_went("IN_PROGRESS", 3),
    ),
    update(
        "as the Python SDK asks",
        "D-3.5 JR-8 JR-9 JR-10 JS-7",
        "running",
        b'{"clientToken": "u", "executionNumber": 1, "expectedVersion": 2, "includeJobDocument": true, '
        b'"includeJobExecutionState": true, "status": "IN_PROGRESS", "statusDetails": {"p": "1"}}',
        accepted={
            "executionState": {"status": "IN_PROGRESS", "statusDetails": {"p": "1"}, "versionNumber": 3},
            "jobDocument": SHOWN,
        },
        echo="u",
        record=_went("IN_PROGRESS", 3),
    ),
    update(
        "a number as a detail",
        "JR-12",
        "running",
        {
            "status": "IN_PROGRESS",
            "statusDetails": {"error_code": 7, "ok": True, "part": 0.5},
            "includeJobExecutionState": True,
        },
        accepted={
            "executionState": {
                "status": "IN_PROGRESS",
                "statusDetails": {"error_code": "7", "ok": "true", "part": "0.5"},
                "versionNumber": 3,
            }
        },
        record=_went("IN_PROGRESS", 3),
    ),
    update(
        "the version as a text, from the lab demos",
        "JR-8 D-3.2 JNF-7 D-1.11",
        "running",
        b'{"status":"SUCCEEDED","expectedVersion":"2"}',
        record=_went("SUCCEEDED", 3),
        **_LAST_ENDS,
    ),
    update(
        "the end of the reference agent",
        "D-3.1 OA-5",
        "running",
        b'{"status":"SUCCEEDED","statusDetails":{"reason":"accepted  v0.9.3","updatedBy":"  v0.9.2"}}',
        record=_went("SUCCEEDED", 3),
        **_LAST_ENDS,
    ),
    update("failed", "LR-12 JX-5", "running", {"status": "FAILED"}, record=_went("FAILED", 3), **_LAST_ENDS),
    update(
        "never started, succeeded",
        "JX-5",
        "queued",
        {"status": "SUCCEEDED"},
        record=_went("SUCCEEDED", 2),
        **_LAST_ENDS,
    ),
    update("never started, failed", "JX-5", "queued", {"status": "FAILED"}, record=_went("FAILED", 2), **_LAST_ENDS),
    update(
        "never started, rejected", "JX-5", "queued", {"status": "REJECTED"}, record=_went("REJECTED", 2), **_LAST_ENDS
    ),
    update(
        "rejected after the start",
        "JX-5a G-23",
        "running",
        {"status": "REJECTED"},
        record=_went("REJECTED", 3),
        **_LAST_ENDS,
    ),
    update(
        "rejected after the start, strict",
        "JX-5a G-23 JS-8",
        "running",
        {"status": "REJECTED"},
        rejected=refused("IN_PROGRESS", "REJECTED"),
        execution_state={"status": "IN_PROGRESS", "statusDetails": BEGIN, "versionNumber": 2},
        record=_asked("REJECTED"),
        options={"strict": True},
    ),
    update(
        "another version",
        "JR-8 JS-8 3.4",
        "queued",
        {"status": "IN_PROGRESS", "expectedVersion": 99},
        rejected=("VersionMismatch", "Expected version 99 but found version 1"),
        execution_state={"status": "QUEUED", "versionNumber": 1},
        record=_asked("IN_PROGRESS"),
    ),
    update(
        "another version, as a text",
        "JR-8",
        "queued",
        {"status": "IN_PROGRESS", "expectedVersion": "2", "clientToken": ""},
        rejected=("VersionMismatch", "Expected version 2 but found version 1"),
        execution_state={"status": "QUEUED", "versionNumber": 1},
        echo="",
        record=_asked("IN_PROGRESS"),
    ),
    update(
        "a version that is no number",
        "JR-8",
        "queued",
        {"status": "IN_PROGRESS", "expectedVersion": "two"},
        rejected=unreadable("expectedVersion is not a decimal number"),
        record=_asked("IN_PROGRESS"),
    ),
    update("no byte at all", "JR-13", "queued", b"", rejected=NO_STATUS, record=_asked()),
    update("no status", "JR-6 3.4", "queued", {"clientToken": "t"}, rejected=NO_STATUS, echo="t", record=_asked()),
    update("not JSON", "3.4", "queued", b"status", rejected=INVALID_JSON, record=_asked()),
    update("an unknown status", "JR-6", "queued", {"status": "DONE"}, rejected=UNKNOWN_STATUS, record=_asked()),
    update(
        "a status in small letters", "JR-6", "queued", {"status": "failed"}, rejected=UNKNOWN_STATUS, record=_asked()
    ),
    *(
        update(
            f"only the service says {status}",
            "JR-6 JX-1 3.4",
            "running",
            {"status": status},
            rejected=("InvalidRequest", f"Only the service sets the status {status}"),
            record=_asked(status),
        )
        for status in ("CANCELED", "TIMED_OUT", "REMOVED")
    ),
    update(
        "back into the queue",
        "3.4",
        "running",
        {"status": "QUEUED"},
        rejected=refused("IN_PROGRESS", "QUEUED"),
        execution_state={"status": "IN_PROGRESS", "statusDetails": BEGIN, "versionNumber": 2},
        record=_asked("QUEUED"),
    ),
    *(
        update(
            f"{status} after the end",
            "3.4 G-12 D-1.14",
            "done",
            {"status": status},
            rejected=refused("SUCCEEDED", status),
            execution_state={"status": "SUCCEEDED", "statusDetails": BEGIN, "versionNumber": 3},
            record=_asked(status),
        )
        for status in ("IN_PROGRESS", "FAILED", "SUCCEEDED", "REJECTED", "QUEUED")
    ),
    update(
        "after the end, by option",
        "G-12",
        "done",
        {"status": "FAILED"},
        rejected=("TerminalStateReached", "The job execution is in the terminal state SUCCEEDED"),
        record=_asked("FAILED"),
        options={"terminal_update": "TerminalStateReached"},
    ),
    update(
        "no such job",
        "3.4",
        "queued",
        {"status": "FAILED"},
        tail="j9/update",
        rejected=NOT_FOUND,
        record={"job_id": "j9", "destination": "FAILED"},
    ),
    update(
        "no such number",
        "JR-9",
        "queued",
        {"status": "FAILED", "executionNumber": 7},
        rejected=NOT_FOUND,
        record=_asked("FAILED"),
    ),
    update(
        "a step of 0",
        "JR-3",
        "running",
        {"status": "IN_PROGRESS", "stepTimeoutInMinutes": 0},
        rejected=STEP,
        record=_asked("IN_PROGRESS"),
    ),
    update(
        "no step timer any more",
        "JR-3",
        "running",
        {"status": "IN_PROGRESS", "stepTimeoutInMinutes": -1},
        accepted={},
        record=_went("IN_PROGRESS", 3),
    ),
    update(
        "eleven details",
        "JR-11",
        "running",
        {"status": "IN_PROGRESS", "statusDetails": {f"k{number}": "v" for number in range(11)}},
        rejected=TOO_MANY,
        record=_asked("IN_PROGRESS"),
    ),
    *(
        update(
            name,
            "JR-11",
            "running",
            {"status": "IN_PROGRESS", "statusDetails": {key: value}},
            rejected=why,
            record=_asked("IN_PROGRESS"),
        )
        for name, key, value, why in (
            ("a key of 129", "k" * 129, "v", BAD_KEY),
            ("an empty key", "", "v", BAD_KEY),
            ("a huge value", "k", "v" * 100_000, BAD_VALUE),
            ("a value of 1025", "k", "v" * 1025, BAD_VALUE),
            ("a line break", "k", "a\nb", BAD_VALUE),
            ("a list as a value", "k", ["v"], BAD_VALUE),
            ("null as a value", "k", None, BAD_VALUE),
        )
    ),
    update(
        "letters of the world",
        "JR-11",
        "running",
        {"status": "IN_PROGRESS", "statusDetails": {"k": "\u00a0é😀" + "v" * 1021}},
        accepted={},
        record=_went("IN_PROGRESS", 3),
    ),
    update(
        "details that are none",
        "JR-11",
        "running",
        {"status": "IN_PROGRESS", "statusDetails": "receive"},
        rejected=unreadable("Expected `object | null`, got `str` - at `$.statusDetails`"),
        record=_asked("IN_PROGRESS"),
    ),
)

# The table of 3.6, what a device's request can bring about; the rest is in test_notifications.py
_NOTIFIED: Final = (
    update(
        "the front ends, another waits",
        "JNF-1 JNF-3 JNF-5 JNF-7 JX-9",
        "running, one behind",
        {"status": "SUCCEEDED"},
        accepted={},
        told=(
            ("notify", {"timestamp": 1000, "jobs": {"QUEUED": [entry("j2", 200)]}}),
            ("notify-next", next_up("j2", "QUEUED", 200)),
        ),
        record=_went("SUCCEEDED", 3),
        completes=True,
    ),
    update(
        "one behind is rejected",
        "JNF-4 JNF-6 JX-9",
        "running, one behind",
        {"status": "REJECTED"},
        tail="j2/update",
        accepted={},
        told=(("notify", {"timestamp": 1000, "jobs": {"IN_PROGRESS": [entry("j1", 100, 2, 400)]}}),),
        record={"job_id": "j2", "version_number": 2, "destination": "REJECTED"},
        completes=True,
    ),
    update(
        "one behind is started before the front",
        "JNF-6 JX-8",
        "three queued",
        {"status": "IN_PROGRESS"},
        tail="j3/update",
        accepted={},
        told=(("notify-next", next_up("j3", "IN_PROGRESS", 300, 2, 1000)),),
        record={"job_id": "j3", "version_number": 2, "destination": "IN_PROGRESS"},
    ),
    update(
        "one of eleven ends",
        "JNF-2",
        "eleven queued",
        {"status": "FAILED"},
        tail="j11/update",
        accepted={},
        told=(("notify", {"timestamp": 1000, "jobs": {"QUEUED": [entry(f"j{n:02}", n * 100) for n in range(1, 11)]}}),),
        record={"job_id": "j11", "version_number": 2, "destination": "FAILED"},
        completes=True,
    ),
)

VECTORS: Final = (*_GET_PENDING, *_START_NEXT, *_DESCRIBE, *_UPDATE, *_NOTIFIED)


@dataclass(frozen=True)
class Stray:
    """A topic that is no request. `event` and `job_id` are those of its record, when it has one."""

    topic: str
    ours: bool = True
    answered: bool = True
    event: str | None = None
    job_id: str | None = None


_JOBS: Final = f"$aws/things/{THING}/jobs"

STRAYS: Final = (
    Stray(f"$aws/things/{THING}/streams/s/get/json", ours=False),
    Stray(f"$aws/things/{THING}/job/get", ours=False),
    Stray("things/t/jobs/get", ours=False),
    Stray(_JOBS),
    Stray(f"{_JOBS}/"),
    Stray(f"{_JOBS}/notify"),
    Stray(f"{_JOBS}/notify-next"),
    Stray(f"{_JOBS}/GET"),
    Stray(f"{_JOBS}/start-next/accepted"),
    Stray(f"{_JOBS}/get/rejected"),
    Stray(f"{_JOBS}/j1"),
    Stray(f"{_JOBS}/j1/delete"),
    Stray(f"{_JOBS}/j1/get/accepted"),
    Stray(f"{_JOBS}/j1/update/rejected"),
    Stray(f"{_JOBS}/$next/update", event="UpdateJobExecution"),
    Stray(f"{_JOBS}/$last/get", event="DescribeJobExecution", job_id="$last"),
    Stray(f"{_JOBS}//get", event="DescribeJobExecution", job_id=""),
    Stray(f"{_JOBS}/{'j' * 200}/get", event="DescribeJobExecution", job_id="j" * 200),
    Stray(f"{_JOBS}/{'j' * 65}/update", event="UpdateJobExecution", job_id="j" * 65),
    Stray(f"$aws/things/{'t' * 200}/jobs/get", answered=False),
    Stray("$aws/things//jobs/get", answered=False),
    Stray("$aws/things/a b/jobs/j1/update", answered=False),
)
"""JT-14, JT-15 and the bad input of the issue."""
