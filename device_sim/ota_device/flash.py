"""A flash with two slots for images and a boot record that says what they hold; whatever is cut short never counts.

The boot record is one small file, replaced atomically. An image becomes bootable by its entry there, which carries size
and SHA-256 of the bytes as they are in the slot, and not before they are durable. Which blocks of a download have
arrived is kept beside the slot, a byte for each: it is set after the block is durable, and a byte cannot tear.
"""

from enum import StrEnum
from types import MappingProxyType
from typing import Final

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from ota_device.errors import FlashError
from ota_device.image import Findings, Inspect, inspect
from ota_device.plan import all_of
from ota_device.reception import Piece
from ota_device.storage import Storage
from ota_device.versions import Version
from ota_stream.streams import blocks

RECORD: Final = "boot.json"
SLOTS: Final = ("slot-a", "slot-b")
OTHER: Final = MappingProxyType[str, str](dict(zip(SLOTS, reversed(SLOTS), strict=True)))
SYNC_EVERY: Final = 16  # blocks: what a power cut can cost
_HERE: Final = 1  # the byte of a block that has arrived
_MARK: Final = bytes((_HERE,))


class State(StrEnum):
    """What a slot holds."""

    EMPTY = "empty"
    RECEIVING = "receiving"  # a download on its way, or whole and not yet approved
    NEW = "new"  # verified; the next boot tries it
    TESTING = "testing"  # running its self test: this one attempt is all it gets
    ACCEPTED = "accepted"  # passed; whether the cloud knows is not certain
    REJECTED = "rejected"  # did not pass; whether the cloud knows is not certain
    VALID = "valid"  # a good image, and nothing left to say about it


class Event(StrEnum):
    """What happens to a slot."""

    OPEN = "open"  # a download begins
    DROP = "drop"  # it is given up
    COMPLETE = "complete"  # its image is verified
    BOOT = "boot"  # the device starts
    ACCEPT = "accept"
    REJECT = "reject"
    REPORTED = "reported"  # the cloud has heard


TRANSITIONS: Final = MappingProxyType(
    {
        (State.EMPTY, Event.OPEN): State.RECEIVING,
        (State.VALID, Event.OPEN): State.RECEIVING,  # the image before the running one goes
        (State.RECEIVING, Event.OPEN): State.RECEIVING,
        (State.RECEIVING, Event.DROP): State.EMPTY,
        (State.RECEIVING, Event.COMPLETE): State.NEW,
        (State.NEW, Event.BOOT): State.TESTING,
        (State.TESTING, Event.BOOT): State.REJECTED,  # power cut, crash or no confirmation: the attempt is spent
        (State.TESTING, Event.ACCEPT): State.ACCEPTED,
        (State.TESTING, Event.REJECT): State.REJECTED,
        (State.ACCEPTED, Event.REPORTED): State.VALID,
        (State.REJECTED, Event.REPORTED): State.EMPTY,
    }
)
"""Every step there is. A boot leaves the other states as they are."""

UNDER_UPDATE: Final = frozenset(State) - {State.EMPTY, State.VALID}
"""One slot at most is in one of these."""

BOOTABLE: Final = frozenset({State.TESTING, State.ACCEPTED, State.VALID})


class Target(Struct, frozen=True):
    """What a download is of: it goes on where it stopped only when all of this is the same. Sizes in bytes."""

    job_id: str
    stream_id: str
    file_id: int
    size: int
    block_size: int
    signature: str = ""


class Slot(Struct, frozen=True):
    """The entry of a slot. `size` and `sha256` are of its image; `reason` is why it was rejected."""

    state: State = State.EMPTY
    size: int = 0
    sha256: str = ""
    version: str = ""
    target: Target | None = None
    reason: int = 0


class Record(Struct, frozen=True):
    """The boot record: the slot that is booted when nothing is to be tried, and what every slot holds."""

    current: str
    slots: dict[str, Slot]

    @property
    def spare(self) -> str:
        """The slot a download may use."""
        return OTHER[self.current]

    @property
    def subject(self) -> str | None:
        """The slot that is under update, if one is."""
        return next((name for name, slot in self.slots.items() if slot.state in UNDER_UPDATE), None)


