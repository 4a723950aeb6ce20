"""What is told of a run when it is over: one value, that is also the JSON file."""

import platform
from typing import Final

import msgspec
from msgspec import Struct

from ota_device.fleet.engine import Fleet
from ota_device.fleet.histogram import Histogram
from ota_device.fleet.tally import Sample, Stage
from ota_device.fleet.thing import Thing

VERSION: Final = 1  # of the JSON file


class Times(Struct, frozen=True):
    """Percentiles in seconds; None when nothing was timed."""

    p50: float | None
    p95: float | None
    p99: float | None
    most: float | None


class ClassRow(Struct, frozen=True):
    """How the things of one class ended."""

    name: str
    count: int
    succeeded: int
    failed: int
    unexpected: int


class FindingRow(Struct, frozen=True):
    """What the simulator found wrong with the way things talk: a kind, at how many things, how often, one of them."""

    kind: str
    rule: str
    wrong: str
    remedy: str
    things: int
    times: int
    example: str
    seen: str


class Expectation(Struct, frozen=True):
    """What a run has to reach: at most so many things that end otherwise than expected, whole seconds or None.

    A thing with a fault on purpose is expected to fail, every other one to succeed.
    """

    unexpected: int = 0
    within: float | None = None


class Report(Struct, frozen=True, kw_only=True):
    """A run. Times in seconds, sizes in bytes; `cpu` is the CPU time of the fleet's process.

    `diagnosis` is None when the target did not listen for what is wrong.
    """

    version: int = VERSION
    title: str
    started: str
    elapsed: float
    seed: int
    target: str
    machine: str
    interrupted: bool
    things: int
    classes: list[ClassRow]
    succeeded: int
    failed: int
    unexpected: int
    expectation: Expectation
    met: bool
    images: int
    verified: int
    rebooted: int
    blocks: int
    bytes: int
    requests: int
    connections: int
    lost_connections: int
    lost_messages: int
    power_cuts: int
    cpu: float
    block_delay: Times
    image_time: Times
    reasons: dict[str, int]
    samples: list[Sample]
    diagnosis: list[FindingRow] | None = None

    @property
    def blocks_per_second(self) -> float:
        """Blocks of the whole run by its time."""
        return self.blocks / self.elapsed if self.elapsed else 0.0

    @property
    def bytes_per_second(self) -> float:
        """Bytes of the whole run by its time."""
        return self.bytes / self.elapsed if self.elapsed else 0.0

    @property
    def cpu_per_block(self) -> float | None:
        """Microseconds of the fleet's CPU for a block, connecting and verifying included."""
        return 1e6 * self.cpu / self.blocks if self.blocks else None


def is_expected(thing: Thing) -> bool:
    """Whether a thing ended as it should: with a fault on purpose it fails."""
    succeeded = thing.verdict is not None and thing.verdict.succeeded
    return succeeded is (thing.fault is None)


def of(fleet: Fleet, title: str, started: str, cpu: float, expectation: Expectation) -> Report:
    """Sum up a run that is over."""
    tally, target = fleet.tally, fleet.site.target
    unexpected = sum(not is_expected(thing) for thing in fleet.things)
    in_time = expectation.within is None or fleet.elapsed <= expectation.within
    return Report(
        title=title,
        started=started,
        elapsed=round(fleet.elapsed, 3),
        seed=fleet.plan.seed,
        target=f"{target.host}:{target.port}",
        machine=f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        interrupted=fleet.interrupted,
        things=len(fleet.things),
        classes=_classes(fleet),
        succeeded=tally.stages[Stage.SUCCEEDED],
        failed=tally.stages[Stage.FAILED],
        unexpected=unexpected,
        expectation=expectation,
        met=unexpected <= expectation.unexpected and in_time and not fleet.interrupted,
        images=tally.images,
        verified=tally.verified,
        rebooted=tally.rebooted,
        blocks=tally.blocks,
        bytes=tally.bytes,
        requests=tally.requests,
        connections=tally.connections,
        lost_connections=tally.lost_connections,
        lost_messages=tally.lost_messages,
        power_cuts=tally.power_cuts,
        cpu=round(cpu, 3),
        block_delay=times(tally.block_delay),
        image_time=times(tally.image_time),
        reasons=dict(tally.reasons.most_common()),
        samples=tally.samples,
    )


def times(histogram: Histogram) -> Times:
    """Return the percentiles of a histogram."""
    p50, p95, p99 = (_rounded(histogram.percentile(share)) for share in (0.5, 0.95, 0.99))
    return Times(p50, p95, p99, _rounded(histogram.most) if histogram.number else None)


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 6)


def encode(report: Report) -> bytes:
    """Write the JSON file."""
    return msgspec.json.format(msgspec.json.encode(report), indent=1) + b"\n"


def decode(written: bytes) -> Report:
    """Read a JSON file. Raises ValueError when it is none of ours."""
    return msgspec.json.decode(written, type=Report)


def _classes(fleet: Fleet) -> list[ClassRow]:
    rows: list[ClassRow] = []
    for traits in fleet.plan.classes:
        things = [thing for thing in fleet.things if thing.traits is traits]
        succeeded = sum(thing.stage is Stage.SUCCEEDED for thing in things)
        unexpected = sum(not is_expected(thing) for thing in things)
        rows.append(ClassRow(traits.name, len(things), succeeded, len(things) - succeeded, unexpected))
    return rows
