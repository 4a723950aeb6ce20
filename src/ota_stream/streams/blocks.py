"""Cutting a file into blocks, and choosing the ones a request brings (docs/wire.md)."""

from collections.abc import Sequence

from ota_stream.streams import bitmap, quotas
from ota_stream.streams.messages import GetStream


def total(file_size: int, block_size: int) -> int:
    """Return how many blocks a file has (SB-1)."""
    return -(-file_size // block_size)


def span(block_id: int, block_size: int, file_size: int) -> tuple[int, int]:
    """Return first byte and end of a block; the last block may be short (SB-1)."""
    start = block_id * block_size
    return start, min(start + block_size, file_size)


def chosen(request: GetStream, block_size: int) -> Sequence[int]:
    """Return the block ids a request brings, ascending, whether the file has them or not.

    At most 128 KiB, counted in full blocks: asking for more is no error, the device asks again (SB-3, SB-6).
    """
    most = quotas.REQUEST_DATA_MAX // block_size  # SG-6: also the default of n, rounded down
    limit = most if request.block_count is None else min(request.block_count, most)
    if request.bitmap is None:
        return range(request.block_offset, request.block_offset + limit)  # SB-2
    return bitmap.wanted(request.bitmap, request.block_offset, limit)
