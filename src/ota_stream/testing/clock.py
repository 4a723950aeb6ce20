"""The time of a cloud under test."""

from ota_broker.moved_time import MovedTime
from ota_stream.logs.filters import seconds as length
from ota_stream.testing.loop import LoopThread


class Clock:
    """Stands still, runs or is moved, as the test says. It begins with the machine's time, at its pace."""

    def __init__(self, loop: LoopThread, time: MovedTime) -> None:
        self._loop = loop
        self._time = time

    @property
    def now(self) -> float:
        """What time it is for the cloud: epoch seconds, as in its records."""
        return self._loop.ask(lambda: self._time.shown()["now"])

    def freeze(self) -> None:
        """Stop time: nothing times out until it is moved."""
        self.speed(0)

    def follow(self) -> None:
        """Go on from here, as fast as the machine's clock."""
        self.speed(1)

    def speed(self, times: float) -> None:
        """Go on from here, so many times as fast as the machine's clock."""
        self._loop.ask(lambda: self._time.run(times))

    def step(self, time: str | float) -> None:
        """Let time pass, `7d`, `12h`, `5m`, `30s` or a number of seconds, with everything that is due on the way.

        Raises:
            QueryError: it is no length of time.
        """
        seconds = float(length(time) if isinstance(time, str) else time)
        self._loop.wait(self._time.step(seconds))
