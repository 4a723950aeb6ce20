"""Which blocks a bitmap asks for: least significant bit first, 1 = wanted, bit 0 = block `offset` (SBM-1, SBM-2)."""

from collections.abc import Iterable


def wanted(bitmap: bytes, offset: int, limit: int) -> list[int]:
    """Return the first `limit` block ids the bitmap asks for, ascending.

    Bits after the limit do not matter, whatever they say (SBM-9).
    """
    bits = int.from_bytes(bitmap, "little")
    ids: list[int] = []
    while bits and len(ids) < limit:
        lowest = bits & -bits
        ids.append(offset + lowest.bit_length() - 1)
        bits ^= lowest
    return ids


def of_blocks(block_ids: Iterable[int], offset: int = 0) -> bytes:
    """Return the shortest bitmap, at least one byte, that asks for these blocks; none may be below `offset`."""
    bits = 0
    for block_id in block_ids:
        bits |= 1 << (block_id - offset)
    return bits.to_bytes(max(1, (bits.bit_length() + 7) // 8), "little")
