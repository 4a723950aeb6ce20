"""Which blocks a bitmap asks for: least significant bit first, 1 = wanted, bit 0 = block `offset` (SBM-1, SBM-2)."""

from collections.abc import Iterable
from typing import Final

_BITS: Final = tuple(tuple(bit for bit in range(8) if byte >> bit & 1) for byte in range(256))


def wanted(bitmap: bytes, offset: int, limit: int) -> list[int]:
    """Return the first `limit` block ids the bitmap asks for, ascending.

    Bits after the limit do not matter, whatever they say (SBM-9).
    """
    ids: list[int] = []
    for position, byte in enumerate(bitmap):
        if byte:
            first = offset + 8 * position
            ids += [first + bit for bit in _BITS[byte]]
            if len(ids) >= limit:
                break
    return ids[:limit]


def of_blocks(block_ids: Iterable[int], offset: int = 0) -> bytes:
    """Return the shortest bitmap, at least one byte, that asks for these blocks; none may be below `offset`."""
    bits = 0
    for block_id in block_ids:
        bits |= 1 << (block_id - offset)
    return bits.to_bytes(max(1, (bits.bit_length() + 7) // 8), "little")
