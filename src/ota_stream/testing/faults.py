"""The faults of a cloud under test: set, removed and counted by the test."""

from typing import Any

from ota_broker.simulator import Simulator
from ota_stream.faults import kinds
from ota_stream.faults.fault import Fault
from ota_stream.testing.loop import LoopThread


class Faults:
    """What goes wrong. Kinds and members are those of docs/faults.md."""

    def __init__(self, loop: LoopThread, simulator: Simulator) -> None:
        self._loop = loop
        self._simulator = simulator

    def add(self, fault: str | Fault, **members: Any) -> str:  # noqa: ANN401 - as of a file, and checked as it is
        """Set a fault, `add("drop", blocks=7, attempts=1)` or one made of a kind's class; return its name.

        Raises:
            FaultError: there is no such kind or member, or it cannot have this value.
            ControlError: its name is taken.
        """
        made = fault if isinstance(fault, Fault) else kinds.read({"fault": fault, **members})
        simulator = self._simulator
        return self._loop.ask(lambda: simulator.faults.add(made, simulator.cloud.clock.monotonic()))

    def remove(self, name: str) -> None:
        """Remove a fault. Raises ControlError: there is none of this name."""
        self._loop.ask(lambda: self._simulator.faults.remove(name))

    def clear(self) -> None:
        """Remove all faults."""
        self._loop.ask(self._simulator.faults.clear)

    def hits(self, name: str) -> int:
        """Return how many messages a fault has hit so far; 0 when there is none of this name."""
        return sum(each["hits"] for each in self.list() if each["name"] == name)

    def list(self) -> list[dict[str, Any]]:
        """Return the faults as `ota-stream faults list` shows them: their members, and `hits`."""
        return self._loop.ask(self._simulator.faults.shown)
