"""One boot of a device: it carries out what its agent orders, on the flash and on the wire, in the order given."""

from collections import deque
from collections.abc import Iterable
from typing import Protocol

from ota_device import orders, verify, web
from ota_device.agent import Agent
from ota_device.boot import Booted
from ota_device.flash import Flash
from ota_device.flavours import Flavour
from ota_device.orders import Order
from ota_device.reception import Piece
from ota_device.verify import Certificates


class Wire(Protocol):
    """A connection to the broker. With QoS 1 `publish` returns when the message has been acknowledged."""

    def subscribe(self, topic: str, /, *, qos: int) -> None: ...  # noqa: D102
    def unsubscribe(self, topic: str, /) -> None: ...  # noqa: D102
    def publish(self, topic: str, payload: bytes, /, *, qos: int) -> None: ...  # noqa: D102


class Watcher(Protocol):
    """Who wants to know what a device does."""

    def say(self, text: str) -> None:
        """One line for a person."""
        ...

    def progress(self, received: int, size: int) -> None:
        """Bytes that are here and bytes in all, after every block."""
        ...


class Machine:
    """A device from one boot to the next. `now` is always monotonic seconds.

    `reboots` and `stopped` say that it is over and how; `ended` is the last job that came to its end.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - the parts of a device
        self, thing: str, flavour: Flavour, booted: Booted, flash: Flash, certificates: Certificates, watcher: Watcher
    ) -> None:
        self.reboots = self.stopped = False
        self.ended: orders.Ended | None = None
        self._agent = Agent(thing, flavour, booted)
        self._booted = booted
        self._block_size = flavour.block_size
        self._flash = flash
        self._certificates = certificates
        self._watcher = watcher

    @property
    def deadline(self) -> float | None:
        """When to call `on_time`, or None."""
        return None if self.reboots or self.stopped else self._agent.deadline

    @property
    def over(self) -> bool:
        """Whether this boot is."""
        return self.reboots or self.stopped

    def start(self, wire: Wire, now: float) -> None:
        """Begin."""
        self._obey(self._agent.start(now), wire, now)

    def on_message(self, wire: Wire, topic: str, payload: bytes, now: float) -> None:
        """Take a message."""
        self._obey(self._agent.on_message(topic, payload, now), wire, now)

    def on_reconnected(self, wire: Wire, now: float) -> None:
        """The connection was lost and is back, its subscriptions with it."""
        self._obey(self._agent.on_reconnected(now), wire, now)

    def on_time(self, wire: Wire, now: float) -> None:
        """Do what is due, if anything is."""
        self._obey(self._agent.on_time(now), wire, now)

    def _obey(self, given: Iterable[Order], wire: Wire, now: float) -> None:
        left = deque(given)
        while left and not self.over:
            left.extendleft(reversed(self._carry_out(left.popleft(), wire, now)))

    def _carry_out(self, order: Order, wire: Wire, now: float) -> list[Order]:
        """Do one thing; return what the agent orders because of its outcome."""
        match order:  # the orders of every block come first
            case orders.Keep():
                self._keep(order.piece, now)
            case orders.Publish():
                wire.publish(order.topic, order.payload, qos=order.qos)
            case orders.Get():
                return self._get(order, now)
            case orders.Subscribe():
                wire.subscribe(order.topic, qos=order.qos)
            case orders.Unsubscribe():
                wire.unsubscribe(order.topic)
            case orders.Say():
                self._watcher.say(order.text)
            case orders.Ended():
                self._end(order)
            case orders.Reboot():
                self.reboots = True
            case orders.Stop():
                self.stopped = True
            case _:
                return self._on_flash(order, now)
        return []

    def _get(self, order: orders.Get, now: float) -> list[Order]:
        return self._agent.on_range(*web.get(order.url, order.start, order.end), now)

    def _keep(self, piece: Piece, now: float) -> None:
        del now
        self._flash.write(piece)
        self._watcher.progress(*self._agent.progress)

    def _on_flash(self, order: orders.OnSlot, now: float) -> list[Order]:
        flash = self._flash
        match order:
            case orders.Open():
                return self._agent.on_opened(flash.open(order.target), now)
            case orders.Check():
                code = verify.check(order.job, flash.downloaded(), self._certificates)
                return self._agent.on_checked(code, now)
            case orders.Complete():
                flash.complete(self._booted.version.after)
            case orders.Mark():
                flash.mark(order.event, order.reason)
        return []

    def _end(self, ended: orders.Ended) -> None:
        if ended == self.ended:  # an ignored job is offered again and again
            return
        self.ended = ended
        name = f"job {ended.job_id}" if ended.job_id else "job"
        self._watcher.say(f"{name}: {ended.outcome}" + (f", {ended.reason}" if ended.reason else ""))
