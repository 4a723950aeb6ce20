"""Plays a scenario: a cloud of its own, the faults, the updates one after the other, and an agent."""

import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from ota_device.boot import CRASH, OFFLINE
from ota_stream.errors import ControlError
from ota_stream.faults import kinds
from ota_stream.jobs.executions import TERMINAL
from ota_stream.scenarios import verdict
from ota_stream.scenarios.agents import Agent
from ota_stream.scenarios.scenario import Scenario, Update
from ota_stream.scenarios.verdict import GONE, Ended, Result, Seen
from ota_stream.testing import LocalCloud
from ota_stream.testing import Update as Made

LIMIT: Final = 60.0  # seconds
THING: Final = "device-under-test"
_LOOK: Final = 0.01  # seconds between two looks
_QUIET: Final = 0.15  # seconds that a state has to last, for an agent that goes on doing wrong


Certify = Callable[[Path, str, Path], None]
"""Writes the certificate and the key of a thing: takes the cloud's data directory, the thing, and where they go."""


def play(name: str, scenario: Scenario, agent: Agent, seconds: float = LIMIT, certify: Certify | None = None) -> Result:
    """Play it to its end, and return what came of it; what is not as it should be after so many seconds, is not.

    `certify` is for an agent that speaks TLS.

    Raises:
        OtaStreamError: it cannot begin.
    """
    began = time.monotonic()
    with TemporaryDirectory(prefix="ota-stream-") as place:
        folder = Path(place)
        cloud = LocalCloud(folder / "cloud", tls=certify is not None)
        thing = scenario.thing or THING
        try:
            with cloud:
                cloud.create_thing(thing)
                if certify is not None:
                    certify(cloud.folder, thing, folder)
                seen = _Play(scenario, cloud, thing, began + seconds).run(agent, folder)
        finally:
            agent.stop()
    found = tuple(verdict.checks(scenario, seen))
    return Result(name, scenario.title, found, round(time.monotonic() - began, 3), tuple(agent.lines))


class _Play:
    """One run of a scenario."""

    def __init__(self, scenario: Scenario, cloud: LocalCloud, thing: str, until: float) -> None:
        self._scenario = scenario
        self._cloud = cloud
        self._thing = thing
        self._until = until
        self._images = [_image(update, number) for number, update in enumerate(scenario.updates)]
        self._made: list[Made] = []

    def run(self, agent: Agent, folder: Path) -> Seen:
        """Make what is there before, start the agent, do the rest in its time, and look."""
        scenario = self._scenario
        for fault in scenario.faults:
            self._cloud.faults.add(kinds.read(fault))
        waiting = list(scenario.updates)
        while waiting and waiting[0].when == "before":
            self._make(waiting.pop(0))
        agent.start(self._cloud, self._thing, folder)
        self._go_on(agent, waiting)
        return self._see(agent)

    def _go_on(self, agent: Agent, waiting: list[Update]) -> None:
        if self._scenario.clock is not None:
            self._wait(agent, lambda: bool(self._cloud.records(action="GetStream")))
            self._cloud.clock.step(self._scenario.clock)
        while waiting:
            update = waiting.pop(0)
            moment = self._is_connected if update.when == "connected" else self._all_ended
            self._wait(agent, moment)
            self._make(update)
        self._wait(agent, lambda: self._is_done(agent))
        self._wait_while_right(agent)

    def _is_done(self, agent: Agent) -> bool:
        """Whether everything that ends has ended as it should, or in another way for good."""
        wanted = self._scenario.runs
        return self._all_ended() and agent.runs(self._images) in {None, wanted}

    def _wait_while_right(self, agent: Agent) -> None:
        """Give an agent that goes on doing wrong the time to show it."""
        until = min(time.monotonic() + _QUIET, self._until)
        while time.monotonic() < until and not agent.is_over:
            time.sleep(_LOOK)

    def _wait(self, agent: Agent, condition: Callable[[], bool]) -> None:
        while not condition() and time.monotonic() < self._until and not agent.is_over:
            time.sleep(_LOOK)

    def _is_connected(self) -> bool:
        return any(entry.get("eventType") for entry in self._cloud.records(self._thing))

    def _all_ended(self) -> bool:
        """Whether every update there is has ended as far as it should: some are never begun, or stay in progress."""
        for update, made in zip(self._scenario.updates, self._made, strict=False):
            status = self._ended(made).status
            if status not in TERMINAL and status not in (update.ends or (GONE,)):
                return False
        return True

    def _make(self, update: Update) -> None:
        self._made.append(
            self._cloud.create_update(
                self._images[len(self._made)],
                self._thing,
                timeout_minutes=update.timeout_minutes,
                protocol=update.protocols,
                damage=update.damage,
                file_name="firmware.bin" if update.named else None,
            )
        )

    def _see(self, agent: Agent) -> Seen:
        ended = [self._ended(made) for made in self._made]
        ended += [Ended("not made")] * (len(self._scenario.updates) - len(ended))
        findings = [f"{finding.kind}: {finding.wrong}" for finding in self._cloud.diagnosis(self._thing)]
        return Seen(ended, agent.runs(self._images), self._cloud.records(), findings, agent.trouble)

    def _ended(self, made: Made) -> Ended:
        try:
            execution = made.execution(self._thing)
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
