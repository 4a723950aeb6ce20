"""The shape of a fleet file, and its JSON Schema. Every time, rate and share is written with its unit."""

import re
from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta, Struct, field

from ota_device import versions
from ota_device.flavours import FlavourName
from ota_device.fleet import located, units
from ota_device.fleet.located import BadFile
from ota_device.fleet.traits import Fault
from ota_stream.names import is_stream_id, is_thing_name
from ota_stream.streams.topics import Format

MISTAKES_MAX: Final = 20  # of one file that are told at once
COUNT_MAX: Final = 10_000_000  # things of a class
NAMED_MAX: Final = 200_000  # things whose names are compared: no process has more connections
THING: Final = r"^[a-zA-Z0-9:_-]*\{number(:0[1-9])?\}[a-zA-Z0-9:_-]*$"
SHA256: Final = r"^[0-9a-f]{64}$"
STREAM_ID: Final = r"^[a-zA-Z0-9_-]{1,128}$"
VERSION: Final = r"^\d{1,3}\.\d{1,3}\.\d{1,5}$"
SCHEMA: Final = "https://json-schema.org/draft/2020-12/schema"


class Seconds(float):
    """A time."""


class Rate(float):
    """A number a second."""


class Bandwidth(float):
    """Bytes a second."""


class Share(float):
    """A part of the whole, 0 to 1."""


_UNITS: Final[dict[type, tuple[units.Read, str]]] = {
    Seconds: (units.seconds, units.SECONDS),
    Rate: (units.rate, units.RATE),
    Bandwidth: (units.bandwidth, units.BYTES_PER_SECOND),
    Share: (units.share, units.SHARE),
}


_STAND_INS: Final[Mapping[str, object]] = MappingProxyType(
    {"count": 1, "name": "another", "host": "host", "online": 1, "offline": 1, "stream": "stream", "firmware": "-",
     "certificate": "-", "work": {"do": "job", "certificate": "-"}}
)  # fmt: skip
"""What is taken for a member that has to be there and is wrong, while the file is read on for more mistakes."""


class Mqtt(StrEnum):
    """A version of MQTT."""

    V311 = "3.1.1"
    V5 = "5"


class DataProtocol(StrEnum):
    """How an image comes."""

    MQTT = "mqtt"
    HTTP = "http"


Positive = Annotated[int, Meta(ge=1)]
Hash = Annotated[str, Meta(extra_json_schema={"pattern": SHA256})]


