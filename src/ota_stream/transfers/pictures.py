"""A block map as a picture of a few hundred cells at most, and a download as JSON."""

from itertools import groupby
from typing import Any, Final

from ota_stream.transfers.transfer import Transfer

CELLS_MAX: Final = 256  # of one map; a file of more blocks has several in a cell

MISSING, PART, SENT, REPEATED = "missing", "part", "sent", "repeated"
Run = tuple[str, int]
"""What a row of cells is, and how many they are."""


def cells(transfer: Transfer) -> list[Run]:
    """Return the map from block 0 on. A cell is `repeated` when one of its blocks is, `part` when some are missing."""
    per_cell = -(-transfer.total // CELLS_MAX)
    if per_cell == 1:
        states = _single(transfer)
    else:
        states = [_cell(transfer, first, per_cell) for first in range(0, transfer.total, per_cell)]
    return [(state, len(list(same))) for state, same in groupby(states)]


def blocks_per_cell(transfer: Transfer) -> int:
    """Return how many blocks a cell stands for."""
    return max(1, -(-transfer.total // CELLS_MAX))


def _single(transfer: Transfer) -> list[str]:
    sent, repeated = (f"{bits:0{transfer.total}b}"[::-1] for bits in (transfer.sent, transfer.repeated))
    return [_BY_BITS[pair] for pair in zip(sent, repeated, strict=True)]


_BY_BITS: Final = {("0", "0"): MISSING, ("1", "0"): SENT, ("1", "1"): REPEATED}


def _cell(transfer: Transfer, first: int, many: int) -> str:
    whole = transfer.whole >> first & (1 << many) - 1
    if transfer.repeated >> first & whole:
        return REPEATED
    sent = transfer.sent >> first & whole
    return MISSING if not sent else SENT if sent == whole else PART


def shown(transfer: Transfer, now: float) -> dict[str, Any]:
    """Return a download as JSON. Times are epoch seconds, rates bytes a second; `map` has runs of cells."""
    return {
        "thingName": transfer.thing,
        "streamId": transfer.stream.stream_id,
        "streamVersion": transfer.stream.version,
        "fileId": transfer.file_id,
        "blockSize": transfer.block_size,
        "blocks": transfer.total,
        "sent": transfer.done,
        "repeated": transfer.repeated.bit_count(),
        "complete": transfer.complete,
        "requests": transfer.requests,
        "bytesPerSecond": round(transfer.bytes_per_second(now)),
        "begunAt": transfer.begun_at,
        "lastRequestAt": transfer.last_at,
        "rejected": transfer.failure,
        "blocksPerCell": blocks_per_cell(transfer),
        "map": cells(transfer),
    }
