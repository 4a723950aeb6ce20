"""A simulated device under test: its flash is in memory and stays from one run to the next."""

from collections.abc import Callable
from typing import Final

from msgspec.structs import replace

from ota_device.flash import Flash
from ota_device.flavours import FLAVOURS, FlavourName
from ota_device.link import Link, LinkOptions
from ota_device.orders import Outcome
from ota_device.station import Hardware, Station
from ota_device.verify import Certificates

__all__ = ["Device", "Outcome"]

_QUICK: Final = LinkOptions(pause=0.05)


class MemoryStorage:
    """Flash memory in a dict; no power is ever cut."""

    def __init__(self) -> None:
        self._files: dict[str, bytearray] = {}

    def read(self, name: str) -> bytes | None:
        """Return a whole file, or None when there is none."""
        file = self._files.get(name)
        return None if file is None else bytes(file)

    def write(self, name: str, offset: int, data: bytes) -> None:
        """Write in place; the file grows as needed."""
        file = self._files.setdefault(name, bytearray())
        file.extend(bytes(max(0, offset - len(file))))
        file[offset : offset + len(data)] = data

    def sync(self, name: str) -> None:
        """Nothing waits."""

    def replace(self, name: str, data: bytes) -> None:
        """Give a file this content."""
        self._files[name] = bytearray(data)


class Device:
    """An agent for a thing. `lines` is what it has told so far.

    `retry_after`: seconds until it asks again for blocks that do not come; None is as patient as its flavour.
    """

    def __init__(
        self,
        address: tuple[str, int],
        thing: str,
        signers: Callable[[], bytes],
        flavour: str = FlavourName.FREERTOS,
        retry_after: float | None = None,
    ) -> None:
        played = FLAVOURS[FlavourName(flavour)]
        if retry_after is not None:
            played = replace(played, retry_after=retry_after)
        self.thing = thing
        self.lines: list[str] = []
        self._address = address
        self._hardware = Hardware(MemoryStorage(), Certificates(ask=signers), played)

    def run(self) -> Outcome | None:
        """Do one job, with its reboots, and return how it ended; a job that waits, or the next one to come.

        Raises:
            DeviceError: it cannot connect, or boots again and again.
        """
        station = Station(self.thing, self._hardware, lambda _attempts: Link(*self._address, self.thing, _QUICK), self)
        return station.run(once=True)

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
