"""One simulator: the data directory, the services, the front door and the gateway, put together and taken apart."""

import asyncio
import contextlib
import re
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Any, Final

from starlette.types import ASGIApp

from ota_broker import faults, logging_account
from ota_broker.access import Anonymous, PolicyAdmission
from ota_broker.attendance import Attendance
from ota_broker.cloud import Cloud
from ota_broker.config import ConfigError, Settings
from ota_broker.dice import Dice, Ids, dice_of
from ota_broker.endpoints import EndpointsFile
from ota_broker.firmware_watch import FirmwareWatch
from ota_broker.front.codec.packets import Message
from ota_broker.front.delivery.kept import KeptMessage, KeptSession, Rows
from ota_broker.front.exchange import Answering
from ota_broker.front.listener import Listener
from ota_broker.front.notices import Notices, call_later
from ota_broker.front.profile import PROFILES
from ota_broker.http_door import HttpDoor
from ota_broker.interference import Interference
from ota_broker.keeper import Keeper
from ota_broker.log_writer import LogWriterProcess
from ota_broker.metrics import CountedLog, MetricsPage, SimulatorCollector
from ota_broker.moved_time import MovableClock, MovedTime, Timers
from ota_broker.observer import Observer
from ota_broker.recorder import Recorder
from ota_broker.refusals import RecordedRefusals
from ota_broker.request_log import RequestLog
from ota_broker.services import Outlets, Place, Services, open_services
from ota_broker.system_clock import SystemClock
from ota_broker.taped import Tape
from ota_broker.taped_calls import TapedCalls
from ota_broker.tls import Tls
from ota_broker.tls_door import TlsDoor
from ota_broker.watched import Watched
from ota_broker.web_sockets import MqttOverWebSocket, read_token
from ota_stream.answers import Effect
from ota_stream.api import diagnosed, moving_time
from ota_stream.api import faults as faults_api
from ota_stream.api.bad_line import Line
from ota_stream.api.operated import Operated
from ota_stream.console import login
from ota_stream.console.fleets import Fleets
from ota_stream.console.outlook import Outlook
from ota_stream.console.site import Console
from ota_stream.diagnosis.conversation import Client
from ota_stream.diagnosis.kinds import Finding
from ota_stream.diagnosis.service import Diagnosis
from ota_stream.logs import groups
from ota_stream.logs.entries import EntryWriter
from ota_stream.names import AGENT_STREAM_ID_MAX
from ota_stream.records import Record
from ota_stream.stores.datadir import DataDir
from ota_stream.stores.files import FirmwareFile
from ota_stream.stores.journal import Journal
from ota_stream.stores.log_events import StoredEvents
from ota_stream.stores.sqlite import Database
from ota_stream.streams.catalog import Catalog
from ota_stream.streams.service import StreamService

_HTTP_ENDPOINTS: Final = frozenset({"iot:Jobs", "iot:CredentialProvider"})


