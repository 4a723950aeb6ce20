"""The device agents that can be played, as a table: what each says on the wire, byte for byte, and how patient it is.

Source of every shape: device-agents.md section 3 (captures), 6.1 (the FreeRTOS agent), 6.2 (Jobs and file-streams
libraries), 6.5 (rustot); OA-1 to OA-13. Topics are written below `$aws/things/T/jobs/`.
"""

from collections.abc import Callable
from enum import Enum, StrEnum
from types import MappingProxyType
from typing import Any, Final

import msgspec
from msgspec import Struct

from ota_device.document import MQTT
from ota_device.plan import Plan, by_bitmap, by_offset
from ota_device.reasons import Reason
from ota_device.versions import Version
from ota_stream.streams import bitmap, cbor_codec, json_codec
from ota_stream.streams.messages import DataBlock, GetStream
from ota_stream.streams.topics import Format

WINDOW: Final = 31  # blocks; rustot uses 31 of the 32 bits of its bitmap and moves on by 31
CLIENT_TOKEN_MAX: Final = 64  # characters of a thing name and a colon: plain ASCII
NEXT_GET: Final = "$next/get"
START_NEXT: Final = "start-next"
_LIBRARY_BITMAP: Final = b"MQ=="  # device-agents 3.2: a text taken for bytes, the same in every request


class FlavourName(StrEnum):
    """The agents that can be played."""

    FREERTOS = "freertos"
    MODULAR_JSON = "modular-json"
    MODULAR_CBOR = "modular-cbor"
    RUSTOT = "rustot"


class Moment(Enum):
    """When a device reports."""

    PROGRESS = "blocks have arrived"
    READY = "the image is whole and verified, about to reboot"
    ACTIVE = "the new image runs its self test"
    ACCEPTED = "the new image is accepted"
    FAILED = "the job has failed"


class Facts(Struct, frozen=True):
    """What reports are made of. `running` writes the report; `old` is what was running when the job came."""

    running: Version
    old: Version
    new: Version
    received: int = 0
    total: int = 0
    reason: Reason | None = None
    restarted: bool = False  # since the image was ready


class Report(Struct, frozen=True):
    """An update of the job execution: payload and QoS."""

    payload: bytes
    qos: int


Reports = MappingProxyType[Moment, Callable[[Facts], Report]]
"""What a flavour says at which moment; at a moment that is missing it says nothing."""


class Flavour(Struct, frozen=True, kw_only=True):
    """One kind of agent. Sizes in bytes, times in seconds, counts in blocks.

    `plan` and `write` make block requests, `read` reads a block. `job_again` is the time after which a device without
    a job asks again, None for never. `needs` are members a file of the job document must have. `strict`: a block that
    cannot be read fails the job. `stops`: the agent is over after too many unanswered requests.
    `speaks` are the data protocols it has, the primary one first.
    """

    name: FlavourName
    format: Format
    block_size: int = 4096
    block_count: int
    block_token: str | None = None  # `c` of a block request
    image_max: int
    plan: Callable[[int, int, int, int], Plan]
    write: Callable[[GetStream], bytes] = cbor_codec.encode_get
    read: Callable[[bytes], DataBlock] = cbor_codec.decode_block
    stream_version: int | None = None
    retry_after: float
    unanswered_max: int
    data_qos: int = 0
    job_topic: str
    job_request: Callable[[str], bytes]
    job_qos: int
    job_again: float | None = None
    notify_qos: int | None  # of the subscription to notify-next; None for no subscription
    status_every: int = 0
    self_test_limit: float
    needs: frozenset[str] = frozenset()
    strict: bool = False
    stops: bool = False
    speaks: tuple[str, ...] = (MQTT,)
    reports: Reports


def by_window(missing: int, total: int, _block_count: int, _block_size: int) -> Plan:
    """Ask for what is missing of the first window of 31 blocks with a gap."""
    first = (missing & -missing).bit_length() - 1
    offset = first // WINDOW * WINDOW
    wire_bitmap = (missing >> offset & (1 << WINDOW) - 1).to_bytes(4, "little")
    return Plan(offset, WINDOW, wire_bitmap, frozenset(bitmap.wanted(wire_bitmap, offset, total)))


# Block requests


def _library_json(request: GetStream) -> bytes:
    """Write as the file-streams library does: a blank after each colon, none after commas, s always there."""
    members = {
        "s": request.stream_version,
        "f": request.file_id,
        "l": request.block_size,
        "o": request.block_offset,
        "n": request.block_count,
    }
    return b"{%b}" % b",".join(
        b'"%b": %d' % (key.encode(), value) for key, value in members.items() if value is not None
    )


def _library_cbor(request: GetStream) -> bytes:
    return cbor_codec.encode_get(msgspec.structs.replace(request, stream_version=None, bitmap=_LIBRARY_BITMAP))


def _rustot_cbor(request: GetStream) -> bytes:
    return cbor_codec.encode_get(msgspec.structs.replace(request, client_token=None, block_count=None))


# Reports


def _update(status: str, details: dict[str, str] | None = None, version: str | None = None, qos: int = 1) -> Report:
    members: dict[str, Any] = {"status": status}
    if version is not None:
        members["expectedVersion"] = version  # JR-8: a string
    if details:
        members["statusDetails"] = details
    return Report(msgspec.json.encode(members), qos)


