"""Deterministic firmware images, the in-memory Image, and the shelf of streams that the vectors ask for."""

import hashlib
import random
from collections.abc import Mapping
from functools import cache
from typing import Final

from ota_stream.streams.catalog import Catalog, ImageForbidden, ImageGone

KIB: Final = 1024
MIB: Final = 1024 * 1024


@cache
def image_bytes(size: int, seed: str = "firmware") -> bytes:
    """Return pseudo-random bytes: no two blocks alike, the same in every run."""
    return random.Random(f"{seed}/{size}").randbytes(size)  # noqa: S311 - not for secrets


class MemoryImage:
    """An image in memory whose storage can be made to fail.

    `etag_fault` is raised when the tag is asked for, `read_fault` when bytes are; `changed` gives another tag.
    """

    def __init__(self, content: bytes) -> None:
        self.content = content
        self._tag = hashlib.md5(content, usedforsecurity=False).hexdigest()
        self.reads: list[tuple[int, int]] = []
        self.etag_fault: Exception | None = None
        self.read_fault: Exception | None = None
        self.changed = False

    @property
    def size(self) -> int:
        return len(self.content)

    def etag(self) -> str:
        if self.etag_fault is not None:
            raise self.etag_fault
        return f"{self._tag}-2" if self.changed else self._tag

    def read(self, start: int, end: int) -> bytes:
        if self.read_fault is not None:
            raise self.read_fault
        self.reads.append((start, end))
        return self.content[start:end]


TINY: Final = bytes.fromhex("01020304")  # the payload of the first vector of section 1.6

SIZES: Final[Mapping[str, Mapping[int, int]]] = {
    # 0: 15 blocks of 4096 (device-agents 3.1); 1: three rounds of dla (3.3); 7: the live capture of SBM-6
    "firmware": {0: 60_000, 1: 300_000, 7: 127_762, 255: 300},
    "lengthy": {0: 1055 * 4096 + 100},  # SR-8: block 1054 is whole
    "round": {0: 256 * KIB, 1: 1024},  # whole blocks only
    "megabyte": {0: 1_000_000},  # CL-4
    "largest": {0: 24 * MIB},  # Q-5, SG-8: 98,304 blocks of 256
    "empty": {0: 0},
    "updated": {0: 5000},
    "described": {0: 5000, 1: 60_000, 2: 1},
    "multilingual": {0: 5000},
    "changed": {0: 5000},
    "forbidden": {0: 5000},
    "gone": {0: 5000},
    "a" * 44: {0: 5000},  # ST-11: the longest name that both AWS C libraries have room for
    "Z9_-" * 32: {0: 5000},  # ST-11: the longest name there is
}
DESCRIPTIONS: Final = {"described": "Door lock 1.2.3", "multilingual": 'Türschloß "1" \\ \u6f22\u5b57 \U0001f512'}


@cache
def content(stream_id: str, file_id: int) -> bytes:
    """Return the bytes of a file on the shelf."""
    if stream_id == "tiny":
        return TINY
    return image_bytes(SIZES[stream_id][file_id], f"{stream_id}/{file_id}")


def stock(catalog: Catalog) -> Catalog:
    """Put every stream the vectors ask for into a catalog, faults in place."""
    catalog.put("tiny", {0: MemoryImage(TINY)})
    for stream_id, files in SIZES.items():
        images = {file_id: MemoryImage(content(stream_id, file_id)) for file_id in files}
        catalog.put(stream_id, images, DESCRIPTIONS.get(stream_id))
        if stream_id == "updated":
            catalog.update(stream_id, images)  # version 2
        elif stream_id == "changed":
            images[0].changed = True
        elif stream_id == "forbidden":
            images[0].etag_fault = ImageForbidden("the service may not read this object")
        elif stream_id == "gone":
            images[0].etag_fault = ImageGone("the object is no longer there")
    return catalog
