"""Records of a worker as JSON lines: a log group in a data directory of its own, which `ota-stream logs` reads."""

import asyncio
from collections.abc import Sequence

from ota_broker.request_log import RequestLog
from ota_stream.stores.datadir import DataDir
from ota_stream.stores.shared.records import KeptRecord

TICK = 1.0  # seconds


class RecordFiles:
    """Appends to the log group `group` of `data_dir`, before the replies leave.

    A request that comes twice, because its worker was ended between writing and answering, may have two lines.
    """

    def __init__(self, data_dir: DataDir, log: RequestLog, group: str) -> None:
        self._data_dir = data_dir
        self._log = log
        self._group = group
        self._ticking = asyncio.create_task(self._tick())

    async def put(self, records: Sequence[KeptRecord]) -> None:
        """Write a batch."""
        for record in records:
            self._log.append(self._group, record.entry)
        self._log.flush()

    async def close(self) -> None:
        """Write and sync what is left."""
        self._ticking.cancel()
        await self._log.close()
        self._data_dir.close()

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK)
            self._log.tick()
