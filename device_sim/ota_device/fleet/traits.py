"""What the things of one class have in common, and the dice each of them throws."""

from enum import StrEnum
from typing import Final

from msgspec import Struct

from ota_device.download import DownloadOptions
from ota_device.flavours import FREERTOS, Flavour
from ota_device.station import FIRST_VERSION
from ota_device.versions import Version

_WORD: Final = (1 << 64) - 1


class Fault(StrEnum):
    """What can be wrong with a thing on purpose: it is expected to fail."""

    CRASH = "crash"  # the new image crashes in its self test
    FLASH = "flash"  # the flash changes a bit of the image
    NO_CERTIFICATE = "no-certificate"  # the signer's certificate is not on the device
    OTHER_CERTIFICATE = "other-certificate"  # another signer's is


class Duty(Struct, frozen=True):
    """On and off by turns, seconds each; things begin at different points of the cycle."""

    on: float
    off: float


class Traits(Struct, frozen=True, kw_only=True):
    """One class of things.

    `latency` and `jitter` seconds one way, `bandwidth` bytes/s towards the thing or None, `loss` the share of block
    requests and blocks that vanish, `power_cuts` a second, `failures` the share of things with each fault, `ramp`
    things a second, `spread` seconds by which each start is late at most, `reboot` seconds.
    """

    name: str = "things"
    count: int = 1
    thing: str = "thing-{number}"
    flavour: Flavour = FREERTOS
    download: DownloadOptions = DownloadOptions()
    version: Version = FIRST_VERSION
    bandwidth: float | None = None
    latency: float = 0.0
    jitter: float = 0.0
    loss: float = 0.0
    duty: Duty | None = None
    power_cuts: float = 0.0
    failures: dict[Fault, float] = {}
    ramp: float = 500.0
    spread: float = 0.0
    reboot: float = 0.5

    @property
    def is_impaired(self) -> bool:
        """Whether anything happens to messages on their way."""
        return self.bandwidth is not None or bool(self.latency or self.jitter or self.loss)


class Dice:
    """Chance from a seed: the same in every run. One integer a thing, where `random.Random` takes 2.5 KiB.

    The step is that of SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014).
    """

    __slots__ = ("_state",)

    def __init__(self, seed: int, number: int) -> None:
        self._state = (seed * 0x9E3779B97F4A7C15 ^ number * 0xD1342543DE82EF95) & _WORD
        self.throw()

    def throw(self) -> float:
        """Return a number from 0 up to 1."""
        self._state = (self._state + 0x9E3779B97F4A7C15) & _WORD
        word = self._state
        word = (word ^ word >> 30) * 0xBF58476D1CE4E5B9 & _WORD
        word = (word ^ word >> 27) * 0x94D049BB133111EB & _WORD
        return ((word ^ word >> 31) >> 11) / (1 << 53)

    def fault(self, shares: dict[Fault, float]) -> Fault | None:
        """Draw a fault by the shares of things that have it."""
        thrown = self.throw()
        for fault, share in shares.items():
            if thrown < share:
                return fault
            thrown -= share
        return None
