"""What a scenario is, and the catalogue of them: one YAML file each."""

from collections.abc import Iterator, Sequence
from importlib.resources import files
from typing import Annotated, Any, Final, Literal

import msgspec
import yaml
from msgspec import Meta, Struct

from ota_stream.errors import OtaStreamError
from ota_stream.faults import kinds, span
from ota_stream.faults.kinds import FaultError
from ota_stream.names import guess

SCHEMA: Final = "https://json-schema.org/draft/2020-12/schema"
_CATALOGUE: Final = files("ota_stream.scenarios") / "catalogue"
_SUFFIX: Final = ".yaml"

DataProtocol = Literal["MQTT", "HTTP"]
_OF_A_FLAVOUR: Final = ("block_size", "block_count", "unanswered_max", "stream_version", "job_again")

Minutes = Annotated[int, Meta(ge=1, le=10_080)]
Range = Annotated[int | str, Meta(description="A number, or a range: 3, 3-9, 3-.")]


class ScenarioError(OtaStreamError):
    """There is no such scenario, or it cannot be played like this."""


class Update(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """An OTA update, and how it has to end."""

    when: Annotated[
        Literal["before", "connected", "ended", "disturbed"],
        Meta(
            description="Made before the agent starts, when it has asked for a job, when the last one has ended,"
            " or when a fault has happened."
        ),
    ] = "before"
    version: Annotated[str, Meta(description="Written into the image, X.Y.Z.")] = "1.0.0"
    size: Annotated[int, Meta(ge=1, le=16_000_000, description="Bytes of the image.")] = 40_000
    crashes: Annotated[bool, Meta(description="The image does not come up.")] = False
    connects: Annotated[bool, Meta(description="The image finds its connection.")] = True
    damage: Annotated[
        Literal["unsigned", "wrong-key", "corrupted", "wrong-algorithm"] | None,
        Meta(description="What is wrong with its signature."),
    ] = None
    named: Annotated[bool, Meta(description="Whether the job document has a file name.")] = True
    protocols: tuple[DataProtocol, ...] = ("MQTT",)
    timeout_minutes: Minutes | None = None
    ends: Annotated[
        tuple[str, ...],
        Meta(description="The statuses its job execution may have in the end; none: it is not there any more."),
    ] = ("SUCCEEDED",)
    reason: Annotated[str | None, Meta(description="What its reason says, in words, among others.")] = None


class Simulated(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is special about a simulated device. An agent of your own has what it has."""

    faults: Annotated[list[str], Meta(description="Of the device itself, as of `ota-stream device --fault`.")] = []
    version: str | None = None
    block_size: int | None = None
    block_count: int | None = None
    unanswered_max: int | None = None
    stream_version: int | None = None
    job_again: Annotated[float | None, Meta(description="Seconds until it asks for a job again.")] = None
    keep_alive: Annotated[int | None, Meta(description="Seconds of silence until it pings.")] = None

    @property
    def changes(self) -> dict[str, int]:
        """What is other than its flavour says."""
        given: dict[str, Any] = {name: getattr(self, name) for name in _OF_A_FLAVOUR}
        return {name: value for name, value in given.items() if value is not None}

    @property
    def own(self) -> str:
        """What an agent of somebody's own cannot be told; nothing when it need not be told anything."""
        named = {
            "fault": self.faults,
            "block size": self.block_size,
            "stream version": self.stream_version,
            "keep-alive": self.keep_alive,
        }
        return next((what for what, value in named.items() if value), "")


class Scenario(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the cloud does, and what a right agent does. `runs` counts updates from 1; 0 is the image it had before."""

    title: Annotated[str, Meta(min_length=1, max_length=120)]
    why: Annotated[str, Meta(min_length=1, description="The rule, the test or the thread that it comes from.")]
    thing: Annotated[str, Meta(description="Its name, without which it has a usual one.")] = ""
    things: Annotated[int, Meta(ge=1, le=8, description="How many get the updates, each with an agent of its own.")] = 1
    updates: Annotated[list[Update], Meta(min_length=1)]
    faults: Annotated[list[dict[str, Any]], Meta(description="As in a file of faults (docs/faults.md).")] = []
    clock: Annotated[
        str | None, Meta(description="How far time is moved once a block was sent, and a fault has happened: 7d.")
    ] = None
    speaks: Annotated[
        tuple[DataProtocol, ...] | None,
        Meta(description="The data protocols that an agent has for this, these and no other; without it, any."),
    ] = None
    device: Simulated = Simulated()
    runs: Annotated[int, Meta(ge=0)] = 1
    gives_up: Annotated[
        str | None, Meta(description="What the agent says, among others, when it does not go on, as it should not.")
    ] = None
    requests: Annotated[
        dict[str, Range], Meta(description="How often the cloud is asked, by actionType or eventType.")
    ] = {}
    findings: Annotated[bool, Meta(description="Whether the diagnosis may find fault with the agent.")] = True

    def __post_init__(self) -> None:
        """Check what refers to something. Raises ValueError."""
        if self.runs > len(self.updates):
            raise ValueError(f"runs: there are {len(self.updates)} updates")
        for text in self.requests.values():
            span.parse(text)
        try:
            for fault in self.faults:
                kinds.read(fault)
        except FaultError as error:
            raise ValueError(str(error)) from None


def read(text: str) -> Scenario:
    """Read a scenario.

    Raises:
        ScenarioError: one line that says what is wrong.
    """
    try:
        return msgspec.convert(yaml.safe_load(text), Scenario)
    except yaml.YAMLError as error:
        raise ScenarioError(f"it is not YAML: {' '.join(str(error).split())}") from None
    except msgspec.ValidationError as error:
        raise ScenarioError(str(error)) from None


def names() -> list[str]:
    """Return the names of all scenarios, in order."""
    found = (entry.name for entry in _CATALOGUE.iterdir())
    return sorted(name.removesuffix(_SUFFIX) for name in found if name.endswith(_SUFFIX))


def text(name: str) -> str:
    """Return a scenario of the catalogue as it is written. Raises ScenarioError."""
    if name not in names():
        raise ScenarioError(
            f"there is no scenario {name[:64]!r}: `ota-stream scenario list` shows them{guess(name, names())}"
        )
    return (_CATALOGUE / f"{name}{_SUFFIX}").read_text(encoding="utf-8")


def find(name: str) -> Scenario:
    """Return a scenario of the catalogue. Raises ScenarioError."""
    return read(text(name))


def chosen(wanted: Sequence[str]) -> Iterator[tuple[str, Scenario]]:
    """Return scenarios with their names; all of them when none is named. Raises ScenarioError."""
    for name in wanted or names():
        yield name, find(name)


def schema() -> dict[str, Any]:
    """Return the JSON Schema of scenarios."""
    return {"$schema": SCHEMA, **msgspec.json.schema(Scenario)}
