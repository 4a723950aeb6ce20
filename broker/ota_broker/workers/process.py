"""One worker: store, records and transport put together, the probe, then work until a signal."""

import asyncio
import logging
import signal
from collections.abc import Callable, Iterable
from contextlib import AsyncExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import uvloop

from ota_broker.front.notices import Notices, call_later
from ota_broker.request_log import RequestLog
from ota_broker.system_clock import SystemClock
from ota_broker.workers.clients import CLIENT_OF
from ota_broker.workers.entries import Entries
from ota_broker.workers.job_desk import JobDesk, Timekeeper
from ota_broker.workers.probe import ProbeDesk, probe
from ota_broker.workers.record_files import RecordFiles
from ota_broker.workers.settings import CLOUDWATCH, TransportName, WorkerSettings, new_name
from ota_broker.workers.stream_desk import StreamDesk
from ota_broker.workers.transport import Kind
from ota_broker.workers.transports import open_transport, transport_of
from ota_broker.workers.watchdog import Watchdog
from ota_broker.workers.worker import Desk, Worker
from ota_stream.jobs.options import JobOptions
from ota_stream.logs import groups
from ota_stream.stores.datadir import DataDir
from ota_stream.stores.journal import Journal
from ota_stream.stores.shared.record_events import RecordEvents
from ota_stream.stores.shared.records import Records
from ota_stream.stores.shared.stores import is_database, open_database
from ota_stream.stores.shared.stream_file import StreamFileStore
from ota_stream.stores.shared.streams import Follower, StreamStore
from ota_stream.streams.catalog import Catalog

if TYPE_CHECKING:
    from ota_stream.stores.shared.job_rows import JobRows
    from ota_stream.stores.shared.postgres import Postgres

ADVICE: Final = {
    TransportName.EMBEDDED: "that is a fault of ours: please report it",
    TransportName.NATS: "do the server's accounts and permissions let this worker take and send $aws messages?",
    TransportName.MQTT: "mosquitto needs a renaming bridge and --prefix (docs/scale.md)",
}

log: Final = logging.getLogger("ota_broker")


def run(settings: WorkerSettings, on_ready: Callable[[WorkerSettings], None]) -> None:
    """Work until SIGINT or SIGTERM. `on_ready` is called once a probe has come through.

    Raises:
        OtaStreamError: it cannot start; one line says why.
    """
    uvloop.run(_main(settings, on_ready))


async def _main(settings: WorkerSettings, on_ready: Callable[[WorkerSettings], None]) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    clock = SystemClock()
    notices = Notices(clock.monotonic, call_later)
    async with AsyncExitStack() as opened:
        opened.callback(notices.tell_all)
        catalog = Catalog()
        parts = _Parts(settings, notices, opened)
        store = await parts.store()
        follower = Follower(store, catalog, partial(notices.say, "store"))
        await follower.follow()
        records = await parts.records()
        transport = transport_of(settings, clock, notices)
        desks: list[Desk] = [ProbeDesk(), StreamDesk(catalog)]
        entries = Entries(settings.level, settings.account_id)
        client_of = CLIENT_OF[settings.client_id_from]
        jobs, options = parts.jobs(), JobOptions(account_id=settings.account_id)
        job_desk = None if jobs is None else JobDesk(jobs, options)
        worker = Worker(transport, desks, job_desk, records, entries, client_of, clock, notices)
        opened.push_async_callback(transport.close)
        await open_transport(transport, settings, [Kind.STREAMS] if jobs is None else Kind)
        watchdog = Watchdog()
        watchdog.start()
        opened.callback(watchdog.stop)
        tasks = [asyncio.create_task(worker.run()), asyncio.create_task(follower.run())]
        if jobs is not None:
            timekeeper = Timekeeper(jobs, options, transport, records, entries, clock, notices)
            tasks.append(asyncio.create_task(timekeeper.run()))
        opened.push_async_callback(_end, tasks)
        await probe(transport, ADVICE[settings.transport])
        on_ready(replace(settings, url=transport.url))
        stopped = asyncio.create_task(stop.wait())
        done, _ = await asyncio.wait([stopped, *tasks], return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()  # a task that has ended did so by a fault


async def _end(tasks: Iterable[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


class _Parts:
    """Makes what the settings name; what it opens is closed with `opened`."""

    def __init__(self, settings: WorkerSettings, notices: Notices, opened: AsyncExitStack) -> None:
        self._settings = settings
        self._notices = notices
        self._opened = opened
        self._databases: dict[str, Postgres] = {}

    async def store(self) -> StreamStore:
        where = self._settings.store
        return (await self._database(where)).streams if is_database(where) else StreamFileStore(Path(where))

    def jobs(self) -> "JobRows | None":
        """Return the jobs that are beside the streams, if these are in PostgreSQL."""
        database = self._databases.get(self._settings.store)
        return None if database is None else database.jobs

    async def records(self) -> Records:
        where = self._settings.records_in
        if is_database(where):
            return (await self._database(where)).records
        if where.startswith(CLOUDWATCH):
            group = where.removeprefix(CLOUDWATCH) or self._settings.log_group
            return RecordEvents(group, new_name())
        return self._files(Path(where))

    async def _database(self, address: str) -> "Postgres":
        if address not in self._databases:
            database = self._databases[address] = await open_database(address)
            self._opened.push_async_callback(database.close)
        return self._databases[address]

    def _files(self, path: Path) -> Records:
        group = groups.resolve(self._settings.log_group)
        data_dir = DataDir(path)
        journal = partial(Journal, path, account_id=self._settings.account_id, clock=SystemClock())
        files = RecordFiles(data_dir, RequestLog(journal, group, self._notices), group)
        self._opened.push_async_callback(files.close)
        return files
