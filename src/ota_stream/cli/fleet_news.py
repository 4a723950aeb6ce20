"""Tells the console of a running simulator how a fleet stands, once a second: its page Fleet draws it."""

import asyncio
import secrets
from typing import Final

from ota_device.fleet.engine import Fleet
from ota_stream.cli.control_client import ControlClient, Json
from ota_stream.cli.fleet_view import Rates
from ota_stream.errors import OtaStreamError

TELL_EVERY: Final = 1.0  # seconds
REASONS_MAX: Final = 10
TITLE_MAX: Final = 200  # characters


class News:
    """Tells until nobody listens: a simulator may be gone, and the fleet goes on."""

    def __init__(self, fleet: Fleet, title: str, client: ControlClient) -> None:
        self._fleet = fleet
        self._title = title[:TITLE_MAX]
        self._rates = Rates(fleet)
        self._id = secrets.token_hex(8)
        self._client: ControlClient | None = client

    async def go_on(self) -> None:
        """Tell once a second."""
        while self._client is not None:
            await self._tell(self.moment())
            await asyncio.sleep(TELL_EVERY)

    async def end(self) -> None:
        """Tell a last time."""
        await self._tell({**self.moment(), "ended": True})

    async def _tell(self, moment: Json) -> None:
        if self._client is None:
            return
        try:
            await asyncio.to_thread(self._client.put, "fleets", self._id, body=moment)
        except OtaStreamError:
            self._client = None

    def moment(self) -> Json:
        """Return how the fleet stands, as the page has it."""
        fleet, tally = self._fleet, self._fleet.tally
        blocks, size = self._rates.look(TELL_EVERY / 2)
        return {
            "title": self._title,
            "things": fleet.plan.count,
            "at": round(fleet.elapsed, 3),
            "connected": tally.connected,
            "stages": {stage.value: many for stage, many in tally.stages.items()},
            "blocksPerSecond": round(blocks, 1),
            "bytesPerSecond": round(size, 1),
            "p50": tally.block_delay.percentile(0.5),
            "p99": tally.block_delay.percentile(0.99),
            "reasons": dict(tally.reasons.most_common(REASONS_MAX)),
        }
