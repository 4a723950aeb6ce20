"""The faults of a cloud under test."""

from typing import Any

from ota_stream.clock import Clock
from ota_stream.faults import kinds
from ota_stream.faults.desk import FaultDesk
from ota_stream.testing.loop import LoopThread


class Faults:
    """What goes wrong in this cloud, on purpose (docs/faults.md). In the beginning: nothing."""

    def __init__(self, loop: LoopThread, desk: FaultDesk, clock: Clock) -> None:
        self._loop = loop
        self._desk = desk
        self._clock = clock

    def add(self, kind: str, **members: Any) -> str:  # noqa: ANN401 - each kind has its own
        """Set a fault and return its name: `add("drop", blocks=7, attempts=1)`. It holds at once.

        Raises:
            FaultError: there is no such fault.
            ControlError: there is one of that name already.
        """
        fault = kinds.read({"fault": kind, **members})
        return self._loop.ask(lambda: self._desk.add(fault, self._clock.monotonic()))

    def remove(self, name: str) -> None:
        """Remove a fault. Raises ControlError: there is none of that name."""
        self._loop.ask(lambda: self._desk.remove(name))

    def clear(self) -> None:
        """Remove them all."""
        self._loop.ask(self._desk.clear)

    def hits(self, name: str) -> int:
        """Return how many messages a fault has hit; 0 when there is none of that name."""
        shown = self._loop.ask(self._desk.shown)
        return sum(int(each["hits"]) for each in shown if each["name"] == name)
