"""What ten thousand things have on their flash, kept once: equal blocks are one object."""

import hashlib
from collections.abc import Callable
from functools import lru_cache
from typing import Final

import msgspec
from msgspec.structs import replace

from ota_device.boot import Booted
from ota_device.flash import Record
from ota_device.image import Inspect, inspect
from ota_stream.streams.messages import DataBlock

SHELF_MAX: Final = 1 << 28  # bytes of different blocks; then it begins anew, and blocks are merely not shared
IMAGES_MAX: Final = 4  # different whole images that are kept in one piece
STATES_MAX: Final = 1000  # different boot records and states that are shared; most things have the same

_HEAD: Final = 64  # bytes of a block message that are likely to have its block id
_STEP: Final = 61  # a prime: what repeats every 64 bytes is not looked at in the same place again and again

Read = Callable[[bytes], DataBlock]
"""Reads a block message. Raises ValueError."""


class Shelf:
    """Gives for a block, or what else is on many a flash, the equal one that is already there.

    `inspect` reads an image, and equal ones once.
    """

    def __init__(self) -> None:
        self.inspect: Inspect = lru_cache(IMAGES_MAX)(inspect)
        self._blocks: dict[bytes, bytes] = {}
        self._bytes = 0
        self._images: dict[tuple[bytes, ...], bytes] = {}
        self._booted: dict[Booted, Booted] = {}
        self._records: dict[bytes, Record] = {}
        self._readings: dict[Read, Reading] = {}

    def keep(self, block: bytes) -> bytes:
        """Return the block, or its equal."""
        kept = self._blocks.get(block)
        if kept is not None:
            return kept
        if self._bytes > SHELF_MAX:
            self._blocks.clear()
            self._bytes = 0
        self._bytes += len(block)
        self._blocks[block] = block
        return block

    def reading(self, read: Read) -> "Reading":
        """Return what reads block messages as `read` does."""
        return self._readings.setdefault(read, Reading(read, self))

    def whole(self, blocks: tuple[bytes, ...]) -> bytes:
        """Return the image these kept blocks make: joined once, however many things read it from their flash."""
        image = self._images.get(blocks)
        if image is None:
            if len(self._images) == IMAGES_MAX:
                self._images.clear()
            image = self._images[blocks] = b"".join(blocks)
        return image

    def booted(self, state: Booted) -> Booted:
        """Return the state a device starts with, or its equal."""
        return state if len(self._booted) > STATES_MAX else self._booted.setdefault(state, state)

    def record(self, record: Record) -> Record:
        """Return the boot record, or its equal."""
        written = msgspec.json.encode(record)
        return record if len(self._records) > STATES_MAX else self._records.setdefault(written, record)


class Reading:
    """Reads block messages, and equal ones once: they are compared byte for byte.

    They are found by their beginning and every 61st byte. Another message that has the same takes the place of the
    one before.
    """

    __slots__ = ("_bytes", "_kept", "_read", "_shelf")

    def __init__(self, read: Read, shelf: Shelf) -> None:
        self._read = read
        self._shelf = shelf
        self._kept: dict[bytes, tuple[bytes, DataBlock]] = {}
        self._bytes = 0

    def __call__(self, message: bytes) -> DataBlock:
        """Read a message. Raises ValueError."""
        sample = message[:_HEAD] + message[::_STEP]
        kept = self._kept.get(sample)
        return kept[1] if kept is not None and kept[0] == message else self._first(sample, message)

    def _first(self, sample: bytes, message: bytes) -> DataBlock:
        block = self._read(message)
        if self._bytes > SHELF_MAX:
            self._kept.clear()
            self._bytes = 0
        self._bytes += len(message)
        block = replace(block, payload=self._shelf.keep(block.payload))
        self._kept[sample] = message, block
        return block


class BlockStore:
    """The image of one thing as a list of shared blocks of one size."""

    __slots__ = ("_blocks", "_shelf")

    def __init__(self, total: int, shelf: Shelf) -> None:
        self._blocks: list[bytes] = [b""] * total
        self._shelf = shelf

    def put(self, block_id: int, payload: bytes) -> None:
        """Keep a block."""
        self._blocks[block_id] = self._shelf.keep(payload)

    def sha256(self) -> str:
        """Return the hash of the whole, in hexadecimal."""
        digest = hashlib.sha256()
        for block in self._blocks:
            digest.update(block)
        return digest.hexdigest()
