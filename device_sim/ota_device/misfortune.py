"""What is still to go wrong with one device, from boot to boot."""

from collections.abc import Iterable
from itertools import pairwise

from ota_device.errors import DeviceError
from ota_device.flash import Flash
from ota_device.mishaps import AnyMishap, BadFlash, PowerCut
from ota_device.reception import Piece
from ota_device.storage import Storage
from ota_device.weak_storage import WeakStorage


class Misfortune:
    """The mishaps of a device and its flash, which may be a weak one. Power cuts raise weak_storage.PowerCut.

    `kept` counts the bytes of blocks that were written to it, each time anew. Raises DeviceError when the mishaps
    do not go together.
    """

    def __init__(self, storage: Storage, mishaps: Iterable[AnyMishap]) -> None:
        given = tuple(mishaps)
        cuts = [each for each in given if isinstance(each, PowerCut)]
        writes = sorted(each.write for each in cuts if each.write is not None)
        seeds = {each.seed for each in cuts} or {0}
        bad = [each for each in given if isinstance(each, BadFlash)]
        if len(seeds) > 1:
            raise DeviceError("power-cut: one seed decides for all power cuts of a device (docs/faults.md)")
        if len(bad) > 1:
            raise DeviceError("bad-flash: a device has one flash, so give it once (docs/faults.md)")
        between = tuple(later - sooner for sooner, later in pairwise((0, *writes)))
        self.storage = WeakStorage(storage, between, seeds.pop(), bad[0] if bad else None)
        self._blocks = {each.block for each in cuts if each.block is not None}
        self._reboots = {each.reboot for each in cuts if each.reboot is not None}
        self._rebooted = 0
        self.kept = 0

    def flash(self) -> Flash:
        """Return the flash as a boot finds it."""
        return _Flash(self)

    def wrote(self, piece: Piece) -> None:
        """Take note of a block. Raises PowerCut when it is the one."""
        self.kept += len(piece.data)
        if piece.block_id in self._blocks:
            self._blocks.discard(piece.block_id)
            self.storage.cut()

    def reboot(self) -> None:
        """Count a reboot. Raises PowerCut when it is the one."""
        self._rebooted += 1
        if self._rebooted in self._reboots:
            self.storage.cut()


class _Flash(Flash):
    """A flash that tells of its blocks."""

    def __init__(self, misfortune: Misfortune) -> None:
        super().__init__(misfortune.storage)
        self._misfortune = misfortune

    def write(self, piece: Piece) -> None:
        """Keep a block of the download. Raises PowerCut."""
        super().write(piece)
        self._misfortune.wrote(piece)
