"""One simulated thing of a fleet: its power, its connection, and the work it does over it."""

from collections.abc import Callable
from time import monotonic
from typing import TYPE_CHECKING, Final, Protocol

from msgspec import Struct

from ota_device.fleet.power import Power
from ota_device.fleet.tally import Stage
from ota_device.fleet.traits import Dice, Fault, Traits

if TYPE_CHECKING:
    from ota_device.fleet.connection import Connection
    from ota_device.fleet.line import Line
    from ota_device.fleet.site import Site

PING_AFTER: Final = 180.0  # seconds in which a thing says nothing
PONG_WITHIN: Final = 30.0
REDIAL: Final = (0.2, 0.5, 1.0, 2.0, 4.0)  # seconds before the next attempt, the last of them again and again
PATIENCE: Final = 30.0  # seconds without a connection until a thing gives up
_NEVER: Final = float("inf")


class Verdict(Struct, frozen=True):
    """How a thing ended. `reason` is empty when it succeeded."""

    succeeded: bool
    reason: str = ""


class Work(Protocol):
    """What a thing does. It ends with a `verdict`; `reboots` asks for the power to be switched off and on."""

    verdict: Verdict | None
    reboots: bool

    @property
    def deadline(self) -> float | None:
        """When `on_time` is due."""
        ...

    def start(self, now: float) -> None:
        """There is a connection; the device has just been switched on, or it was cut off for a while."""
        ...

    def on_message(self, topic: bytes, payload: bytes, now: float) -> None:
        """Take a message."""
        ...

    def on_acknowledged(self, packet_id: int, now: float) -> None:
        """A QoS 1 message has arrived."""
        ...

    def on_time(self, now: float) -> None:
        """Do what is due."""
        ...

    def lose_power(self) -> None:
        """Forget everything but the flash."""
        ...

    def hang_up(self) -> None:
        """Break what connections it has of its own: the thing is offline, or at its end."""
        ...


