"""What is to be done when, for a whole fleet: one heap and one timer of the loop."""

import asyncio
from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count
from time import monotonic
from typing import Final

from ota_device.fleet.turn import BUDGET

Act = Callable[[float], None]
"""Is called with the time, monotonic seconds."""

_EARLY: Final = 0.001  # seconds: a timer of uvloop counts in milliseconds, and may be one too early


class Agenda:
    """Calls acts at their times (monotonic seconds), in order; acts of one time in the order they were put."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._heap: list[tuple[float, int, Act]] = []
        self._numbers = count()
        self._timer: asyncio.TimerHandle | None = None
        self._next = float("inf")

    def at(self, when: float, act: Act) -> None:
        """Put an act down. It cannot be taken back: who is no longer concerned does nothing."""
        heappush(self._heap, (when, next(self._numbers), act))
        if when < self._next:
            self._arm(when)

    def clear(self) -> None:
        """Forget everything."""
        self._heap.clear()
        self._disarm()

    def _arm(self, when: float) -> None:
        self._disarm()
        self._next = when
        self._timer = self._loop.call_later(max(0.0, when - monotonic()), self._turn)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None
        self._next = float("inf")

    def _turn(self) -> None:
        self._disarm()
        begun = monotonic()
        now = begun + _EARLY
        heap = self._heap
        while heap and heap[0][0] <= now:
            heappop(heap)[2](now)
            if monotonic() >= begun + BUDGET:  # the rest in the next turn of the loop
                break
        if heap and heap[0][0] < self._next:
            self._arm(heap[0][0])
