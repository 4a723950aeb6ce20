"""What a fleet has done so far, in numbers, and how it went from moment to moment."""

from collections import Counter
from enum import StrEnum
from typing import Final

from msgspec import Struct

from ota_device.fleet.histogram import PER_DOUBLING, Histogram, coarse

_INTERVAL: Final = 0.25  # seconds between two samples, at first: a short run is a curve too
SAMPLES_MAX: Final = 480  # then two become one, and the interval doubles
HEAT_EVERY: Final = PER_DOUBLING // 2  # buckets in a row of the heat map: two rows a doubling
REASONS_MAX: Final = 50  # different ones; a broker could make up any number
OTHER: Final = "other reasons"


class Stage(StrEnum):
    """How far a thing is."""

    WAITING = "waiting"  # not begun, or without a job
    DOWNLOADING = "downloading"
    VERIFIED = "verified"  # hash and signature are right
    REBOOTED = "rebooted"  # into the new image
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class Sample(Struct, frozen=True):
    """A moment. `at` and `interval` seconds; stages are how many things are there; the rest came within the interval.

    `delays` has how many blocks took how long: two numbers a doubling, from 10 microseconds on.
    """

    at: float
    interval: float
    connected: int
    stages: dict[str, int]
    blocks: int
    bytes: int
    delays: list[int]


class Tally:
    """The numbers of a run. Things change them directly; `sample` is called every `interval` seconds."""

    def __init__(self) -> None:
        self.connected = 0
        self.stages = dict.fromkeys(Stage, 0)
        self.verified = self.rebooted = self.images = 0  # how often, in all
        self.blocks = self.bytes = self.requests = self.connections = self.lost_connections = 0
        self.power_cuts = self.lost_messages = 0
        self.reasons: Counter[str] = Counter()
        self.block_delay = Histogram()
        self.image_time = Histogram()
        self.samples: list[Sample] = []
        self.interval = _INTERVAL
        self._before = (0, 0, [0] * len(self.block_delay.counts))
        self._sampled = 0.0

    def block(self, size: int, delay: float) -> None:
        """Count a new block of `size` bytes, `delay` seconds after its request."""
        self.blocks += 1
        self.bytes += size
        self.block_delay.add(delay)

    def move(self, before: Stage, after: Stage) -> None:
        """Let a thing go from one stage to another."""
        self.stages[before] -= 1
        self.stages[after] += 1

    def failed(self, reason: str) -> str:
        """Count a failure; return the reason under which it is counted."""
        known = reason if reason in self.reasons or len(self.reasons) < REASONS_MAX else OTHER
        self.reasons[known] += 1
        return known

    def sample(self, at: float, *, last: bool = False) -> None:
        """Write down how it stands, `at` seconds after the start, when an interval has passed, or at the end."""
        if at - self._sampled < (0.0 if last else self.interval * 0.9):
            return
        blocks, size, delays = self._before
        counts = list(self.block_delay.counts)
        new = [count - before for count, before in zip(counts, delays, strict=True)]
        self.samples.append(
            Sample(
                at=round(at, 3),
                interval=round(at - self._sampled, 3),
                connected=self.connected,
                stages={stage.value: many for stage, many in self.stages.items()},
                blocks=self.blocks - blocks,
                bytes=self.bytes - size,
                delays=coarse(new, HEAT_EVERY),
            )
        )
        self._before = self.blocks, self.bytes, counts
        self._sampled = at
        if len(self.samples) >= SAMPLES_MAX:
            pairs = zip(self.samples[::2], self.samples[1::2], strict=False)
            self.samples = [_joined(first, second) for first, second in pairs]
            self.interval *= 2


def _joined(first: Sample, second: Sample) -> Sample:
    return Sample(
        at=second.at,
        interval=first.interval + second.interval,
        connected=second.connected,
        stages=second.stages,
        blocks=first.blocks + second.blocks,
        bytes=first.bytes + second.bytes,
        delays=[one + other for one, other in zip(first.delays, second.delays, strict=True)],
    )