class Tls(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """TLS with a certificate for each thing. Paths are relative to the fleet file."""

    certificates: Annotated[
        str | None,
        Meta(description="Directory with THING.cert.pem and THING.private.key; without it, things have none."),
    ] = None
    ca: Annotated[
        str | None, Meta(description="File with the CA of the broker's certificate, PEM; ca.pem there without it.")
    ] = None
    name: Annotated[str | None, Meta(description="Name in the broker's certificate, if not the host.")] = None


class Endpoint(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where the things connect; without it, the running simulator of the data directory."""

    host: str
    port: Annotated[int, Meta(ge=1, le=65_535)] = 1883
    mqtt: Mqtt = Mqtt.V311
    tls: Tls | None = None


class Expected(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """When the run counts as a success. A thing with a fault should fail, every other one succeed."""

    unexpected: Annotated[int, Meta(ge=0, description="How many things may end otherwise.")] = 0
    within: Annotated[Seconds | None, Meta(description="The longest the run may take.")] = None


class Cycle(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Online and offline by turns; each thing begins somewhere in its online time."""

    online: Seconds
    offline: Seconds

    def __post_init__(self) -> None:
        if not self.online:
            raise ValueError("online: with 0 it never is: write more")


class Things(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A class of things that are alike."""

    name: Annotated[str, Meta(min_length=1, max_length=64)]
    count: Annotated[int, Meta(ge=1, le=COUNT_MAX)]
    thing: Annotated[
        str, Meta(extra_json_schema={"pattern": THING}, description="Name of each; numbers run through all classes.")
    ] = "thing-{number}"
    flavour: Annotated[FlavourName, Meta(description="Agent for updates and jobs.")] = FlavourName.FREERTOS
    protocol: Annotated[
        DataProtocol, Meta(description="How updates and jobs come: by a stream, or from a presigned URL.")
    ] = DataProtocol.MQTT
    version: Annotated[
        str, Meta(extra_json_schema={"pattern": VERSION}, description="Of the image they start with.")
    ] = "0.9.0"
    format: Annotated[Format, Meta(description="How stream messages are written; an agent has its own.")] = Format.CBOR
    block_size: Annotated[Positive | None, Meta(description="Bytes a block.")] = None
    window: Annotated[Positive | None, Meta(description="Blocks a request.")] = None
    retry: Annotated[
        Seconds | None, Meta(description="Without a block until it is asked for again; 10s, or the agent's.")
    ] = None
    bandwidth: Annotated[Bandwidth | None, Meta(description="Towards the thing.")] = None
    latency: Annotated[Seconds, Meta(description="One way; none without it.")] = field(
        default_factory=lambda: Seconds(0)
    )
    jitter: Annotated[Seconds, Meta(description="Added to an answer at most.")] = field(
        default_factory=lambda: Seconds(0)
    )
    loss: Annotated[Share, Meta(description="Of block requests and of blocks.")] = field(
        default_factory=lambda: Share(0)
    )
    duty: Cycle | None = None
    power_cuts: Annotated[Rate, Meta(description="How often the power of each thing fails.")] = field(
        default_factory=lambda: Rate(0)
    )
    failures: Annotated[dict[Fault, Share], Meta(description="Shares of things with a fault: they should fail.")] = {}
    ramp: Annotated[Rate, Meta(description="How many start at a time; 500/s without it.")] = field(
        default_factory=lambda: Rate(500)
    )
    spread: Annotated[Seconds, Meta(description="How late a start is at most, by chance; 0 without it.")] = field(
        default_factory=lambda: Seconds(0)
    )
    reboot: Annotated[Seconds, Meta(description="How long one takes; 500ms without it.")] = field(
        default_factory=lambda: Seconds(0.5)
    )

    def __post_init__(self) -> None:
        if self.loss >= 1:
            raise ValueError("loss: with everything lost no block ever comes: write less than 100%")
        if sum(self.failures.values()) > 1:
            raise ValueError("failures: their shares are more than all things")
        if self.retry is not None and not self.retry:
            raise ValueError("retry: with 0 it would ask without end")
        if not self.ramp:
            raise ValueError("ramp: with 0 a second no thing ever starts")
        if self.protocol is DataProtocol.HTTP and (self.bandwidth or self.latency or self.jitter or self.loss):
            raise ValueError("protocol: bandwidth, latency, jitter and loss are of MQTT: with http leave them out")
        if self.bandwidth is not None and not self.bandwidth:
            raise ValueError("bandwidth: with 0 no block ever comes")
        if versions.parse(self.version) is None:
            raise ValueError(f"version: {self.version!r} is none: write X.Y.Z, up to 255.255.65535")
        if not re.fullmatch(THING, self.thing) or not is_thing_name(self.thing.format(number=COUNT_MAX)):
            raise ValueError(f"thing: {self.thing!r} names no things: use a-z A-Z 0-9 : _ - and {{number}} once")


class StreamWork(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="do", tag="download"):
    """Download a file of a stream."""

    stream: Annotated[str, Meta(extra_json_schema={"pattern": STREAM_ID})]
    file_id: Annotated[int, Meta(ge=0, le=255)] = 0
    sha256: Annotated[Hash | None, Meta(description="Of the file; without it all have to agree.")] = None
    again: Annotated[Seconds, Meta(description="Download again and again for so long; once without it.")] = field(
        default_factory=lambda: Seconds(0)
    )

    def __post_init__(self) -> None:
        if not is_stream_id(self.stream):
            raise ValueError(f"stream: {self.stream!r} is no stream id: use 1 to 128 of a-z A-Z 0-9 _ -")
        if self.sha256 is not None and not re.fullmatch(SHA256, self.sha256):
            raise ValueError("sha256: write 64 digits of 0-9 a-f")


class UpdateWork(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="do", tag="update"):
    """Make an OTA update for all things at the running simulator, and carry it out."""

    firmware: str


class JobWork(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="do", tag="job"):
    """Wait for a job that somebody else makes, and carry it out."""

    certificate: Annotated[str, Meta(description="File with the certificate of the signer, PEM.")]


class Scenario(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A fleet file."""

    title: Annotated[str, Meta(max_length=200)] = "fleet"
    seed: Annotated[int, Meta(description="What everything by chance comes from.")] = 0
    limit: Annotated[
        Seconds, Meta(description="The run ends after that; what is not ready has failed. 10m without it.")
    ] = field(default_factory=lambda: Seconds(600))
    target: Endpoint | None = None
    work: StreamWork | UpdateWork | JobWork
    expect: Expected = Expected()
    classes: Annotated[list[Things], Meta(min_length=1, max_length=1000)]
    faults: Annotated[
        list[dict[str, Any]], Meta(max_length=100, description="Set at the simulator for the run: docs/faults.md.")
    ] = []

    def __post_init__(self) -> None:
        names = [things.name for things in self.classes]
        for number, name in enumerate(names):
            if name in names[:number]:
                raise ValueError(f"classes[{number}].name: another class has the name {name}, too")
        self._refuse_twins()
        if not self.limit:
            raise ValueError("limit: with 0 the run is over before it begins")
        if isinstance(self.work, StreamWork) and self.work.again >= self.limit:
            raise ValueError("work.again: the limit of the run is over before: make that longer")
        for number, things in enumerate(self.classes):
            if isinstance(self.work, StreamWork) and things.protocol is DataProtocol.HTTP:
                raise ValueError(f"classes[{number}].protocol: a stream comes by MQTT: http is for updates and jobs")
            starts = (things.count - 1) / things.ramp
            if starts >= self.limit:
                raise ValueError(
                    f"classes[{number}].ramp: the last of {things.name} starts after {starts:g} s, and the limit of "
                    f"the run is {self.limit:g} s: start them faster, or make that longer"
                )

    def _refuse_twins(self) -> None:
        """Two things of one name would take each other's connection. Raises ValueError."""
        if len({things.thing for things in self.classes}) == 1:
            return
        seen, number = set[str](), 0
        for place, things in enumerate(self.classes):
            for _ in range(min(things.count, NAMED_MAX - number)):
                number += 1
                name = things.thing.format(number=number)
                if name in seen:
                    raise ValueError(
                        f"classes[{place}].thing: two things would have the name {name}: "
                        "give the classes patterns that differ more"
                    )
                seen.add(name)


def read(text: str) -> Scenario:
    """Read a fleet file. Raises BadFile, with all mistakes that can be found."""
    if len(text) > located.SIZE_MAX:
        raise BadFile(f"more than {located.SIZE_MAX} characters: this is no fleet file", 1)
    content, lines = located.load(text)
    mistakes: list[BadFile] = []
    while True:
        try:
            scenario = msgspec.convert(content, Scenario, dec_hook=_unit)
        except msgspec.ValidationError as error:
            mistake, path = located.placed(str(error), lines)
            mistakes.append(mistake)
            path = path.removesuffix(".do")  # what work it is decides about all of it
            if len(mistakes) < MISTAKES_MAX and located.mend(content, path, _STAND_INS):
                continue
        else:
            if not mistakes:
                return scenario
        first, *more = mistakes
        raise BadFile(str(first), first.line, more)


def line_of(text: str, path: str) -> int:
    """Return the line of a path, like `$.faults[0]`, in a fleet file that can be read."""
    return located.line(path, located.load(text)[1])


def schema() -> dict[str, Any]:
    """Return the JSON Schema of fleet files."""
    return {
        "$schema": SCHEMA,
        "title": "A fleet file of ota-stream",
        **msgspec.json.schema(Scenario, schema_hook=_shape),
    }


def _unit(kind: type, given: object) -> object:
    read_unit = _UNITS.get(kind)
    if read_unit is None or isinstance(given, bool) or not isinstance(given, str | int | float):
        raise ValueError(f"{given!r} is no {kind.__name__.lower()}")
    return kind(read_unit[0](given))


def _shape(kind: type) -> dict[str, Any]:
    return {"anyOf": [{"type": "string", "pattern": _UNITS[kind][1]}, {"type": "number", "minimum": 0}]}
