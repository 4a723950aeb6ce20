"""A will that waits: the client is gone, and may yet come back before anybody is told (MQTT 5, 3.1.3.2.2)."""

from collections.abc import Callable

from ota_broker.front.codec.packets import Will
from ota_broker.front.wheel import Deadline, Wheel


class DelayedWill:
    """The will of a session without a connection: sent when it is due or the session ends, whichever comes first."""

    __slots__ = ("_deadline", "_publish", "_will")

    def __init__(self, will: Will, due: float, wheel: Wheel, publish: Callable[[Will], None]) -> None:
        self._will = will
        self._publish = publish
        self._deadline = Deadline(wheel, due, self.send)

    def send(self) -> None:
        """Send it now."""
        self._deadline.cancel()
        self._publish(self._will)

    def cancel(self) -> None:
        """Do not send it: the client is back."""
        self._deadline.cancel()
