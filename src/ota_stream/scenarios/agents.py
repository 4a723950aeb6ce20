"""Who is put to a scenario: a simulated device, or an agent of somebody's own, started as a process."""

import shlex
import subprocess
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any, Final, Protocol

from ota_device import mishaps
from ota_device.errors import DeviceError
from ota_device.flavours import Flavour
from ota_device.link import Credentials
from ota_device.mishaps import WrongClock
from ota_stream.scenarios.scenario import Scenario, ScenarioError
from ota_stream.testing import Device, LocalCloud

RETRY: Final = 0.1  # seconds until a simulated device asks again: nobody waits ten seconds for a lost block
PATIENCE: Final = 1.0  # seconds a simulated device waits for a CONNACK, SUBACK or PUBACK
PLACEHOLDERS: Final = ("host", "port", "thing", "flash", "signer", "ca", "cert", "key")
SAYS: Final = 200  # lines of an agent that are kept
_PAUSE: Final = 0.05  # seconds until a device that could not connect tries again
_LAST: Final = 5.0  # seconds for an agent to end


class Agent(Protocol):
    """Something under test."""

    def start(self, cloud: LocalCloud, thing: str, folder: Path) -> None:
        """Let it run."""
        ...

    def runs(self, images: list[bytes]) -> int | None:
        """Return the number of the image that runs, from 1; 0 for the old one, -1 for another, None when unknown."""
        ...

    @property
    def needs_tls(self) -> bool:
        """Whether it connects by TLS, and so needs a certificate before it starts."""
        ...

    @property
    def is_over(self) -> bool:
        """Whether it has ended by itself."""
        ...

    @property
    def trouble(self) -> str:
        """Why it ended before its time; nothing when it did not."""
        ...

    @property
    def lines(self) -> list[str]:
        """What it has said."""
        ...

    def stop(self) -> None:
        """End it, if it was started; the cloud is gone by now."""
        ...