class Thing:
    """A thing from the moment it is switched on until its work has ended. Times are monotonic seconds."""

    __slots__ = (
        "_asked_at", "_fails_at", "_is_open", "_offline_until", "_on_over", "_pong_by", "_question", "_silent_since",
        "_tries", "_wake_at", "began", "blocks", "connection", "dice", "ended", "fault", "is_on", "line", "name",
        "power_cuts", "received", "reconnects", "requests", "site", "stage", "traits", "verdict", "work",
    )  # fmt: skip

    def __init__(
        self, number: int, traits: Traits, site: "Site", seed: int, on_over: Callable[["Thing"], None]
    ) -> None:
        self.name = traits.thing.format(number=number)
        self.traits = traits
        self.site = site
        self.dice = Dice(seed, number)
        self.fault: Fault | None = self.dice.fault(traits.failures)
        self.connection: Connection | None = None
        self.line: Line | None = None
        self.work: Work | None = None
        self.is_on = False
        self.stage = Stage.WAITING
        self.verdict: Verdict | None = None
        self.began: float | None = None
        self.ended: float | None = None
        self.blocks = self.received = self.requests = self.reconnects = self.power_cuts = 0
        self._question: tuple[str, bytes] | None = None
        self._asked_at = 0.0
        self._on_over = on_over
        self._wake_at = _NEVER
        self._is_open = False
        self._silent_since = self._offline_until = 0.0
        self._tries = 0
        self._pong_by = self._fails_at = _NEVER

    # Power

    def begin(self, now: float) -> None:
        """Switch it on for the first time."""
        if self.verdict is None:
            self.began = now
            self.switch_on(now)
            if self.traits.duty is not None or self.traits.power_cuts:
                Power(self, now)

    def switch_on(self, now: float) -> None:
        """Connect, and go on from what is on the flash."""
        if self.verdict is None and not self.is_on and now >= self._offline_until:
            self.is_on = True
            self._fails_at = now + PATIENCE
            self.site.dial(self)

    def cut_power(self, now: float) -> None:
        """Break the connection; what is not on the flash is gone."""
        if self.verdict is None and self.is_on:
            self.power_cuts += 1
            self.site.tally.power_cuts += 1
            if self.work is not None:
                self.work.lose_power()
            self._switch_off(now, abort=True)

    def go_offline(self, now: float, until: float) -> None:
        """Break the connection, and stay away: before that time `switch_on` does nothing."""
        self._offline_until = until
        if self.verdict is None and self.is_on:
            self._switch_off(now, abort=True)

    def _switch_off(self, now: float, *, abort: bool) -> None:
        self.is_on = False
        if self.line is not None:
            self.line.clear()
        if self.work is not None:
            self.work.hang_up()
        self._hang_up(now, abort=abort)

    # From the connection

    def on_open(self, now: float) -> None:
        """Do what there is to do."""
        self.site.tally.connected += 1
        self.site.tally.connections += 1
        self._fails_at = self._pong_by = _NEVER
        self._is_open = True
        self._tries = 0
        self._silent_since = now
        if self.work is not None:
            self.work.start(now)
        self.follow(now)

    def on_message(self, topic: bytes, payload: bytes, now: float) -> None:
        """Take a message, at once or when it has come through the line."""
        if self.line is not None:
            self.line.carry(topic, payload, now)
        elif self.work is not None:
            self.work.on_message(topic, payload, now)
            self.follow(now)

    def hear(self, topic: bytes, payload: bytes, now: float) -> None:
        """Take a message that has come through."""
        if self.work is not None:
            self.work.on_message(topic, payload, now)
            self.follow(now)

    def on_acknowledged(self, packet_id: int, now: float) -> None:
        """Let the work go on that waited for it."""
        if self.work is not None:
            self.work.on_acknowledged(packet_id, now)
            self.follow(now)

    def on_pong(self) -> None:
        """The broker lives."""
        self._pong_by = _NEVER

    def on_closed(self, why: str, now: float) -> None:
        """Try again for a while."""
        self.connection = self._question = None
        self.site.turn.leave(self)
        was_open, self._is_open = self._is_open, False
        if was_open:
            self.site.tally.connected -= 1
        if self.verdict is not None or not self.is_on:
            return
        if was_open:
            self.site.tally.lost_connections += 1
            self.reconnects += 1
            self._fails_at = now + PATIENCE
        if now >= self._fails_at:
            self.end(Verdict(succeeded=False, reason=f"no connection: {why}"), now)
            return
        pause = REDIAL[min(self._tries, len(REDIAL) - 1)]
        self._tries += 1
        self.site.agenda.at(now + pause * (0.5 + self.dice.throw()), self._redial)

    def _redial(self, _: float) -> None:
        if self.verdict is None and self.is_on and self.connection is None:
            self.site.dial(self)

    # For the work

    def publish(self, topic: str, payload: bytes, qos: int) -> int:
        """Send a message; return its packet id, 0 for QoS 0 or when there is no connection."""
        if self.connection is None:
            return 0
        self._silent_since = monotonic()
        return self.connection.publish(topic, payload, qos)

    def request(self, topic: str, payload: bytes, now: float) -> None:
        """Send a block request when it is its turn."""
        self._question = topic, payload
        self.site.turn.ask(self, now)

    def on_turn(self, now: float) -> None:
        """Send the request that waits, if the line lets it through."""
        question, self._question = self._question, None
        if question is None:
            return
        self.asked(now)
        if self.connection is not None and (self.line is None or not self.line.loses()):
            self._silent_since = now
            self.connection.publish(*question, 0)

    def asked(self, now: float) -> None:
        """Count a request for blocks that leaves."""
        self._asked_at = now
        self.requests += 1
        self.site.tally.requests += 1

    def subscribe(self, topics: dict[str, int]) -> None:
        """Subscribe to topics, each with its QoS."""
        if self.connection is not None:
            self.connection.subscribe(topics)

    def unsubscribe(self, topic: str) -> None:
        """End a subscription."""
        if self.connection is not None:
            self.connection.unsubscribe(topic)

    def count_block(self, size: int, now: float) -> None:
        """Count a new block of `size` bytes. Its time is from the moment when its request was sent."""
        self.blocks += 1
        self.received += size
        self.site.tally.block(size, now - self._asked_at)

    def enter(self, stage: Stage) -> None:
        """Be at a stage from now on."""
        self.site.tally.move(self.stage, stage)
        self.stage = stage

    def end(self, verdict: Verdict, now: float) -> None:
        """Say goodbye, once and for all."""
        if self.verdict is not None:
            return
        reason = "" if verdict.succeeded else self.site.tally.failed(verdict.reason)
        self.verdict = Verdict(verdict.succeeded, reason)
        self.ended = now
        self.enter(Stage.SUCCEEDED if verdict.succeeded else Stage.FAILED)
        self._hang_up(now, abort=False)
        self.is_on = False
        if self.work is not None:
            self.work.hang_up()
        self.work = self.line = None
        self._on_over(self)

    # Time

    def _hang_up(self, now: float, *, abort: bool) -> None:
        connection = self.connection
        if connection is None:
            return
        if abort:
            connection.abort("the power is off")
        else:
            connection.close()
        connection.forget()
        self.on_closed("", now)

    def follow(self, now: float) -> None:
        """Draw the consequences of what the work did."""
        work = self.work
        if work is None:
            return
        if work.verdict is not None:
            self.end(work.verdict, now)
        elif work.reboots:
            work.reboots = False
            self._switch_off(now, abort=False)
            self.site.agenda.at(now + self.traits.reboot, self.switch_on)
        else:
            when = min(work.deadline or _NEVER, self._silent_since + PING_AFTER, self._pong_by)
            if when < self._wake_at:
                self.wake_by(when)

    def wake_by(self, when: float) -> None:
        """Have `_wake` called at a time, if it is not called before."""
        if when < self._wake_at:
            self._wake_at = when
            self.site.agenda.at(when, self._wake)

    def _wake(self, now: float) -> None:
        if now < self._wake_at:  # an earlier one has been here
            return
        self._wake_at = _NEVER
        if self.work is None or self.connection is None or not self._is_open:
            return
        if now >= self._pong_by:
            self.connection.abort("the broker does not answer")
            return
        if now >= self._silent_since + PING_AFTER:
            self._silent_since, self._pong_by = now, now + PONG_WITHIN
            self.connection.ping()
        self.work.on_time(now)
        self.follow(now)
