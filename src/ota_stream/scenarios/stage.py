"""Plays a scenario: a cloud of its own, the faults, the updates one after the other, and an agent for each thing."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from ota_device.image import CRASH, OFFLINE
from ota_stream.errors import ControlError
from ota_stream.faults import kinds
from ota_stream.jobs.executions import TERMINAL
from ota_stream.scenarios import verdict
from ota_stream.scenarios.agents import Agent
from ota_stream.scenarios.scenario import Scenario, Update
from ota_stream.scenarios.verdict import GONE, Ended, Fared, Result, Seen
from ota_stream.testing import LocalCloud
from ota_stream.testing import Update as Made

LIMIT: Final = 60.0  # seconds
THING: Final = "device-under-test"
_LOOK: Final = 0.01  # seconds between two looks
_QUIET: Final = 0.15  # seconds that a state has to last, for an agent that goes on doing wrong


Cast = Callable[[], Agent]
"""Gives an agent that was not started yet."""

Certify = Callable[[Path, str, Path], None]
"""Writes the certificate and the key of a thing: takes the cloud's data directory, the thing, and where they go."""


def play(name: str, scenario: Scenario, cast: Cast, certify: Certify, seconds: float = LIMIT) -> Result:
    """Play it to its end, and return what came of it; what is not as it should be after so many seconds, is not.

    `certify` is for agents that speak TLS.

    Raises:
        OtaStreamError: it cannot begin.
    """
    began = time.monotonic()
    with TemporaryDirectory(prefix="ota-stream-") as place:
        folder = Path(place)
        agents = {thing: cast() for thing in _things(scenario)}
        by_tls = any(agent.needs_tls for agent in agents.values())
        cloud = LocalCloud(folder / "cloud", tls=by_tls)
        try:
            with cloud:
                for thing in agents:
                    cloud.create_thing(thing)
                    if by_tls:
                        certify(cloud.folder, thing, folder)
                seen = _Play(scenario, cloud, agents, began + seconds).run(folder)
        finally:
            for agent in agents.values():
                agent.stop()
    found = tuple(verdict.checks(scenario, seen))
    lines = tuple(line for agent in agents.values() for line in agent.lines)
    return Result(name, scenario.title, found, round(time.monotonic() - began, 3), lines)


def _things(scenario: Scenario) -> list[str]:
    first = scenario.thing or THING
    return [first, *(f"{first}-{number}" for number in range(2, scenario.things + 1))]


class _Play:
    """One run of a scenario."""

    def __init__(self, scenario: Scenario, cloud: LocalCloud, agents: Mapping[str, Agent], until: float) -> None:
        self._scenario = scenario
        self._cloud = cloud
        self._agents = agents
        self._until = until
        self._images = [_image(update, number) for number, update in enumerate(scenario.updates)]
        self._made: list[Made] = []

    def run(self, folder: Path) -> Seen:
        """Make what is there before, start the agents, do the rest in its time, and look."""
        scenario = self._scenario
        for fault in scenario.faults:
            self._cloud.faults.add(kinds.read(fault))
        waiting = list(scenario.updates)
        while waiting and waiting[0].when == "before":
            self._make(waiting.pop(0))
        for thing, agent in self._agents.items():
            agent.start(self._cloud, thing, folder)
        self._go_on(waiting)
        return self._see()

    def _go_on(self, waiting: list[Update]) -> None:
        if self._scenario.clock is not None:
            self._wait(lambda: bool(self._cloud.records(action="GetStream")) and self._is_disturbed())
            self._cloud.clock.step(self._scenario.clock)
        moments = {"connected": self._is_connected, "ended": self._all_ended, "disturbed": self._is_disturbed}
        while waiting:
            update = waiting.pop(0)
            self._wait(moments[update.when])
            self._make(update)
        self._wait(self._is_done)
        self._wait_while_right()

    def _is_done(self) -> bool:
        """Whether everything that ends has ended as it should, or one update in another way for good."""
        if self._has_missed():
            return True
        right = {None, self._scenario.runs}
        last_words = self._scenario.gives_up or ""
        return self._all_ended() and all(
            agent.runs(self._images) in right and last_words in agent.trouble for agent in self._agents.values()
        )

    def _wait_while_right(self) -> None:
        """Give an agent that goes on doing wrong the time to show it."""
        until = min(time.monotonic() + _QUIET, self._until)
        while time.monotonic() < until and not self._is_over:
            time.sleep(_LOOK)

    def _wait(self, condition: Callable[[], bool]) -> None:
        while not condition() and time.monotonic() < self._until and not self._is_over:
            time.sleep(_LOOK)

    @property
    def _is_over(self) -> bool:
        return any(agent.is_over for agent in self._agents.values())

    def _is_connected(self) -> bool:
        return all(any(entry.get("eventType") for entry in self._cloud.records(thing)) for thing in self._agents)

    def _is_disturbed(self) -> bool:
        return not self._scenario.faults or bool(self._cloud.records(action="InjectedFault"))

    def _all_ended(self) -> bool:
        """Whether every update there is has ended as far as it should: some are never begun, or stay in progress."""
        for update, made in zip(self._scenario.updates, self._made, strict=False):
            statuses = {self._ended(made, thing).status for thing in self._agents}
            if not statuses <= {*TERMINAL, *(update.ends or (GONE,))}:
                return False
        return True

    def _has_missed(self) -> bool:
        """Whether an update has ended as it should not, of which no more waiting makes anything else."""
        return any(
            update.ends and self._ended(made, thing).status in TERMINAL - set(update.ends)
            for update, made in zip(self._scenario.updates, self._made, strict=False)
            for thing in self._agents
        )

    def _make(self, update: Update) -> None:
        self._made.append(
            self._cloud.create_update(
                self._images[len(self._made)],
                *self._agents,
                timeout_minutes=update.timeout_minutes,
                protocol=update.protocols,
                damage=update.damage,
                file_name="firmware.bin" if update.named else None,
            )
        )

    def _see(self) -> Seen:
        fared = [self._fared(thing, agent) for thing, agent in self._agents.items()]
        findings = [finding for thing in self._agents for finding in self._cloud.diagnosis(thing)]
        return Seen(fared, self._cloud.records(), [f"{finding.kind}: {finding.wrong}" for finding in findings])

    def _fared(self, thing: str, agent: Agent) -> Fared:
        ended = [self._ended(made, thing) for made in self._made]
        ended += [Ended("not made")] * (len(self._scenario.updates) - len(ended))
        return Fared(ended, agent.runs(self._images), agent.trouble)

    def _ended(self, made: Made, thing: str) -> Ended:
        try:
            execution = made.execution(thing)
        except ControlError:
            return Ended(GONE)
        return Ended(execution.status.value, execution.details.get("reason", ""))


def _image(update: Update, number: int) -> bytes:
    """Return an image of its size that tells its version, as far as there is room; no two are the same."""
    marks = (CRASH if update.crashes else b"") + (b"" if update.connects else OFFLINE)
    told = f"OTA-VERSION:{update.version}\n".encode() + marks + b"#%d " % number
    if update.size < len(told):
        return bytes((number,)) * update.size
    filling = bytes((place * 7 + place // 251 + number) % 256 for place in range(4096))
    return told + (filling * (update.size // len(filling) + 1))[: update.size - len(told)]
