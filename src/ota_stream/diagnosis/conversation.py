"""What is remembered of a thing's conversation: as little as the checks need, and never more than its limits."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Final, TypeVar

from msgspec import Struct

from ota_stream.answers import Answer, Refusal

T = TypeVar("T")

_NO_FILE: Final = -1
STREAMS_MAX: Final = 10  # of a thing, remembered
JOBS_MAX: Final = 10
TEXT_MAX: Final = 120  # characters of what a device said, in a finding


class Client(Struct, frozen=True):
    """A connected client: what it subscribed to, and the size of the packets it takes, in bytes."""

    filters: Collection[str] = ()
    packet_max: int = 268_435_455  # MQTT's own

    def listens(self, topic: str) -> bool:
        """Tell whether one of its filters takes a topic."""
        levels = topic.split("/")
        return any(_takes(topic_filter.split("/"), levels) for topic_filter in self.filters)


Clients = Callable[[str], Client | None]
"""Returns a client by its id, None when it is not connected."""


class Heard(Struct, frozen=True):
    """A publish to a reserved topic with what it was answered. `at` is epoch seconds."""

    at: float
    client_id: str
    topic: str
    payload: bytes
    outcome: Answer | Refusal | None


class Seen(Struct, frozen=True):
    """What a check found: the kind's name and what was seen."""

    kind: str
    what: str


@dataclass(eq=False, slots=True)
class Download:
    """Blocks that a thing was sent of a stream's file. `sent` has bit i for block i."""

    file_id: int
    block_size: int
    total: int
    sent: int = 0

    @property
    def missing(self) -> int:
        """The blocks that were not sent, as bits."""
        return (1 << self.total) - 1 & ~self.sent

    def end(self) -> None:
        """Have no request go on with it: another has its place."""
        self.file_id = _NO_FILE


class Offer(Struct):
    """A job that a thing was given with its document: where its image is, and what became of it since."""

    job_id: str
    at: float
    stream_id: str
    size: int
    looked: bool  # it was asked for with $next/get, as the FreeRTOS agent does
    fresh: bool  # nobody had begun it
    idle: bool = True


@dataclass(eq=False, slots=True)
class Conversation:
    """A thing's.

    `last_topic` and `last_payload` are its last request, heard `at`; `repeats` is how often it came again, the first
    time it came is `since`. `downloads` are by stream; `offers`, `self_tests` (jobs whose details have it) and
    `reporters` (who reported without a version) by job. `waiting` is the job at the front that the thing was told of,
    and when.
    """

    thing: str
    client_id: str = ""
    last_topic: str = ""
    last_payload: bytes = b""
    at: float = 0.0
    repeats: int = 0
    since: float = 0.0
    downloads: dict[str, Download] = field(default_factory=dict[str, Download])
    offers: dict[str, Offer] = field(default_factory=dict[str, Offer])
    self_tests: dict[str, None] = field(default_factory=dict[str, None])
    reporters: dict[str, str] = field(default_factory=dict[str, str])
    waiting: tuple[str, float] | None = None

    def hear(self, topic: str, payload: bytes, client_id: str, now: float) -> None:
        """Count a request that repeats the one before."""
        if payload != self.last_payload or topic != self.last_topic:
            self.last_topic, self.last_payload, self.repeats = topic, payload, 0
        else:
            self.since = self.since if self.repeats else self.at
            self.repeats += 1
        self.client_id, self.at = client_id, now

    def begin(self, stream_id: str, download: Download) -> None:
        """Have a download in place of the one of this stream, or of the oldest when there are too many."""
        before = self.downloads.pop(stream_id, None)
        if before is None and len(self.downloads) >= STREAMS_MAX:
            before = self.downloads.pop(next(iter(self.downloads)))
        if before is not None:
            before.end()
        self.downloads[stream_id] = download

    def goes_on(self) -> None:
        """Note that the thing works at its jobs."""
        for offer in self.offers.values():
            offer.idle = False


def bounded(kept: dict[str, T], most: int) -> dict[str, T]:
    """Make room for one more, at the cost of the oldest."""
    while len(kept) >= most:
        del kept[next(iter(kept))]
    return kept


def shown(value: object) -> str:
    """Return what a device said as one short printable line."""
    text = ascii(value)
    return text if len(text) <= TEXT_MAX else text[: TEXT_MAX - 3] + "..."


def _takes(wanted: list[str], levels: list[str]) -> bool:
    for depth, level in enumerate(wanted):
        if level == "#":
            return len(levels) >= depth
        if depth >= len(levels) or level not in {"+", levels[depth]}:
            return False
    return len(levels) == len(wanted)
