"""One simulator: the data directory, the firmware, the cloud and the front door, put together and taken apart."""

import re
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

from ota_broker.cloud import Cloud
from ota_broker.config import ConfigError, Settings
from ota_broker.firmware_watch import FirmwareWatch
from ota_broker.front.listener import Listener
from ota_broker.front.notices import Notices
from ota_broker.front.profile import PROFILES
from ota_broker.request_log import RequestLog
from ota_stream.logs.entries import EntryWriter
from ota_stream.names import AGENT_STREAM_ID_MAX
from ota_stream.stores.datadir import DataDir
from ota_stream.stores.files import FirmwareFile
from ota_stream.stores.journal import Journal
from ota_stream.streams.catalog import Catalog
from ota_stream.streams.service import StreamService


class SystemClock:
    """The machine's time."""

    wall = staticmethod(time.time)
    monotonic = staticmethod(time.monotonic)


class Simulator:
    """Starts with everything in `settings`, or not at all."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.images: tuple[FirmwareFile, ...] = ()
        self.catalog = Catalog(settings.stream_options())
        self.host, self.port = "", 0
        self._opened = AsyncExitStack()

    async def start(self) -> None:
        """Take the firmware in, open the log and the port.

        Raises:
            OtaStreamError: one line that says what is missing, taken or wrong.
        """
        async with AsyncExitStack() as opened:
            await self._open(opened)
            self._opened = opened.pop_all()

    async def stop(self) -> None:
        """Close the port, then the log: every answered request keeps its record."""
        await self._opened.aclose()

    async def _open(self, opened: AsyncExitStack) -> None:
        settings, clock = self.settings, SystemClock()
        self.images = tuple(FirmwareFile(Path(path)) for path in settings.firmware)
        if self.images:
            stream_id = settings.stream_id or default_stream_id(self.images[0].path)
            self.catalog.put(stream_id, dict(enumerate(self.images)))
        elif settings.stream_id:
            raise ConfigError(f"stream_id {settings.stream_id}: a stream needs a firmware file")
        data_dir = opened.enter_context(DataDir(Path(settings.data_dir)))
        journal = Journal(data_dir.path, settings.log_group, settings.account_id, clock)
        entries = EntryWriter(settings.account_id, settings.level_of_failures())
        notices = Notices(clock.monotonic)
        records = RequestLog(journal, entries, settings.level(), notices)
        opened.push_async_callback(records.close)
        watch = FirmwareWatch(self.images)
        opened.push_async_callback(watch.close)

        def tick() -> None:
            records.tick()
            watch.tick()

        listener = Listener(
            Cloud(StreamService(self.catalog, settings.stream_options()), records),
            PROFILES[settings.profile],
            clock,
            notices,
            keep_records=records.flush,
            on_tick=tick,
        )
        opened.push_async_callback(listener.stop)
        await listener.start(settings.host, settings.mqtt_port)
        self.host, self.port = listener.host, listener.port


_NOT_IN_STREAM_ID: Final = re.compile(r"[^a-zA-Z0-9_-]+")


def default_stream_id(firmware: Path) -> str:
    """Return a stream id for a firmware file: its name, short enough for the C agents' buffers (ST-11)."""
    return _NOT_IN_STREAM_ID.sub("-", firmware.stem)[:AGENT_STREAM_ID_MAX].strip("-") or "firmware"
