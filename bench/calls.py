"""Calls of the AWS API as bytes on a connection: what we and moto's own server are asked, and how long it takes."""

import json
import socket
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import BinaryIO, Final

ACCOUNT: Final = "123456789012"
THING: Final = "bench-thing"
JOB: Final = "bench-job"
_ROLE: Final = "bench-role"
_BUCKET: Final = "bench-bucket"
_OBJECT: Final = bytes(range(256)) * 16  # 4 KiB
_TRUST: Final = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "iot.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
_FORM: Final = "application/x-www-form-urlencoded; charset=utf-8"
_WITHIN: Final = 30.0  # seconds


@dataclass(frozen=True)
class Call:
    """One request, signed for `service`. A `{n}` in its target becomes a number that no call had before."""

    service: str
    method: str
    target: str
    body: bytes = b""
    content_type: str = "application/json"

    def to_bytes(self, number: int) -> bytes:
        """Return the request as it is sent."""
        target = self.target.replace("{n}", str(number))
        lines = [f"{self.method} {target} HTTP/1.1", "Host: 127.0.0.1", f"Content-Length: {len(self.body)}"]
        lines += [f"{name}: {value}" for name, value in self.headers().items()]
        return "\r\n".join([*lines, "", ""]).encode() + self.body

    def headers(self) -> dict[str, str]:
        """Return what an SDK sends. Nobody here checks signatures, so the signature is one of the right length."""
        return {
            "Authorization": f"AWS4-HMAC-SHA256 Credential=AKIABENCH/20261101/us-east-1/{self.service}/aws4_request, "
            f"SignedHeaders=host;x-amz-date, Signature={'0' * 64}",
            "X-Amz-Date": "20261101T000000Z",
            "Content-Type": self.content_type,
            "User-Agent": "Boto3/1.44 md/Botocore#1.44 lang/python#3.11",
        }


def _json(method: str, target: str, body: object) -> Call:
    return Call("iot", method, target, json.dumps(body).encode())


def _create_job(job_id: str, thing: str) -> Call:
    target = f"arn:aws:iot:us-east-1:{ACCOUNT}:thing/{thing}"
    return _json("PUT", f"/jobs/{job_id}", {"targets": [target], "document": '{"operation": "bench"}'})


_GET_ROLE: Final = Call("iam", "POST", "/", f"Action=GetRole&Version=2010-05-08&RoleName={_ROLE}".encode(), _FORM)
_CREATE_ROLE: Final = Call(
    "iam", "POST", "/",
    f"Action=CreateRole&Version=2010-05-08&RoleName={_ROLE}&AssumeRolePolicyDocument={json.dumps(_TRUST)}".encode(),
    _FORM,
)  # fmt: skip
_PUT_OBJECT: Final = Call("s3", "PUT", f"/{_BUCKET}/image.bin", _OBJECT, "application/octet-stream")

SET_UP: Final = (
    _json("POST", f"/things/{THING}", {}),
    _json("POST", "/things/bench-other", {}),
    _create_job(JOB, THING),
    Call("s3", "PUT", f"/{_BUCKET}"),
    _PUT_OBJECT,
    _CREATE_ROLE,
)
"""What the calls need, on either server."""


FIRST: Final = Call("iot", "GET", "/streams")
"""What a simulator is asked first."""


@dataclass(frozen=True)
class Case:
    """An operation as we are asked for it, and as moto's server is: the same, or the nearest that it has.

    `undo` is called after each call and not measured.
    """

    name: str
    call: Call
    own: bool
    reference: str
    reference_call: Call
    undo: Call | None = None


def _own(name: str, call: Call, undo: Call | None = None) -> Case:
    return Case(name, call, own=True, reference=name, reference_call=call, undo=undo)


def _only_ours(name: str, call: Call, nearest: Case) -> Case:
    return Case(name, call, own=True, reference=nearest.name, reference_call=nearest.call)


def _passed(name: str, call: Call) -> Case:
    return Case(name, call, own=False, reference=name, reference_call=call)


_DESCRIBE_JOB: Final = _own("DescribeJob", Call("iot", "GET", f"/jobs/{JOB}"))
_LIST_THINGS: Final = _passed("ListThings", Call("iot", "GET", "/things"))
_CANCEL_JOB: Final = Call("iot", "PUT", "/jobs/bench-{n}/cancel", b"{}")  # only so many jobs may be active at once

CASES: Final = (
    _DESCRIBE_JOB,
    _own("DescribeJobExecution", Call("iot", "GET", f"/things/{THING}/jobs/{JOB}")),
    _own("CreateJob", _create_job("bench-{n}", "bench-other"), _CANCEL_JOB),
    _only_ours("DescribeStream", Call("iot", "GET", "/streams/bench"), _DESCRIBE_JOB),
    _only_ours("ListStreams", FIRST, _LIST_THINGS),
    _only_ours("GetV2LoggingOptions", Call("iot", "GET", "/v2LoggingOptions"), _DESCRIBE_JOB),
    _passed("DescribeThing", Call("iot", "GET", f"/things/{THING}")),
    _LIST_THINGS,
    _passed("PutObject, 4 KiB", _PUT_OBJECT),
    _passed("GetObject, 4 KiB", Call("s3", "GET", f"/{_BUCKET}/image.bin")),
    _passed("GetRole", _GET_ROLE),
)  # fmt: skip


class CallFailed(Exception):
    """A server did not answer a call with success."""


class Caller:
    """One connection, one call at a time, read by hand: http.client would take longer than the server.

    Moto's server ends a connection after each answer; making the next one belongs to a call then, as for an SDK.
    """

    def __init__(self, port: int) -> None:
        self._port = port
        self._connection: socket.socket | None = None

    def call(self, call: Call, number: int = 0) -> float:
        """Return the seconds until the whole answer was here. Raises CallFailed."""
        request = call.to_bytes(number)
        start = time.perf_counter()
        if self._connection is None:
            self._connection = socket.create_connection(("127.0.0.1", self._port), _WITHIN)
            self._connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._answers = self._connection.makefile("rb")
        self._connection.sendall(request)
        status, content, is_last = _read(self._answers)
        elapsed = time.perf_counter() - start
        if is_last:
            self.close()
        if not 200 <= status < 300:  # noqa: PLR2004 - success
            raise CallFailed(f"{call.method} {call.target} was answered {status}: {content[:200]!r}")
        return elapsed

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._answers.close()
            self._connection.close()
            self._connection = None


def _read(answers: BinaryIO) -> tuple[int, bytes, bool]:
    """Return status and body of the next answer, and whether it is the last of its connection."""
    version, _, rest = answers.readline().partition(b" ")
    is_last, length = version != b"HTTP/1.1", -1  # no length: up to the end
    while (line := answers.readline()) > b"\r\n":
        name, _, value = line.lower().partition(b":")
        if name == b"content-length":
            length = int(value)
        elif name == b"connection":
            is_last = value.strip() == b"close"
    return int(rest[:3] or 0), answers.read(length), is_last


@dataclass(frozen=True)
class Sample:
    """What one call took: seconds until the answer, and seconds of the server's CPU."""

    elapsed: float
    cpu: float


def sample(
    caller: Caller, call: Call, undo: Call | None, numbers: Iterable[int], cpu: Callable[[], float]
) -> list[Sample]:
    """Make a call once for every number."""
    samples: list[Sample] = []
    for number in numbers:
        before = cpu()
        samples.append(Sample(caller.call(call, number), cpu() - before))
        if undo is not None:
            caller.call(undo, number)
    return samples
