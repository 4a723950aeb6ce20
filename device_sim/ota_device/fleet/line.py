"""The way between a thing and the broker: slow, late, and losing some of what goes over it."""

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ota_device.fleet.thing import Thing


class Line:
    """Delays what comes to a thing, in order, by latency both ways, jitter and bandwidth; loses block messages.

    The requests' part of the latency is added to the answers': the broker cannot tell the difference.
    """

    __slots__ = ("_coming", "_free_at", "_generation", "_thing")

    def __init__(self, thing: "Thing") -> None:
        self._thing = thing
        self._coming: deque[tuple[bytes, bytes]] = deque()
        self._free_at = 0.0
        self._generation = 0

    def loses(self) -> bool:
        """Throw whether a block request, or a block, gets lost. Only QoS 0 does: the rest is repeated by MQTT."""
        loss = self._thing.traits.loss
        if not loss or self._thing.dice.throw() >= loss:
            return False
        self._thing.site.tally.lost_messages += 1
        return True

    def carry(self, topic: bytes, payload: bytes, now: float) -> None:
        """Let a message come through in its time, or never."""
        traits = self._thing.traits
        if b"/streams/" in topic and self.loses():
            return
        arrives = now + 2 * traits.latency + traits.jitter * self._thing.dice.throw()
        if traits.bandwidth is not None:
            arrives = max(arrives, self._free_at) + (len(topic) + len(payload)) / traits.bandwidth
        self._free_at = max(arrives, self._free_at)  # what is sent later comes later
        self._coming.append((topic, payload))
        generation = self._generation
        self._thing.site.agenda.at(self._free_at, lambda at: self._arrive(generation, at))

    def clear(self) -> None:
        """Lose what is under way: the connection is gone."""
        self._coming.clear()
        self._generation += 1
        self._free_at = 0.0

    def _arrive(self, generation: int, now: float) -> None:
        if generation == self._generation and self._coming:
            topic, payload = self._coming.popleft()
            self._thing.hear(topic, payload, now)
