"""Says who may ask when: no more things have a request under way than the fleet can read the answers of in good time.

When a fleet is slower than its broker, whatever all things ask at once waits in their sockets, and each block seems to
take as long as reading all the others. And libuv goes on polling, without a look at timers or signals, as long as each
poll finds 1,024 ready sockets, up to 48 times. So a request leaves at once only while the loop keeps up.
"""

import asyncio
from time import monotonic, thread_time
from typing import Final, Protocol

BUDGET: Final = 0.025  # seconds until the loop has its turn, and of CPU for the answers to what is under way then
TICK: Final = 0.01  # seconds from one turn to the next, if the loop keeps up
SEATS_MIN: Final = 100  # requests that may always be under way: enough to keep a broker busy meanwhile
GROWTH: Final = 1.05  # ... and so many times as many after each turn in which the loop kept up


class Asker(Protocol):
    """Who has something to ask."""

    def on_turn(self, now: float) -> None:
        """Ask."""
        ...


class Turn:
    """Lets things ask at once, or when it is their turn, first come first served. Times are monotonic seconds."""

    __slots__ = ("_answered", "_asked", "_has_begun", "_loop", "_seats", "_until", "_waiting", "_worked")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._until = self._worked = 0.0
        self._has_begun = False
        self._answered = 0  # in this turn
        self._seats = SEATS_MIN
        self._asked = set[Asker]()
        self._waiting: dict[Asker, None] = {}

    def ask(self, asker: Asker, now: float) -> None:
        """Have an asker ask. What it asked before is over."""
        if asker in self._asked:
            self._asked.remove(asker)
            self._answered += 1
        if not self._has_begun:
            self._begin(now)
        if self._waiting or now >= self._until or len(self._asked) >= self._seats:
            self._waiting[asker] = None
        else:
            self._asked.add(asker)
            asker.on_turn(now)

    def leave(self, asker: Asker) -> None:
        """Forget an asker: it will hear no answer."""
        self._asked.discard(asker)
        self._waiting.pop(asker, None)

    def _begin(self, now: float) -> None:
        self._has_begun = True
        self._until = now + BUDGET
        self._worked = thread_time()
        self._answered = 0
        self._loop.call_later(TICK, self._next)

    def _next(self) -> None:
        """The loop has had its turn, and those who wait have theirs."""
        self._has_begun = False
        if not self._waiting:
            return
        now = monotonic()
        under_way = len(self._asked)
        self._seats = self._fitting()
        self._begin(now)
        waiting = self._waiting
        for _ in range(min(len(waiting), self._seats - under_way)):
            asker = next(iter(waiting))
            del waiting[asker]
            self._asked.add(asker)
            asker.on_turn(now)
            now = monotonic()

    def _fitting(self) -> int:
        """Return how many may be under way: more while the loop keeps up, else what it would have read in time."""
        worked = thread_time() - self._worked
        if worked < BUDGET:
            return int(self._seats * GROWTH)
        return max(SEATS_MIN, int(self._answered * BUDGET / worked))
