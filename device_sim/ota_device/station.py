"""A device with real time and a real connection: one boot after the other, each from what is on the flash alone."""

import fcntl
import time
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Final

from msgspec import Struct

from ota_device.boot import Booted, boot
from ota_device.errors import DeviceError, FlashError, LinkError
from ota_device.flash import Flash
from ota_device.flavours import Flavour
from ota_device.link import Event, Link, Message
from ota_device.machine import Machine, Watcher
from ota_device.misfortune import Misfortune
from ota_device.orders import Outcome
from ota_device.storage import Storage
from ota_device.verify import Certificates
from ota_device.versions import Version
from ota_device.weak_storage import PowerCut
from ota_stream.names import is_thing_name

FIRST_VERSION: Final = Version(0, 9, 0)  # what AWS's own end-to-end tests start a board with
CERTIFICATES: Final = "certificates"  # the folder in a flash with the certificates a device holds
BOOTS_MAX: Final = 10  # an agent that knows versions by heart would go on for ever when somebody else raised one
ATTEMPTS: Final = 3600  # to come back to a broker that is being restarted
_IDLE: Final = 60.0  # seconds between two looks for a deadline when there is none
_PAUSE: Final = 1.0  # seconds between two attempts to connect after a reboot

Connect = Callable[[int], AbstractContextManager[Link]]
"""Gives a link that is not entered yet and tries so many times, a second each, to come back when it is lost."""


class Hardware(Struct, frozen=True):
    """What a device is made of. `version` is that of the image it left the factory with; some have misfortune."""

    storage: Storage
    certificates: Certificates
    flavour: Flavour
    version: Version = FIRST_VERSION
    misfortune: Misfortune | None = None


class _Course:
    """What outlives a boot: how the last job ended, and how many boots since then have brought none to its end."""

    def __init__(self) -> None:
        self.outcome: Outcome | None = None
        self.fruitless = 0
        self.patience = 0.0  # seconds, for the first connection of all: a wrong port is said at once


class Station:
    """Runs a device until it is told to stop, or its agent stops by itself.

    Raises:
        DeviceError: the flash or the connection cannot be used; one line.
    """

    def __init__(self, thing: str, hardware: Hardware, connect: Connect, watcher: Watcher) -> None:
        self._thing = checked(thing)
        self._hardware = hardware
        self._connect = connect
        self._watcher = watcher
        self._is_reboot = False  # of its own accord, and not the first boot or one after a crash

    def run(self, *, once: bool = False) -> Outcome | None:
        """Boot, and boot again whenever the device reboots. Return how the last job ended when the device is over.

        With `once` it is over after the first job that ended here; a reboot that belongs to it is still done.
        """
        course = _Course()
        while True:
            try:
                if self._one_boot(course, once=once):
                    return course.outcome
            except PowerCut:
                self._watcher.say("the power is cut, as was asked for")

    def _one_boot(self, course: "_Course", *, once: bool) -> bool:
        """Boot and run until the next reboot; tell whether the device is over. Raises PowerCut."""
        booted, machine = self._boot()
        if once and course.outcome is not None:
            return True
        course.fruitless += 1
        if course.fruitless > BOOTS_MAX:
            why = "`ota-stream logs --status failure` tells why"
            raise DeviceError(f"{BOOTS_MAX} boots, and no job has ended: {why}")
        if not booted.starts:
            self._watcher.say("the new image crashed")
            return False
        if not booted.connects:  # nobody waits here for the end of its self test
            self._watcher.say("no connection in the self test, rebooting: the new image is like that")
            return False
        limit = self._hardware.flavour.self_test_limit
        try:
            self._connected(machine, course.patience, int(limit) if booted.testing else ATTEMPTS, once=once)
        except LinkError as error:
            if not booted.testing:
                raise
            self._watcher.say(f"no connection in the self test, rebooting: {error}")
            return False
        finally:
            if machine.ended is not None:
                course.outcome, course.fruitless = machine.ended.outcome, 0
        course.patience = limit
        self._is_reboot = machine.reboots
        return not machine.reboots

    def _boot(self) -> tuple[Booted, Machine]:
        """Start from the flash: nothing else is left of the boot before."""
        hardware = self._hardware
        misfortune = hardware.misfortune
        flash = Flash(hardware.storage) if misfortune is None else misfortune.flash()
        if flash.record is None:
            flash.install(factory_image(hardware.version), hardware.version)
            self._watcher.say(f"new flash: the factory image is v{hardware.version}")
        booted = boot(flash)
        if misfortune is not None and self._is_reboot:
            self._is_reboot = False
            misfortune.reboot()
        self._watcher.say(f"boots v{booted.version} from {booted.slot}" + (", on trial" if booted.testing else ""))
        machine = Machine(self._thing, hardware.flavour, booted, flash, hardware.certificates, self._watcher)
        return booted, machine

    def _connected(self, machine: Machine, patience: float, attempts: int, *, once: bool) -> None:
        """Run one boot on a connection; wait for it `patience` seconds. Raises LinkError."""
        until = time.monotonic() + patience
        with ExitStack() as stack:
            while True:
                try:
                    link = stack.enter_context(self._connect(attempts))
                    break
                except LinkError:
                    if time.monotonic() >= until:
                        raise
                time.sleep(_PAUSE)
            try:
                self._run(machine, link, once=once)
            except PowerCut:
                link.drop()
                raise

    def _run(self, machine: Machine, link: Link, *, once: bool) -> None:
        machine.start(link, time.monotonic())
        while not (machine.over or (once and machine.ended is not None)):
            deadline = machine.deadline
            event = link.receive(_IDLE if deadline is None else deadline - time.monotonic())
            now = time.monotonic()
            if event is Event.RECONNECTED:
                self._watcher.say("the connection was lost and is back")
                machine.on_reconnected(link, now)
            elif isinstance(event, Message):
                machine.on_message(link, event.topic, event.payload, now)
            machine.on_time(link, now)
        if machine.stopped:
            self._watcher.say("the agent has stopped, as the reference agent does: start the device again")


def checked(thing: str) -> str:
    """Return a thing name that is one. Raises DeviceError."""
    if not is_thing_name(thing):
        raise DeviceError(f"thing name {thing!r}: use 1 to 128 of a-z A-Z 0-9 : _ -")
    return thing


def factory_image(version: Version) -> bytes:
    """Return the image a device leaves the factory with."""
    return f"the factory image of a simulated device OTA-VERSION:{version}\n".encode()


def held(folder: Path, anything: bytes | None = None, ask: Callable[[], bytes] | None = None) -> Certificates:
    """Return the certificates in the flash of a device, by file name; `anything` is held under every other name.

    Without `anything`, `ask` is called for what shall be, when a certificate is needed.
    """
    place = folder / CERTIFICATES
    try:
        named = {str(path.relative_to(place)): path.read_bytes() for path in place.rglob("*") if path.is_file()}
    except OSError as error:
        raise FlashError(f"the certificates in {place} cannot be read: {error.strerror}") from error
    return Certificates(named, anything, ask)


@contextmanager
def in_use(folder: Path) -> Generator[None]:
    """Keep a flash to one device. Raises FlashError when another process has it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield
    except BlockingIOError:
        raise FlashError(f"another device runs with the flash {folder}: choose another with --flash") from None
    except (FileExistsError, NotADirectoryError, PermissionError) as error:
        raise FlashError(f"the flash {folder} cannot be used: {error.strerror}") from None