class Flash:
    """Two slots in a storage. Raises FlashError when the storage or the boot record cannot be used.

    `inspect` reads an image from end to end.
    """

    def __init__(self, storage: Storage, inspect: Inspect = inspect) -> None:
        self._storage = storage
        self._inspect = inspect
        self._unsynced: list[Piece] = []
        written = storage.read(RECORD)
        try:
            self.record = None if written is None else msgspec.json.decode(written, type=Record)
        except ValueError as error:
            raise FlashError(f"the boot record of this flash cannot be read ({error}): remove its directory") from None

    @property
    def known(self) -> Record:
        """The boot record of a flash that has one."""
        if self.record is None:
            raise FlashError("this flash has no image yet: install one first")
        return self.record

    @property
    def subject(self) -> Slot | None:
        """The entry of the slot under update, if one is."""
        name = self.known.subject
        return None if name is None else self.known.slots[name]

    def install(self, image: bytes, version: Version) -> None:
        """Put the image of the factory into an empty flash."""
        first, second = SLOTS
        self._storage.replace(first, image)
        slot = Slot(State.VALID, len(image), self._inspect(image).sha256, str(version))
        self._put(Record(first, {first: slot, second: Slot()}))

    def open(self, target: Target) -> int:
        """Prepare the spare slot for a download; return which blocks are missing: bit k for block k.

        A download of the same goes on. Any other begins, and what the slot held is gone.
        """
        record = self.known
        total = blocks.total(target.size, target.block_size)
        slot = record.slots[record.spare]
        if slot.state is State.RECEIVING and slot.target == target:
            self.sync()
            return self._missing(record.spare, total)
        self._unsynced = []
        # First the marks, then the record: a cut between the two must not take old marks for blocks of the new image.
        self._storage.replace(_marks(record.spare), bytes(total))
        self._change(record.spare, replace(slot, state=TRANSITIONS[slot.state, Event.OPEN], target=target))
        return all_of(total)

    def write(self, piece: Piece) -> None:
        """Keep a block of the download."""
        self._storage.write(self.known.spare, piece.start, piece.data)
        self._unsynced.append(piece)
        if len(self._unsynced) == SYNC_EVERY:
            self.sync()

    def sync(self) -> None:
        """Make durable what has arrived, then mark it."""
        spare = self.known.spare
        if self._unsynced:
            self._storage.sync(spare)
        marks = _marks(spare)
        for piece in self._unsynced:
            self._storage.write(marks, piece.block_id, _MARK)
        self._unsynced = []

    def downloaded(self) -> bytes:
        """Return the image of the download, as it is in the slot."""
        self.sync()
        slot = self.subject
        size = 0 if slot is None or slot.target is None else slot.target.size
        return self._read(self.known.spare)[:size]

    def complete(self, version: Version) -> None:
        """The download is verified: the next boot tries it. `version` is for an image that does not say its own."""
        image = self.downloaded()
        self._storage.sync(self.known.spare)  # whoever wrote it: what is read back need not be durable yet
        found = self._inspect(image)
        named = found.version or version
        self._step(Event.COMPLETE, size=len(image), sha256=found.sha256, version=str(named), reason=0)

    def mark(self, event: Event, reason: int = 0) -> None:
        """Let an event happen to the slot under update. An event that has no meaning there changes nothing."""
        slot = self.subject
        if slot is None or (slot.state, event) not in TRANSITIONS:
            return
        if event is Event.DROP:
            self._unsynced = []
        self._step(event, reason=reason or slot.reason)

    def use(self, name: str) -> None:
        """Boot this slot from now on."""
        self._put(replace(self.known, current=name))

    def is_whole(self, name: str) -> bool:
        """Whether a slot holds, byte for byte, the bootable image its entry promises."""
        slot = self.known.slots[name]
        image = self.image(name)
        return slot.state in BOOTABLE and len(image) == slot.size and self._inspect(image).sha256 == slot.sha256

    def inspect(self, name: str) -> Findings:
        """Return what the image of a slot says."""
        return self._inspect(self.image(name))

    def image(self, name: str) -> bytes:
        """Return the image of a slot."""
        return self._read(name)[: self.known.slots[name].size]

    def _step(self, event: Event, **changes: object) -> None:
        name = self.known.subject
        if name is None:
            raise FlashError(f"{event}: no slot is under update")
        slot = self.known.slots[name]
        state = TRANSITIONS[slot.state, event]
        self._change(name, replace(slot, state=state, **changes))

    def _change(self, name: str, slot: Slot) -> None:
        record = self.known
        current = name if slot.state is State.ACCEPTED else record.current
        self._put(Record(current, {**record.slots, name: slot}))

    def _put(self, record: Record) -> None:
        self._storage.replace(RECORD, msgspec.json.encode(record))
        self.record = record

    def _missing(self, name: str, total: int) -> int:
        marks = self._storage.read(_marks(name)) or b""
        bits = ("0" if mark == _HERE else "1" for mark in reversed(marks[:total].ljust(total, b"\0")))
        return int("".join(bits) or "0", 2)

    def _read(self, name: str) -> bytes:
        return self._storage.read(name) or b""


def _marks(slot: str) -> str:
    return f"{slot}.blocks"
