"""A machine over connections that do not block: it stops at every QoS 1 message until that has arrived."""

from collections.abc import Callable, Iterable
from typing import Protocol

from ota_device import orders
from ota_device.machine import Machine, Wire
from ota_device.orders import Order
from ota_device.reception import Piece


class Steps(Protocol):
    """Who wants to know when a machine gets over a step that counts."""

    def kept(self, size: int, now: float) -> None:
        """A block of `size` bytes is on the flash."""
        ...

    def opened(self) -> None:
        """A download begins, or goes on."""
        ...

    def checking(self) -> None:
        """The image is whole, and about to be verified."""
        ...

    def verified(self) -> None:
        """The image is the one that was signed."""
        ...


class PacedMachine(Machine):
    """A `Machine` whose orders wait while `awaited` is a packet id. Messages that come meanwhile wait too.

    The wire sets `awaited` when it sends a QoS 1 message. `fetch` gets a range by HTTP, and `on_range` takes what came
    of it.
    """

    steps: Steps
    fetch: Callable[[orders.Get], None]
    awaited: int = 0
    _left: list[Order]  # the next one at the end

    def restart(self, wire: Wire, now: float) -> None:
        """Go on after the connection was lost and is back. What was not acknowledged has been sent again."""
        self._left[:0] = reversed(self._agent.on_reconnected(now))
        self._go_on(wire, now)

    def on_range(self, wire: Wire, status: int, data: bytes, now: float) -> None:
        """Take a range, or the status there is instead of it."""
        self._obey(self._agent.on_range(status, data, now), wire, now)

    def acknowledge(self, packet_id: int, wire: Wire, now: float) -> None:
        """Go on when it is what was waited for."""
        if packet_id == self.awaited:
            self.awaited = 0
            self._go_on(wire, now)

    def _obey(self, given: Iterable[Order], wire: Wire, now: float) -> None:
        self._left = [*given][::-1]
        self._go_on(wire, now)

    def _go_on(self, wire: Wire, now: float) -> None:
        left = self._left
        while left and not (self.awaited or self.reboots or self.stopped):
            more = self._carry_out(left.pop(), wire, now)
            if more:
                left.extend(reversed(more))

    def _keep(self, piece: Piece, now: float) -> None:
        self._flash.write(piece)
        self.steps.kept(len(piece.data), now)

    def _get(self, order: orders.Get, now: float) -> list[Order]:
        del now
        self.fetch(order)
        return []

    def _on_flash(self, order: orders.OnSlot, now: float) -> list[Order]:
        if isinstance(order, orders.Open):
            self.steps.opened()
        elif isinstance(order, orders.Check):
            self.steps.checking()
        elif isinstance(order, orders.Complete):
            self.steps.verified()
        return super()._on_flash(order, now)
