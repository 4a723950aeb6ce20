"""One clock for all deadlines: a bucket a second, no timer per connection."""

import math
from collections.abc import Callable
from typing import Protocol


class Timed(Protocol):
    """Something with a deadline that may have moved on by the time it is reached."""

    def on_deadline(self, now: float) -> None:
        """Act if it is time, or put yourself back for later. `now` is monotonic seconds."""
        ...


class Wheel:
    """Deadlines in whole seconds, never early."""

    def __init__(self, now: float) -> None:
        self._second = math.floor(now)
        self._buckets: dict[int, dict[Timed, None]] = {}

    def put(self, timed: Timed, due: float) -> int:
        """Ask `timed` at the first whole second not before `due`. Returns that second, for `delete`."""
        second = max(math.ceil(due), self._second + 1)
        self._buckets.setdefault(second, {})[timed] = None
        return second

    def delete(self, timed: Timed, second: int) -> None:
        """Forget a deadline; nothing happens when it has passed already."""
        bucket = self._buckets.get(second)
        if bucket is not None:
            bucket.pop(timed, None)
            if not bucket:
                del self._buckets[second]

    def wait(self, now: float) -> float | None:
        """Return the seconds until the next second that somebody waits for; looks at each."""
        return min(self._buckets) - now if self._buckets else None

    def turn(self, now: float) -> None:
        """Ask everything whose second has come, in order."""
        self._second = max(math.floor(now), self._second)
        for second in sorted(second for second in self._buckets if second <= self._second):
            for timed in self._buckets.pop(second):
                timed.on_deadline(now)


class Deadline:
    """Something to do once, unless it is cancelled: then nothing stays in the wheel, however often that happens."""

    __slots__ = ("_act", "_second", "_wheel", "due")

    def __init__(self, wheel: Wheel, due: float, act: Callable[[], None]) -> None:
        self.due = due
        self._act = act
        self._wheel = wheel
        self._second = wheel.put(self, due)

    def on_deadline(self, now: float) -> None:  # noqa: ARG002 - the wheel is never early
        """Do it."""
        self._act()

    def cancel(self) -> None:
        """Do not do it. Nothing happens when it was done already."""
        self._wheel.delete(self, self._second)
