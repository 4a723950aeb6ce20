"""A clock that can be stopped, sped up and moved ahead, and how time passes when it is."""

import asyncio
import heapq
from collections.abc import Callable
from itertools import count
from typing import Final

from ota_stream.clock import Clock

GRAIN: Final = 0.001  # seconds by which a deadline is met late at most: below it sums of seconds lose their last digits


class MovableClock:
    """Goes at the pace of another clock until it is told otherwise. Neither hand ever goes back.

    Or it stands at a moment, `stands_at` (epoch seconds), until it is told to go.
    """

    def __init__(self, base: Clock, stands_at: float | None = None) -> None:
        self._base = base
        self._since = base.monotonic()
        self._wall, self._monotonic = base.wall() if stands_at is None else stands_at, self._since
        self.speed = 1.0 if stands_at is None else 0.0

    def wall(self) -> float:
        """Seconds since the epoch, as far as anybody here is told."""
        return self._wall + (self._base.monotonic() - self._since) * self.speed

    def monotonic(self) -> float:
        """Seconds since some start."""
        return self._monotonic + (self._base.monotonic() - self._since) * self.speed

    @property
    def ahead(self) -> float:
        """Seconds that its time of day is later than the other clock's; below zero when it is earlier."""
        return self.wall() - self._base.wall()

    def run(self, speed: float) -> None:
        """Go on from here, so many times as fast as the other clock; 0 stops."""
        self._move(0.0)
        self.speed = speed

    def step(self, seconds: float) -> None:
        """Be so much later at once."""
        self._move(seconds)

    def _move(self, seconds: float) -> None:
        now = self._base.monotonic()
        passed = (now - self._since) * self.speed + seconds
        self._since, self._wall, self._monotonic = now, self._wall + passed, self._monotonic + passed


class Timers:
    """Calls something some seconds from now, by a clock that is moved: as `loop.call_later` by one that is not."""

    def __init__(self, clock: MovableClock) -> None:
        self._clock = clock
        self._due: list[tuple[float, int, Callable[[], object]]] = []
        self._numbers = count()
        self._alarm: asyncio.TimerHandle | None = None

    def call_later(self, seconds: float, call: Callable[[], object]) -> None:
        """Call it `seconds` from now."""
        heapq.heappush(self._due, (self._clock.monotonic() + seconds, next(self._numbers), call))
        self._arm()

    def wait(self) -> float | None:
        """Return the seconds until the next call, None when there is none."""
        return self._due[0][0] - self._clock.monotonic() if self._due else None

    def turn(self) -> None:
        """Call what is due."""
        now = self._clock.monotonic()
        while self._due and self._due[0][0] <= now:
            heapq.heappop(self._due)[2]()
        self._arm()

    def close(self) -> None:
        """Forget everything."""
        self._due.clear()
        self._arm()

    def _arm(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        wait = self.wait()
        if wait is not None and self._clock.speed:
            self._alarm = asyncio.get_running_loop().call_later(max(0.0, wait / self._clock.speed), self.turn)


class MovedTime:
    """Lets time pass: every deadline on the way is met at its moment and in its order, as if one had waited.

    `wait` tells the seconds until the next deadline, None when nothing waits; `turn` does what is due.
    """

    def __init__(self, clock: MovableClock, wait: Callable[[], float | None], turn: Callable[[], None]) -> None:
        self._clock = clock
        self._wait = wait
        self._turn = turn

    def shown(self) -> dict[str, float]:
        """Return the time of day (epoch seconds), the speed, and the seconds ahead of the machine's clock."""
        return {"now": self._clock.wall(), "speed": self._clock.speed, "ahead": self._clock.ahead}

    def run(self, speed: float) -> None:
        """Go on so many times as fast as the machine's clock; 0 stops."""
        self._clock.run(speed)
        self._turn()

    async def step(self, seconds: float) -> None:
        """Let so many seconds pass. Between two deadlines others have their turn."""
        left, least = seconds, GRAIN
        while left > 0:
            wait = self._wait()
            # What stays due whatever is done (a full disk, say) must not hold time up: the hops get longer.
            least = GRAIN if wait is None or wait > 0 else least * 2
            hop = left if wait is None else min(left, max(wait, least))
            self._clock.step(hop)
            left -= hop
            self._turn()
            await asyncio.sleep(0)