class SimulatedAgent:
    """A device of ours in a thread, flash in memory."""

    def __init__(self, scenario: Scenario, flavour: str | Flavour) -> None:
        self.trouble = ""
        self._scenario = scenario
        self._flavour = flavour
        self._is_wanted = True
        self._device: Device
        self._thread: threading.Thread | None = None

    @property
    def needs_tls(self) -> bool:
        """Whether its clock is wrong, which plain MQTT does not ask for."""
        return any(isinstance(mishaps.read(text), WrongClock) for text in self._scenario.device.faults)

    def start(self, cloud: LocalCloud, thing: str, folder: Path) -> None:
        """Let it run."""
        simulated = self._scenario.device
        changes: dict[str, Any] = dict(simulated.changes)
        if self._scenario.faults or simulated.faults:  # else nothing is lost, only slow
            changes["retry_after"] = RETRY
        if self._scenario.speaks is not None:
            changes["speaks"] = self._scenario.speaks
        if simulated.keep_alive is not None:
            changes["keep_alive"] = simulated.keep_alive
        if self.needs_tls:
            changes["credentials"] = _credentials(thing, folder)
        self._device = cloud.device(
            thing, self._flavour, simulated.faults, version=simulated.version, patience=PATIENCE, **changes
        )
        self._thread = threading.Thread(target=self._run, name="device", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while self._is_wanted:
            try:
                self._device.run()
                self.trouble = ""
            except DeviceError as error:
                self.trouble = str(error)
            time.sleep(_PAUSE)

    def runs(self, images: list[bytes]) -> int | None:
        """Return the number of the image that runs."""
        running = self._device.runs
        return next((number for number, image in enumerate(images, start=1) if image == running), 0)

    @property
    def is_over(self) -> bool:
        """It never is."""
        return False

    @property
    def lines(self) -> list[str]:
        """What it has said."""
        return self._device.lines[-SAYS:]

    def stop(self) -> None:
        """Let it end: without a cloud it gives up."""
        self._is_wanted = False
        if self._thread is not None:
            self._thread.join(_LAST)


def _credentials(thing: str, folder: Path) -> Credentials:
    """Return the files in which a thing finds its certificate."""
    return Credentials(folder / f"{thing}.cert.pem", folder / f"{thing}.private.key", folder / "ca.pem")


class Program:
    """An agent of somebody's own: a command line in which `{host}`, `{port}`, `{thing}`, .. stand for what it needs.

    `speaks` are the data protocols it has.
    """

    def __init__(self, command: str, speaks: Sequence[str] = ("MQTT",)) -> None:
        try:
            shlex.split(command)
            command.format(**dict.fromkeys(PLACEHOLDERS, ""))
        except (ValueError, KeyError, IndexError) as error:
            there = ", ".join(f"{{{name}}}" for name in PLACEHOLDERS)
            raise ScenarioError(f"agent {command!r}: {error}; what stands for something is {there}") from None
        self._command = command
        self._speaks = frozenset(speaks)
        self._flash = Path()
        self._lines: list[str] = []
        self._process: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None

    def again(self) -> "Program":
        """Return the same, not started."""
        return Program(self._command, tuple(self._speaks))

    def unfit(self, scenario: Scenario) -> str:
        """Return why it cannot be put to a scenario; nothing when it can."""
        if own := scenario.device.own:
            return f"its {own} is a simulated device's own"
        if scenario.speaks is not None and self._speaks != frozenset(scenario.speaks):
            return f"it is for an agent that downloads by {' and '.join(scenario.speaks)}"
        return ""

    @property
    def needs_tls(self) -> bool:
        """Whether it is given a certificate, so that it connects by TLS."""
        return any(f"{{{name}}}" in self._command for name in ("ca", "cert", "key"))

    def start(self, cloud: LocalCloud, thing: str, folder: Path) -> None:
        """Start it. Raises ScenarioError: there is no such program."""
        self._flash, self._lines = folder / f"{thing}.flash", []
        host, port = cloud.mqtts if self.needs_tls else cloud.mqtt
        values = {"host": host, "port": port, "thing": thing, "flash": self._flash, "signer": folder / "signer.pem"}
        files = _credentials(thing, folder)
        values |= {"ca": files.ca, "cert": files.certificate, "key": files.key}
        (folder / "signer.pem").write_bytes(cloud.signers())
        words = [word.format_map(values) for word in shlex.split(self._command)]
        try:
            process = self._process = subprocess.Popen(  # noqa: S603 - the user's own agent
                words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
            )
        except OSError as error:
            raise ScenarioError(f"agent {words[0]!r} cannot be started: {error.strerror}") from None
        assert process.stdout is not None  # noqa: S101 - a pipe, as asked for
        self._reader = threading.Thread(target=self._listen, args=(process.stdout,), daemon=True)
        self._reader.start()

    def _listen(self, said: IO[str]) -> None:
        for line in said:
            self._lines = [*self._lines, line.rstrip("\n")][-SAYS:]

    def runs(self, images: list[bytes]) -> int | None:
        """Return the number of the image in its flash file, None when the command line has no `{flash}`."""
        if "{flash}" not in self._command:
            return None
        try:
            found = self._flash.read_bytes()
        except OSError:
            return 0
        return next((number for number, image in enumerate(images, start=1) if found.startswith(image)), -1)

    @property
    def is_over(self) -> bool:
        """Whether it has ended by itself."""
        return self._process is not None and self._process.poll() is not None

    @property
    def trouble(self) -> str:
        """Its exit code, when it ended by itself and that is not 0."""
        code = None if self._process is None else self._process.poll()
        return "" if code in {None, 0} else f"exit code {code}"

    @property
    def lines(self) -> list[str]:
        """What it has said."""
        return list(self._lines)

    def stop(self) -> None:
        """End it, at last by force."""
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(_LAST)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if self._reader is not None:
            self._reader.join(_LAST)
        if process.stdout is not None:
            process.stdout.close()
