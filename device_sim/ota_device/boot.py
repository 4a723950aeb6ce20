"""What happens when a device starts: which image runs, decided by the boot record alone. It is always a whole one."""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from ota_device import versions
from ota_device.errors import FlashError
from ota_device.flash import OTHER, Event, Flash, Slot, State
from ota_device.reasons import Code
from ota_device.versions import Version

_UNNAMED: Final = Version(0, 0, 0)


class Booted(Struct, frozen=True):
    """The state a device starts with. `old` is the version of the image that has run before."""

    slot: str
    version: Version
    old: Version
    testing: bool
    starts: bool = True  # False: the image crashes at once
    connects: bool = True  # False: it runs its self test without a connection
    subject: Slot | None = None


def boot(flash: Flash) -> Booted:
    """Choose the image, and write down that it is being tried before it runs.

    Raises:
        FlashError: no slot holds a whole image.
    """
    flash.mark(Event.BOOT)  # new -> testing, testing -> rejected
    record = flash.known
    tried = record.subject if flash.subject is not None and flash.subject.state is State.TESTING else None
    if tried is not None and not flash.is_whole(tried):
        flash.mark(Event.REJECT, Code.IMAGE_STATE)
        tried = None
    slot = tried or _kept(flash, (record.current, record.spare))
    version = _version(flash, slot) or _UNNAMED
    other = OTHER[slot]
    found = None if tried is None else flash.inspect(tried)
    return Booted(
        slot=slot,
        version=version,
        old=_version(flash, other) or version,
        testing=tried is not None,
        starts=found is None or found.starts,
        connects=found is None or found.connects,
        subject=flash.subject,
    )


def _kept(flash: Flash, names: Sequence[str]) -> str:
    """Return the first slot that holds a whole image; it is the one to boot from now on."""
    for name in names:
        if flash.is_whole(name):
            if name != flash.known.current:
                flash.use(name)
            return name
    raise FlashError("no slot of this flash holds a whole image: remove its directory to start from the factory's")


def _version(flash: Flash, name: str) -> Version | None:
    return versions.parse(flash.known.slots[name].version)