class Simulator:
    """Starts with everything in `settings`, or not at all."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.images: tuple[FirmwareFile, ...] = ()
        self.catalog = Catalog(settings.stream_options())
        self.host, self.port = "", 0
        self.http_host, self.http_port = "", 0
        self._movable = None if settings.clock == "system" else MovableClock(SystemClock(), settings.stands_at())
        self._clock = self._movable or SystemClock()
        self._timers = None if self._movable is None else Timers(self._movable)
        self.time = None if self._movable is None else MovedTime(self._movable, self._wait, self._pass)
        self.console_token = None if settings.is_loopback() else login.new_token()
        self._interference = Interference(settings.seed or 0, self._clock, self._renew_cloud, self._keep)
        self.faults = self._interference.desk
        self._watched = Watched(self.catalog, self._clock.monotonic, self._renew_cloud)
        self._tape = Tape(self._clock.monotonic, self._renew_cloud)
        self._notices = Notices(SystemClock().monotonic, call_later)  # whoever reads them lives in the machine's time
        self._opened = AsyncExitStack()
        self._alarm: asyncio.TimerHandle | None = None
        self._tls_door: TlsDoor | None = None
        self._https = "", 0
        self._diagnosis: Diagnosis | None = None
        self._observer: Observer | None = None
        if settings.diagnose:
            self._diagnosis = Diagnosis(self.catalog, self._client_of, settings.diagnose)
            self._observer = Observer(self._diagnosis)
        self._reexamine = False  # at the next tick, however many calls have changed something until then
        self._dice: Dice  # these eleven from `start` on
        self._recorder: Recorder
        self._writer: LogWriterProcess
        self._counted: CountedLog
        self._keeper: Keeper
        self._watch: FirmwareWatch
        self._services: Services
        self._listener: Listener
        self._http: HttpDoor
        self._plain: Cloud
        self._console: Console

    async def start(self) -> None:
        """Take the firmware in, open the log, the state and the ports.

        Raises:
            OtaStreamError: one line that says what is missing, taken or wrong.
        """
        if self.settings.insecure:
            who = f"whoever reaches {self.settings.host} may do everything, by MQTT and by HTTP"
            self._notices.say("insecure", f"{who}: leave --insecure out and use --tls to change that")
        async with AsyncExitStack() as opened:
            await self._open(opened)
            self._opened = opened.pop_all()

    async def stop(self) -> None:
        """Close the ports, then the log and the state: every answered request keeps its record."""
        if self._alarm is not None:
            self._alarm.cancel()
        await self._opened.aclose()
        self._notices.tell_all()

    @property
    def endpoints(self) -> dict[str, Any]:
        """Where it listens."""
        found = {
            "mqtt": {"host": self.host, "port": self.port},
            "http": {"host": self.http_host, "port": self.http_port},
        }
        if self._tls_door is not None:
            found["mqtts"] = {"host": self._tls_door.host, "port": self._tls_door.port}
            found["https"] = {"host": self._https[0], "port": self._https[1]}
        return found

    @property
    def cloud(self) -> Operated:
        """The services, from `start` on; for the event loop alone."""
        return self._services.cloud

    def findings(self, thing: str | None = None) -> list[Finding]:
        """Return what is wrong with the way devices talk, as of now; nothing when nobody listens."""
        if self._diagnosis is None or self._observer is None:
            return []
        self._observer.look(self._clock.wall())
        return self._diagnosis.findings(thing)

    async def _open(self, opened: AsyncExitStack) -> None:
        self._serve_firmware()
        data_dir = opened.enter_context(DataDir(Path(self.settings.data_dir))).path
        durable, log_group = self.settings.durable, groups.resolve(self.settings.log_group)
        database = opened.enter_context(contextlib.closing(Database(data_dir / "state.db", durable=durable)))
        dice = self._dice = dice_of(self.settings.seed, database)
        events = opened.enter_context(contextlib.closing(StoredEvents(data_dir)))
        self._writer = LogWriterProcess(data_dir, self._notices, after=self.settings.log_writer_after)
        opened.push_async_callback(self._writer.stop)
        log = RequestLog(partial(self._journal, data_dir), log_group, self._notices, durable=durable)
        opened.push_async_callback(log.close)
        self._writer.start()
        self._watch = FirmwareWatch(self.images)
        opened.push_async_callback(self._watch.close)
        self._keeper = Keeper(database, log, self._notices)
        settings = self.settings
        self._http = HttpDoor(settings.plain_host(), settings.http_port, self._notices, self._clock.monotonic)
        opened.push_async_callback(self._http.close)
        options = settings.job_options(), settings.update_options()
        where, aws, clock = (data_dir, self._http.base), (settings.aws_backend, settings.log_group), self._clock
        place = Place(*where, *options, clock, *aws, dice=dice, machine=SystemClock())
        outlets = Outlets(self._hand_over, self._keeper.commit, self._address, self._end_connection)
        services = self._services = open_services(database, events, self.catalog, place, outlets)
        for line in services.restore():
            self._notices.say("state", line)
        if settings.logging:
            logging_account.begin(services.cloud.logs.settings, settings.account_id, settings.level())
        self._recorder = Recorder(
            log,
            EntryWriter(settings.account_id, settings.level_of_failures()),
            services.cloud.logs.settings,
            self._peer_of,
            self._notices,
        )
        self._counted = CountedLog(self._recorder)
        self._listener = self._front_door(_rows(database))
        opened.push_async_callback(self._listener.stop)
        self._interference.stand_between(self._plain, services.cloud, self._listener, self._notices)
        if self._timers is not None:
            opened.callback(self._timers.close)
        for fault in () if settings.faults is None else faults.read_file(settings.faults):
            self.faults.add(fault, self._clock.monotonic())
        self._console = self._open_console()
        opened.callback(self._console.close)
        await self._listener.start(settings.plain_host(), settings.mqtt_port)
        self.host, self.port = self._listener.host, self._listener.port
        self.http_host, self.http_port = self._http.host, self._http.port
        if settings.tls:
            tls = Tls(services.cloud.keys, settings.hostnames, needs_name=settings.require_sni)
            self._tls_door = TlsDoor(settings.host, settings.tls_port, tls, services.principals)
            opened.push_async_callback(self._tls_door.close)
        names, web = {settings.host, *settings.hostnames}, partial(self._web_sockets, data_dir, log)
        more = [
            diagnosed.route(self._diagnosis),
            *moving_time.routes(self.time),
            *faults_api.routes(self.faults, self._clock),
            *self._console.routes(),
        ]
        told, meter, way = self._rights_changed, self._listener.meter, self._line()
        await self._http.serve(services, names, told, meter, web, more=more, line=way)
        if self._tls_door is not None:
            self._tls_door.serve(self._listener, self._http.load)
            self._https = await self._http.serve_tls(settings.https_port, self._tls_door.tls.web)
        opened.callback(EndpointsFile(data_dir, self.endpoints).close)

    def _line(self) -> Line:
        return Line(self._interference.serve, call_later if self._timers is None else self._timers.call_later)

    def _open_console(self) -> Console:
        """Return the pages, over all that a person may look at."""
        clients, services, base = Attendance(self._listener), self._services.cloud, self._http.base
        known = self.faults, Fleets(), self._diagnosis, self.time
        outlook = Outlook(services, clients, self._watched.look, *known, base, self._tape.look)
        return Console(outlook, self.console_token)

    def _end_connection(self, client_id: str, clean: bool, silent: bool) -> bool:  # noqa: FBT001 - AwsOperated
        return self._listener.exchange.connections.end(client_id, clean_session=clean, prevent_will=silent)

    def _address(self, kind: str) -> str:
        """Return where devices find an endpoint, for DescribeEndpoint."""
        if kind in _HTTP_ENDPOINTS:
            return self._http.base.partition("://")[2]
        door = self._tls_door or self
        return f"{door.host}:{door.port}"

    def _rights_changed(self) -> None:
        """Let what a call has changed hold for who comes now, and soon for who is here."""
        self._services.rights_changed()
        if self._tls_door is not None:
            self._tls_door.changed()
        self._reexamine = True

    def _renew_cloud(self) -> None:
        self._listener.exchange.cloud = self._answering()

    def _keep(self, record: Record) -> None:
        self._counted.keep(record)

    def _answering(self) -> Answering:
        """Return the cloud as devices have it; the diagnosis, block maps and the tape hear what they really get."""
        cloud = self._interference.over(self._plain)
        return self._tape.over(self._watched.over(cloud if self._observer is None else self._observer.over(cloud)))

    def _web_sockets(self, data_dir: Path, log: RequestLog, otherwise: ASGIApp) -> ASGIApp:
        collector = SimulatorCollector(self._counted, self._listener, self._plain, log)
        page = MetricsPage(TapedCalls(otherwise, self._tape, self._clock.wall), collector)
        return MqttOverWebSocket(page, self._listener, read_token(data_dir), self._clock.wall)

    def _peer_of(self, client_id: str) -> tuple[str | None, str | None]:
        connections = self._listener.exchange.connections
        who = connections.identity_of(client_id)
        return connections.peer_of(client_id), None if who is None else who.certificate_id

    def _client_of(self, client_id: str) -> Client | None:
        return self._listener.exchange.connections.client_of(client_id)

    def _hand_over(self, effect: Effect) -> None:
        """Keep the records of something no device asked for, and send what follows from it."""
        for record in (*effect.records, *self._services.cloud.updates.follow(effect.records)):
            self._recorder.keep(record)
        replies = self._interference.notifications(effect.replies)
        self._listener.exchange.send(replies)
        if self._observer is not None:
            self._observer.told(replies, self._clock.wall())
        self._arm()

    def _arm(self) -> None:
        """Come back at the moment the next step of an update is due; everything slower is the tick's."""
        deadline = self._services.cloud.updates.deadline()
        if deadline is not None and self._alarm is None:
            wait = max(0.0, deadline - self._clock.wall())
            self._alarm = asyncio.get_running_loop().call_later(wait, self._on_alarm)

    def _on_alarm(self) -> None:
        self._alarm = None
        self._hand_over(self._services.on_time(self._clock.wall()))
        self._keeper.settle()

    def _tick(self) -> None:
        self._hand_over(self._services.on_time(self._clock.wall()))
        if self._observer is not None:
            self._observer.tick(self._clock.wall())
        if self._reexamine:
            self._reexamine = False
            self._listener.reexamine()
        looked_at = self._console.is_looked_at()
        self._watched.tick(self._clock.wall(), looked_at=looked_at)
        self._tape.tick(looked_at=looked_at)
        self._recorder.tick()
        self._keeper.tick()
        self._watch.tick()
        self._http.tick()
        self._writer.retain(
            self._services.cloud.logs.groups.retentions, 0.0 if self._movable is None else self._movable.ahead
        )

    def _wait(self) -> float | None:
        """Return the seconds until something is due, None when nothing is (MovedTime)."""
        cloud, now = self._services.cloud, self._clock.wall()
        due = [at - now for at in (cloud.updates.deadline(), cloud.jobs.deadline()) if at is not None]
        late = None if self._timers is None else self._timers.wait()
        waits = (self._listener.wheel.wait(self._clock.monotonic()), late)
        return min((*due, *(wait for wait in waits if wait is not None)), default=None)

    def _pass(self) -> None:
        if self._timers is not None:
            self._timers.turn()
        self._listener.turn()
        self._keeper.settle()

    def _front_door(self, rows: Rows) -> Listener:
        streams = StreamService(self.catalog, self.settings.stream_options())
        services = self._services.cloud
        self._plain = Cloud(streams, services.devices, self._counted, services.updates.follow)
        observer, keep = self._observer, self._recorder.keep
        return Listener(
            self._answering(),
            PROFILES[self.settings.profile],
            self._clock,
            self._notices,
            keep_records=self._keeper.settle,
            on_tick=self._tick,
            rows=rows,
            admission=PolicyAdmission(services.policies, Anonymous(self.settings.anonymous)),
            options=self.settings.mqtt_options(),
            refusals=RecordedRefusals(
                self._tape.keeping(keep if observer is None else observer.keeping(keep)),
                self._clock,
                self._notices,
                Ids(self._dice.of("traces")),
            ),
            quotas=self.settings.kept_quotas(),
            call_later=None if self._timers is None else self._timers.call_later,
            chance=self._dice.of("mqtt").randrange,
        )

    def _serve_firmware(self) -> None:
        settings = self.settings
        self.images = tuple(FirmwareFile(Path(path)) for path in settings.firmware)
        if self.images:
            stream_id = settings.stream_id or default_stream_id(self.images[0].path)
            self.catalog.put(stream_id, dict(enumerate(self.images)))
        elif settings.stream_id:
            raise ConfigError(f"stream_id {settings.stream_id}: a stream needs a firmware file")

    def _journal(self, data_dir: Path, group: str) -> Journal:
        chance = self._dice.of(f"log streams of {group}").randbytes
        return Journal(data_dir, group, self.settings.account_id, self._clock, chance=chance)


def _rows(database: Database) -> Rows:
    return Rows(
        sessions=database.table("sessions", KeptSession),
        messages=database.table("session messages", KeptMessage),
        retained=database.table("retained messages", Message),
    )


_NOT_IN_STREAM_ID: Final = re.compile(r"[^a-zA-Z0-9_-]+")


def default_stream_id(firmware: Path) -> str:
    """Return a stream id for a firmware file: its name, short enough for the C agents' buffers (ST-11)."""
    return _NOT_IN_STREAM_ID.sub("-", firmware.stem)[:AGENT_STREAM_ID_MAX].strip("-") or "firmware"
