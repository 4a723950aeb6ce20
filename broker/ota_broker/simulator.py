"""One simulator: the data directory, the services, the front door and the gateway, put together and taken apart."""

import asyncio
import contextlib
import re
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Final

from ota_broker.cloud import Cloud
from ota_broker.config import ConfigError, Settings
from ota_broker.endpoints import EndpointsFile
from ota_broker.firmware_watch import FirmwareWatch
from ota_broker.front.listener import Listener
from ota_broker.front.notices import Notices
from ota_broker.front.profile import PROFILES
from ota_broker.keeper import Keeper
from ota_broker.request_log import RequestLog
from ota_broker.services import Place, Services, open_services
from ota_stream.answers import Effect
from ota_stream.api.app import create_app
from ota_stream.api.operated import Operated
from ota_stream.api.server import HttpError, HttpServer
from ota_stream.logs.entries import EntryWriter
from ota_stream.names import AGENT_STREAM_ID_MAX
from ota_stream.stores.datadir import DataDir
from ota_stream.stores.files import FirmwareFile
from ota_stream.stores.journal import Journal
from ota_stream.stores.sqlite import Database
from ota_stream.streams.catalog import Catalog
from ota_stream.streams.service import StreamService

HTTP_PORT: Final = 4566  # what people's scripts expect of a local cloud


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
        self.http_host, self.http_port = "", 0
        self._clock = SystemClock()
        self._notices = Notices(self._clock.monotonic)
        self._opened = AsyncExitStack()
        self._alarm: asyncio.TimerHandle | None = None
        self._records: RequestLog  # these five from `start` on
        self._keeper: Keeper
        self._watch: FirmwareWatch
        self._services: Services
        self._listener: Listener

    async def start(self) -> None:
        """Take the firmware in, open the log, the state and the ports.

        Raises:
            OtaStreamError: one line that says what is missing, taken or wrong.
        """
        async with AsyncExitStack() as opened:
            await self._open(opened)
            self._opened = opened.pop_all()

    async def stop(self) -> None:
        """Close the ports, then the log and the state: every answered request keeps its record."""
        if self._alarm is not None:
            self._alarm.cancel()
        await self._opened.aclose()

    @property
    def endpoints(self) -> dict[str, Any]:
        """Where it listens."""
        return {
            "mqtt": {"host": self.host, "port": self.port},
            "http": {"host": self.http_host, "port": self.http_port},
        }

    async def _open(self, opened: AsyncExitStack) -> None:
        self._serve_firmware()
        data_dir = opened.enter_context(DataDir(Path(self.settings.data_dir))).path
        database = opened.enter_context(contextlib.closing(Database(data_dir / "state.db")))
        self._records = self._open_log(data_dir)
        opened.push_async_callback(self._records.close)
        self._watch = FirmwareWatch(self.images)
        opened.push_async_callback(self._watch.close)
        self._keeper = Keeper(database, self._records, self._notices)
        http = self._open_http()
        opened.push_async_callback(http.stop)
        settings = self.settings
        place = Place(data_dir, http.base, settings.job_options(), settings.update_options(), self._clock)
        self._services = open_services(database, self.catalog, place)
        for line in self._services.updates.restore():
            self._notices.say("state", line)
        self._listener = self._front_door()
        opened.push_async_callback(self._listener.stop)
        await self._listener.start(self.settings.host, self.settings.mqtt_port)
        await http.serve(create_app(self._operated(), {self.settings.host}))
        self.host, self.port = self._listener.host, self._listener.port
        self.http_host, self.http_port = http.host, http.port
        opened.callback(EndpointsFile(data_dir, self.endpoints).close)

    def _hand_over(self, effect: Effect) -> None:
        """Keep the records of something no device asked for, and send what follows from it."""
        for record in (*effect.records, *self._services.updates.follow(effect.records)):
            self._records.keep(record)
        self._listener.exchange.send(effect.replies)
        self._arm()

    def _arm(self) -> None:
        """Come back at the moment the next step of an update is due; everything slower is the tick's."""
        deadline = self._services.updates.deadline()
        if deadline is not None and self._alarm is None:
            wait = max(0.0, deadline - self._clock.wall())
            self._alarm = asyncio.get_running_loop().call_later(wait, self._on_alarm)

    def _on_alarm(self) -> None:
        self._alarm = None
        self._hand_over(self._services.on_time(self._clock.wall()))
        self._keeper.settle()

    def _tick(self) -> None:
        self._hand_over(self._services.on_time(self._clock.wall()))
        self._keeper.tick()
        self._watch.tick()

    def _front_door(self) -> Listener:
        streams = StreamService(self.catalog, self.settings.stream_options())
        services = self._services
        return Listener(
            Cloud(streams, services.jobs, self._records, services.updates.follow),
            PROFILES[self.settings.profile],
            self._clock,
            self._notices,
            keep_records=self._keeper.settle,
            on_tick=self._tick,
        )

    def _operated(self) -> Operated:
        services = self._services
        return Operated(
            catalog=self.catalog,
            jobs=services.control,
            queries=services.queries,
            registry=services.registry,
            signing=services.signing,
            updates=services.updates,
            objects=services.objects,
            keys=services.keys,
            presigner=services.presigner,
            clock=self._clock,
            hand_over=self._hand_over,
            commit=self._keeper.commit,
            groups=services.groups,
            arn=services.arn,
        )

    def _serve_firmware(self) -> None:
        settings = self.settings
        self.images = tuple(FirmwareFile(Path(path)) for path in settings.firmware)
        if self.images:
            stream_id = settings.stream_id or default_stream_id(self.images[0].path)
            self.catalog.put(stream_id, dict(enumerate(self.images)))
        elif settings.stream_id:
            raise ConfigError(f"stream_id {settings.stream_id}: a stream needs a firmware file")

    def _open_log(self, data_dir: Path) -> RequestLog:
        settings = self.settings
        journal = Journal(data_dir, settings.log_group, settings.account_id, self._clock)
        entries = EntryWriter(settings.account_id, settings.level_of_failures())
        return RequestLog(journal, entries, settings.level(), self._notices)

    def _open_http(self) -> HttpServer:
        host, port = self.settings.host, self.settings.http_port
        if port is not None:
            return HttpServer(host, port)
        try:
            return HttpServer(host, HTTP_PORT)
        except HttpError:  # another simulator has it; where this one is, the ready line and the data directory tell
            return HttpServer(host, 0)


_NOT_IN_STREAM_ID: Final = re.compile(r"[^a-zA-Z0-9_-]+")


def default_stream_id(firmware: Path) -> str:
    """Return a stream id for a firmware file: its name, short enough for the C agents' buffers (ST-11)."""
    return _NOT_IN_STREAM_ID.sub("-", firmware.stem)[:AGENT_STREAM_ID_MAX].strip("-") or "firmware"
