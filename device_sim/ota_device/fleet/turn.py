"""Shares the loop between thousands of busy connections and everybody else: timers, pings, Ctrl-C.

libuv goes on polling, without a look at timers or signals, as long as each poll finds 1,024 ready sockets, up to 48
times. So a connection works at once only while the budget of time lasts; then what came waits for the next turn.
"""

import asyncio
from time import monotonic
from typing import Final, Protocol

BUDGET: Final = 0.05  # seconds of work until the loop has its turn
CALLED_MAX: Final = 500  # who waited, in one turn: each reads what is there for it in the poll that follows


class Worker(Protocol):
    """Who has something to do."""

    def on_turn(self, now: float) -> None:
        """Do what has waited."""
        ...


class Turn:
    """Says who may work now, and calls the others, first come first served. Times are monotonic seconds."""

    __slots__ = ("_loop", "_until", "_waiting")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._until = 0.0
        self._waiting: dict[Worker, None] = {}

    def is_over(self, now: float) -> bool:
        """Whether whoever comes now has to wait."""
        return now >= self._until

    def wait(self, worker: Worker) -> None:
        """Have a worker called soon."""
        if not self._waiting:
            self._loop.call_soon(self._begin)
        self._waiting[worker] = None

    def _begin(self) -> None:
        now = monotonic()
        self._until = now + BUDGET
        waiting = self._waiting
        for _ in range(min(len(waiting), CALLED_MAX)):
            worker = next(iter(waiting))
            del waiting[worker]
            worker.on_turn(now)
            now = monotonic()
            if now >= self._until:  # after one at least: with any budget it goes on
                break
        if waiting:
            self._loop.call_soon(self._begin)
