"""Carries running Insights queries on beside everything else on the event loop, and rests while none runs."""

import asyncio

from ota_stream.logs.queries import Queries


class QuerySteps:
    """Lives on one event loop; a step takes some 20 ms at most (`queries.SECONDS_MAX`), then others have their turn."""

    def __init__(self, queries: Queries) -> None:
        self._queries = queries
        self._going: asyncio.Task[None] | None = None

    def wake(self) -> None:
        """Begin when there is something to do: call it after a query was started."""
        if self._queries.running and (self._going is None or self._going.done()):
            self._going = asyncio.get_running_loop().create_task(self._go_on())

    def close(self) -> None:
        """Leave what runs as it is."""
        if self._going is not None:
            self._going.cancel()

    async def _go_on(self) -> None:
        while self._queries.running:
            self._queries.step()
            await asyncio.sleep(0)
