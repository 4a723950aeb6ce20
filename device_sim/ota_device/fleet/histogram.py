"""Times in buckets that grow by a twelfth: percentiles of millions of values in a few hundred numbers."""

from math import log2
from typing import Final

LEAST: Final = 1e-5  # seconds; what is shorter is in the first bucket
PER_DOUBLING: Final = 8
BUCKETS: Final = 28 * PER_DOUBLING  # up to 45 minutes; what is longer is in the last bucket


class Histogram:
    """Counts times in seconds. A percentile is off by 4.5 % at most: half a bucket."""

    __slots__ = ("counts", "most", "number", "total")

    def __init__(self) -> None:
        self.counts = [0] * BUCKETS
        self.number = 0
        self.total = 0.0
        self.most = 0.0

    def add(self, seconds: float) -> None:
        """Count one time."""
        bucket = int(log2(seconds / LEAST) * PER_DOUBLING) if seconds > LEAST else 0
        self.counts[bucket if bucket < BUCKETS else -1] += 1
        self.number += 1
        self.total += seconds
        if seconds > self.most:  # noqa: PLR1730 - of every block
            self.most = seconds

    def percentile(self, share: float) -> float | None:
        """Return the time that `share` (0 to 1) of all did not exceed, or None when there are none."""
        if not self.number:
            return None
        rank, seen = share * self.number, 0
        for bucket, many in enumerate(self.counts):
            seen += many
            if many and seen >= rank:
                return min(edge(bucket + 0.5), self.most)
        return self.most


def edge(bucket: float) -> float:
    """Return where a bucket begins, in seconds."""
    return LEAST * float(2 ** (bucket / PER_DOUBLING))


def coarse(counts: list[int], every: int) -> list[int]:
    """Add up neighbouring buckets, `every` at a time."""
    return [sum(counts[first : first + every]) for first in range(0, len(counts), every)]
