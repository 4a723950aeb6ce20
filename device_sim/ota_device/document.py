"""Reads a job message: what the device is to do, or why it cannot (OD-1 to OD-22, device-agents 6.4)."""

import base64
from collections.abc import Sequence
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta, Struct

from ota_device import versions
from ota_device.reasons import Code, Form, JobFault, Reason
from ota_device.versions import Version

MQTT: Final = "MQTT"
HTTP: Final = "HTTP"
STREAM_ID_MAX: Final = 44  # OD-22
JOB_ID_MAX: Final = 128
ALGORITHMS: Final = ("sig-sha256-ecdsa", "sig-sha256-rsa", "sig-sha1-rsa", "sig-sha1-ecdsa")  # OD-10
_NOT_CONFORMING: Final = Reason(Code.JOB_PARSER, JobFault.NOT_CONFORMING)
_NO_FILE: Final = Reason(Code.FILE_CREATE, 0x15, Form.ABORTED)  # 6.4: 0xe4000015
_NO_PROTOCOL: Final = Reason(Code.NO_PROTOCOL, form=Form.ABORTED)
_IN_TEST: Final = frozenset({"ready", "active"})

Name = Annotated[str, Meta(max_length=JOB_ID_MAX, min_length=1)]
Natural = Annotated[int, Meta(ge=0, le=2**32 - 1)]


class Signature(Struct, frozen=True):
    """A signature over the whole image: the key of the job document it came under, and its bytes."""

    algorithm: str
    value: bytes


class Job(Struct, frozen=True):
    """A job the device can take. `size` bytes; `in_test`: the cloud has heard that the image is being tested.

    `url` is where the image is, None for an image that comes by MQTT.
    """

    job_id: str
    stream_id: str
    file_id: int
    size: int
    file_path: str
    certificate: str | None = None
    signature: Signature | None = None
    file_type: int = 0
    in_test: bool = False
    updated_by: Version | None = None
    url: str | None = None


class NoJob(Struct, frozen=True):
    """The cloud has nothing to do for this device."""


class Unfit(Struct, frozen=True):
    """A job the device has to fail."""

    job_id: str
    reason: Reason


class Ignored(Struct, frozen=True):
    """A job, or what should be one, about which the reference agent says nothing at all."""

    why: str


Verdict = Job | NoJob | Unfit | Ignored


class _Execution(Struct):
    jobId: Name  # noqa: N815 - the wire's word
    jobDocument: Any = None  # noqa: N815
    statusDetails: dict[str, Any] | None = None  # noqa: N815


class _File(Struct):
    filesize: Natural
    fileid: Natural
    filepath: str | None = None
    certfile: str | None = None
    fileType: Natural | None = None  # noqa: N815 - the wire's word
    update_data_url: str | None = None


class _Ota(Struct):
    protocols: list[str]
    files: Annotated[list[dict[str, Any]], Meta(min_length=1)]
    streamname: Annotated[str, Meta(max_length=STREAM_ID_MAX)] | None = None


class _Document(Struct):
    afr_ota: _Ota


_MESSAGE: Final = msgspec.json.Decoder(dict[str, Any])


def read(
    payload: bytes, size_max: int, needs: frozenset[str] = frozenset(), speaks: Sequence[str] = (MQTT,)
) -> Verdict:
    """Judge the answer to a job request, or a notify-next.

    `size_max` is the largest image in bytes, `needs` are members of a file this device cannot do without (OD-21),
    `speaks` the data protocols it has, the primary one first.
    """
    try:
        message = _MESSAGE.decode(payload)
        if not message.get("execution"):  # JS-2, JNF-5; an empty object is what some services send
            return NoJob()
        execution = msgspec.convert(message["execution"], _Execution)
    except (ValueError, RecursionError):
        return Ignored("a job message that names no job")
    try:
        return _judge(execution, size_max, needs, speaks)
    except ValueError:
        return Unfit(execution.jobId, _NOT_CONFORMING)


def _judge(execution: _Execution, size_max: int, needs: frozenset[str], speaks: Sequence[str]) -> Verdict:
    """Judge the document of a job. Raises ValueError when it is not an OTA document."""
    ota = msgspec.convert(execution.jobDocument, _Document).afr_ota
    members = ota.files[0]  # OD-14: one file; the agent looks at no other
    if any(members.get(name) is None for name in needs):
        raise ValueError("a member is missing")
    file = msgspec.convert(members, _File)
    signature = _signature(members)
    if not 0 < file.filesize <= size_max:
        return Ignored(
            f"job {execution.jobId}: {file.filesize} bytes; this agent takes 1 to {size_max}, and says nothing"
        )
    protocol = next((each for each in speaks if each in ota.protocols), None)
    if protocol is None:
        return Unfit(execution.jobId, _NO_PROTOCOL)
    url = file.update_data_url if protocol == HTTP else None
    if protocol == HTTP and not url:
        raise ValueError("there is no URL")
    if not file.filepath:
        return Unfit(execution.jobId, _NO_FILE)
    details = execution.statusDetails or {}
    return Job(
        job_id=execution.jobId,
        stream_id=ota.streamname or "",  # 6.4: without one the agent asks under `streams//`
        file_id=file.fileid,
        size=file.filesize,
        file_path=file.filepath,
        certificate=file.certfile,
        signature=signature,
        file_type=file.fileType or 0,
        in_test=details.get("self_test", "ready" if "updatedBy" in details else None) in _IN_TEST,
        updated_by=versions.of_number(str(details.get("updatedBy", ""))),
        url=url,
    )


def _signature(members: dict[str, Any]) -> Signature | None:
    """Return the signature under a known key. Raises ValueError when it is not base64."""
    for algorithm in ALGORITHMS:
        text = members.get(algorithm)
        if text is not None:
            return Signature(algorithm, base64.b64decode(msgspec.convert(text, str), validate=True))
    return None
