"""Time that is stopped, sped up and moved: deadlines are met at their moments, in their order."""

import asyncio

import pytest

from ota_broker.config import ConfigError, Settings
from ota_broker.front.wheel import Wheel
from ota_broker.moved_time import GRAIN, MovableClock, MovedTime

DAY = 86_400.0


class Machine:
    """The clock below, which only the test moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def wall(self) -> float:
        return 1_700_000_000.0 + self.now

    def monotonic(self) -> float:
        return self.now


def test_it_goes_with_the_machine_until_it_is_told_otherwise():
    clock = MovableClock(machine := Machine())
    machine.now += 5
    assert (clock.wall(), clock.monotonic(), clock.ahead) == (machine.wall(), machine.monotonic(), 0)


def test_frozen_time_stands_and_goes_on_from_there():
    clock = MovableClock(machine := Machine())
    frozen = clock.wall()
    clock.run(0)
    machine.now += 1000
    assert (clock.wall(), clock.ahead) == (frozen, -1000)
    clock.run(1)
    machine.now += 2
    assert clock.wall() == frozen + 2, "it never jumps, and never goes back"


def test_it_runs_faster_and_steps():
    clock = MovableClock(machine := Machine())
    clock.run(100)
    machine.now += 3
    assert clock.monotonic() == 400
    clock.step(7 * DAY)
    assert clock.monotonic() == 400 + 7 * DAY


class Due:
    """Something to be done every so often; notes when it was."""

    def __init__(self, clock: MovableClock, *times: float) -> None:
        self.clock, self.left, self.done = clock, sorted(times), list[float]()

    def wait(self) -> float | None:
        return self.left[0] - self.clock.monotonic() if self.left else None

    def turn(self) -> None:
        while self.left and self.left[0] <= self.clock.monotonic():
            self.left.pop(0)
            self.done.append(self.clock.monotonic())


def test_what_is_due_on_the_way_is_done_at_its_moment():
    clock = MovableClock(Machine())
    clock.run(0)
    due = Due(clock, 160.0, 100 + 3 * DAY, 100 + 8 * DAY)
    asyncio.run(MovedTime(clock, due.wait, due.turn).step(7 * DAY))
    assert due.done == pytest.approx([160.0, 100 + 3 * DAY], abs=2 * GRAIN)
    assert clock.monotonic() == pytest.approx(100 + 7 * DAY)
    assert due.left == [100 + 8 * DAY]


def test_what_stays_due_does_not_hold_time_up():
    clock = MovableClock(Machine())
    turns: list[float] = []
    asyncio.run(MovedTime(clock, lambda: -1.0, lambda: turns.append(clock.monotonic())).step(7 * DAY))
    assert clock.monotonic() == pytest.approx(100 + 7 * DAY)
    assert len(turns) < 50


def test_the_wheel_tells_how_long_it_has_nothing_to_do():
    wheel = Wheel(100.0)
    assert wheel.wait(100.5) is None

    class Asked:
        def on_deadline(self, now: float) -> None: ...

    wheel.put(Asked(), 103.2)
    assert wheel.wait(100.5) == 3.5


def test_another_clock_is_a_mistake():
    with pytest.raises(ConfigError, match="use system, manual or a moment"):
        Settings(clock="sundial")
