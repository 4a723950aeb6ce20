"""A simulated device under test: its flash is in memory and stays from one run to the next."""

from collections.abc import Iterable

from msgspec.structs import replace

from ota_device.flash import Flash
from ota_device.link import Link, LinkOptions
from ota_device.misfortune import Misfortune
from ota_device.mishaps import AnyMishap
from ota_device.orders import Outcome
from ota_device.station import Hardware, Station

__all__ = ["Device", "Outcome"]


class Device:
    """An agent for a thing. `lines` is what it has told so far."""

    def __init__(
        self,
        address: tuple[str, int],
        thing: str,
        hardware: Hardware,
        faults: Iterable[AnyMishap],
        options: LinkOptions,
    ) -> None:
        self.thing = thing
        self.lines: list[str] = []
        self._address = address
        self._options = options
        self._misfortune = Misfortune(hardware.storage, faults)
        self._hardware = replace(hardware, misfortune=self._misfortune)

    def run(self) -> Outcome | None:
        """Do one job, with its reboots, and return how it ended; a job that waits, or the next one to come.

        Raises:
            DeviceError: it cannot connect, or boots again and again.
        """
        station = Station(self.thing, self._hardware, self._link, self)
        return station.run(once=True)

    def _link(self, _attempts: int) -> Link:
        return Link(*self._address, self.thing, self._options)

    @property
    def writes(self) -> int:
        """How often it has written to its flash, syncs and replaced files included."""
        return self._misfortune.storage.writes

    @property
    def fetched(self) -> int:
        """How many bytes of images it has taken, those it had to fetch again included."""
        return self._misfortune.kept

    @property
    def runs(self) -> bytes:
        """The image it runs; empty before its first boot."""
        flash = Flash(self._hardware.storage)
        return b"" if flash.record is None else flash.image(flash.known.current)

    def say(self, text: str) -> None:
        """Take a line of the device."""
        self.lines.append(text)

    def progress(self, received: int, size: int) -> None:
        """Nobody looks at how far it is."""
