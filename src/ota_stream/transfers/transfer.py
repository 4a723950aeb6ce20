"""One thing's download of one stream file, as the cloud has seen it: blocks as bits, counts and times."""

from typing import Final

from ota_stream.streams.catalog import Stream

RATE_SPAN: Final = 1.0  # seconds a rate is taken over, at least


class Traffic:
    """What is asked about one stream: requests since somebody looks, and who asks, by thing and file id."""

    __slots__ = ("pace", "requests", "transfers")

    def __init__(self) -> None:
        self.requests = 0
        self.pace = Pace()
        self.transfers: dict[tuple[str, int], Transfer] = {}

    def requests_per_second(self, now: float) -> float:
        """Return how often the stream is asked about; `now` is epoch seconds."""
        return self.pace.look(self.requests, now)


class Pace:
    """How fast a count grows, between two looks a second apart or more."""

    __slots__ = ("_at", "_count", "_rate")

    def __init__(self) -> None:
        self._at: float | None = None
        self._count = 0
        self._rate = 0.0

    def look(self, count: int, now: float) -> float:
        """Return the growth per second."""
        if self._at is None or now < self._at:
            self._at, self._count = now, count
        elif now - self._at >= RATE_SPAN:
            self._rate = (count - self._count) / (now - self._at)
            self._at, self._count = now, count
        return self._rate


class Transfer:
    """A download. Bit i of `sent` and of `repeated` is block i: sent at all, and sent more than once.

    `stream` is the stream as it was when the download began: a later version has other blocks. `failure` is why the
    last request was rejected, None when it was not. `map_bytes` is what the bits take at most.
    """

    __slots__ = (
        "begun_at", "block_size", "blocks", "failure", "file_id", "last_at", "pace", "repeated", "requests", "sent",
        "stream", "thing", "topic", "total", "traffic", "whole",
    )  # fmt: skip

    def __init__(  # noqa: PLR0913, PLR0917 - what a download is
        self, thing: str, topic: str, stream: Stream, file_id: int, block_size: int, total: int, traffic: Traffic
    ) -> None:
        self.thing, self.topic, self.stream = thing, topic, stream
        self.file_id, self.block_size, self.total = file_id, block_size, total
        self.traffic = traffic
        self.whole = (1 << total) - 1
        self.sent = self.repeated = self.requests = self.blocks = 0
        self.begun_at = self.last_at = 0.0
        self.failure: str | None = None
        self.pace = Pace()

    @property
    def map_bytes(self) -> int:
        """Bytes of its bits when all are set."""
        return 2 * ((self.total + 7) // 8)

    @property
    def done(self) -> int:
        """How many different blocks were sent."""
        return self.sent.bit_count()

    @property
    def complete(self) -> bool:
        """Whether every block was sent."""
        return self.sent == self.whole

    def bytes_per_second(self, now: float) -> float:
        """Return how fast blocks go out, the last one counted as a whole; `now` is epoch seconds."""
        return self.pace.look(self.blocks, now) * self.block_size

    def send(self, blocks: int) -> None:
        """Note blocks that go out, each once."""
        self.repeated |= self.sent & blocks
        self.sent |= blocks
