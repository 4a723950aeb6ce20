"""Which blocks to ask for next: the two ways the AWS C libraries ask, as functions of what is missing.

The missing blocks are one integer: bit k is set while block k is missing. That is the wire's bitmap as it stands.
"""

from collections.abc import Callable
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from msgspec import Struct

from ota_stream.streams import bitmap

BITMAP_BLOCKS: Final = 12_288 * 8  # SG-7: the longest bitmap the service reads, in blocks
REQUEST_DATA_MAX: Final = 131_072  # SB-6: bytes one request brings, however many it asks for


class Mode(StrEnum):
    """How a device says which blocks it wants."""

    BITMAP = "bitmap"  # the FreeRTOS OTA agent: o = 0, every missing block of the file in b, at most n of them
    OFFSET = "offset"  # the file-streams library: n blocks from o on, without b


class Plan(Struct, frozen=True):
    """The blocks of one request: how the wire names them, and the ids that one answer can bring."""

    block_offset: int
    block_count: int
    bitmap: bytes | None
    awaited: frozenset[int]


def all_of(total: int) -> int:
    """Return the bits of a file of `total` blocks with every block missing."""
    return (1 << total) - 1


def per_answer(block_count: int, block_size: int) -> int:
    """Return how many of `block_count` blocks one answer brings: 128 KiB, and the device asks again (SB-6)."""
    return min(block_count, max(1, REQUEST_DATA_MAX // block_size))


def by_bitmap(missing: int, total: int, block_count: int, block_size: int) -> Plan:
    """Ask for every missing block at once, and let n cut. A bitmap too short for the file starts at its first gap."""
    offset = 0 if total <= BITMAP_BLOCKS else _first(missing)
    reach = min(total - offset, BITMAP_BLOCKS)
    bits = (missing >> offset) & all_of(reach)
    wire_bitmap = bits.to_bytes(-(-reach // 8), "little")  # as long as the file needs, like the agent's
    awaited = bitmap.wanted(wire_bitmap, offset, per_answer(block_count, block_size))
    return Plan(offset, block_count, wire_bitmap, frozenset(awaited))


def by_offset(missing: int, _total: int, block_count: int, block_size: int) -> Plan:
    """Ask from the first missing block up to the next one that is there: nothing is sent twice, nor past the end."""
    offset = _first(missing)
    bits = missing >> offset
    run = (bits ^ (bits + 1)).bit_length() - 1  # the set bits below the first clear one
    count = min(run, block_count)
    return Plan(offset, count, None, frozenset(range(offset, offset + per_answer(count, block_size))))


def _first(missing: int) -> int:
    return (missing & -missing).bit_length() - 1


PLANS: Final = MappingProxyType[Mode, Callable[[int, int, int, int], Plan]](
    {Mode.BITMAP: by_bitmap, Mode.OFFSET: by_offset}
)
"""For each mode: (missing bits, blocks of the file, n, block size in bytes) -> Plan. Something must be missing."""
