"""A network that loses, doubles and delays messages (so it reorders them), in simulated time: one seed, one course."""

import heapq
import itertools
import math
import random
from collections.abc import Callable


class LossyWire:
    """Messages under way. `loss` and `twice` are chances of 0 to 1, `delay_max` is in seconds."""

    def __init__(self, seed: int, loss: float = 0.0, twice: float = 0.0, delay_max: float = 0.0) -> None:
        self.now = 0.0
        self._dice = random.Random(seed)  # noqa: S311 - not for secrets
        self._loss, self._twice, self._delay_max = loss, twice, delay_max
        self._under_way: list[tuple[float, int, Callable[[bytes], None], bytes]] = []
        self._number = itertools.count()

    @property
    def next_arrival(self) -> float:
        """When the next message arrives: infinity when none is under way."""
        return self._under_way[0][0] if self._under_way else math.inf

    def send(self, receive: Callable[[bytes], None], payload: bytes) -> None:
        """Put a message on the wire; `receive` gets it no time, once or twice, later."""
        for _ in range(2 if self._dice.random() < self._twice else 1):
            if self._dice.random() >= self._loss:
                arrival = self.now + self._dice.uniform(0, self._delay_max)
                heapq.heappush(self._under_way, (arrival, next(self._number), receive, payload))

    def deliver(self) -> None:
        """Let time pass until the next message arrives, and hand it over."""
        self.now, _, receive, payload = heapq.heappop(self._under_way)
        receive(payload)

    def cut(self) -> None:
        """Lose everything that is under way."""
        self._under_way.clear()