def _hex(version: Version) -> str:
    return f"0x{version.number:08x}"


def _receive(facts: Facts) -> dict[str, str]:
    return {"receive": f"{facts.received}/{facts.total}"}


def _why(facts: Facts) -> dict[str, str]:
    return {"reason": str(facts.reason)}


def _accepted(facts: Facts) -> dict[str, str]:
    return {"reason": f"accepted  v{facts.new}", "updatedBy": f"  v{facts.old}"}  # OA-5: two blanks each


_FREERTOS: Final = Reports(
    {
        Moment.PROGRESS: lambda facts: _update("IN_PROGRESS", _receive(facts), qos=0),  # OA-2
        Moment.READY: lambda facts: _update(
            "IN_PROGRESS", {"self_test": "ready", "updatedBy": _hex(facts.running)}
        ),  # OA-3
        Moment.ACTIVE: lambda facts: _update(
            "IN_PROGRESS", {"self_test": "active", "updatedBy": _hex(facts.running)}
        ),  # OA-4
        Moment.ACCEPTED: lambda facts: _update("SUCCEEDED", _accepted(facts)),  # OA-5
        Moment.FAILED: lambda facts: _update("FAILED", _why(facts)),  # OA-6, OA-7
    }
)

# Start-next makes version 2, and the report before the reboot makes 3: these devices know it by heart (6.2).
_LIBRARY: Final = Reports(
    {
        Moment.READY: lambda facts: _update("IN_PROGRESS", {"updatedBy": str(facts.running.number)}, "2", qos=0),
        Moment.ACCEPTED: lambda facts: _update("SUCCEEDED", None, "3" if facts.restarted else "2", qos=0),
        Moment.FAILED: lambda facts: _update("FAILED", _why(facts), "3" if facts.restarted else "2", qos=0),
    }
)


def _rustot(state: str, facts: Facts) -> dict[str, str]:
    progress = {"progress": f"{facts.received}/{facts.total}"} if facts.total else {}
    return {"self_test": state, **progress}


_RUSTOT: Final = Reports(
    {
        Moment.PROGRESS: lambda facts: _update("IN_PROGRESS", _rustot("receiving", facts), qos=1),  # OA-9
        Moment.READY: lambda facts: _update("IN_PROGRESS", _rustot("ready", facts)),
        Moment.ACTIVE: lambda facts: _update("IN_PROGRESS", _rustot("active", facts)),
        Moment.ACCEPTED: lambda facts: _update("SUCCEEDED", _rustot("accepted", facts)),
        Moment.FAILED: lambda facts: _update("FAILED", {**_rustot("rejected", facts), **_why(facts)}),
    }
)

# The table

FREERTOS: Final = Flavour(
    name=FlavourName.FREERTOS,
    format=Format.CBOR,
    block_count=8,
    block_token="rdy",  # noqa: S106 - the agent's client token
    image_max=1024 * 4096,  # a bitmap of 128 bytes
    plan=by_bitmap,
    retry_after=10.0,
    unanswered_max=32,
    job_topic=NEXT_GET,
    # OA-1, with the known defect; the agent's buffer cuts a token to what the service takes (JR-1)
    job_request=lambda thing: msgspec.json.encode({"clientToken": f":{thing}"[:CLIENT_TOKEN_MAX]}),
    job_qos=1,
    notify_qos=1,  # JT-11; the POSIX demo's port makes it 0
    status_every=25,
    self_test_limit=16.0,  # OA-10
    strict=True,
    stops=True,
    reports=_FREERTOS,
)
MODULAR_JSON: Final = Flavour(
    name=FlavourName.MODULAR_JSON,
    format=Format.JSON,
    block_count=1,
    image_max=2**16 * 4096,  # o is a 16-bit value in this library
    plan=by_offset,
    write=_library_json,
    read=json_codec.decode_block,
    stream_version=1,
    retry_after=3.0,
    unanswered_max=32,
    job_topic=START_NEXT,
    job_request=lambda _: b'{"clientToken":"test"}',
    job_qos=0,
    job_again=1.4,  # what the lab's agent does
    notify_qos=None,
    self_test_limit=16.0,
    needs=frozenset({"filepath", "certfile", "sig-sha256-ecdsa"}),  # OD-21
    reports=_LIBRARY,
)
MODULAR_CBOR: Final = msgspec.structs.replace(
    MODULAR_JSON,
    name=FlavourName.MODULAR_CBOR,
    format=Format.CBOR,
    block_token="rdy",  # noqa: S106 - the library's client token
    write=_library_cbor,
    read=cbor_codec.decode_block,
    stream_version=None,
)
RUSTOT: Final = Flavour(
    name=FlavourName.RUSTOT,
    format=Format.CBOR,
    block_size=256,
    block_count=WINDOW,
    image_max=24 * 1024 * 1024,  # it has no bitmap of the whole file
    plan=by_window,
    write=_rustot_cbor,
    retry_after=8.0,
    unanswered_max=3,
    data_qos=1,
    job_topic=NEXT_GET,
    job_request=lambda _: b"{}",
    job_qos=1,
    notify_qos=1,
    status_every=WINDOW,
    self_test_limit=16.0,
    reports=_RUSTOT,
)
FLAVOURS: Final = MappingProxyType(
    {flavour.name: flavour for flavour in (FREERTOS, MODULAR_JSON, MODULAR_CBOR, RUSTOT)}
)
