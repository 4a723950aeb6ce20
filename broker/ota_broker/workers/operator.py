"""What an operator does with shared jobs: committed to the store, then told to the devices through the broker."""

import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from ota_broker.front.notices import Notices
from ota_broker.system_clock import SystemClock
from ota_broker.workers.settings import TransportName, WorkerSettings
from ota_broker.workers.transport import Transport
from ota_broker.workers.transports import open_transport, transport_of
from ota_stream.answers import Effect
from ota_stream.jobs.control import JobControl
from ota_stream.jobs.jobs import JobSpec
from ota_stream.jobs.options import JobOptions
from ota_stream.stores.errors import StoreError
from ota_stream.stores.shared.job_book import SharedBook
from ota_stream.stores.shared.stores import is_database, open_database

if TYPE_CHECKING:
    from ota_stream.stores.shared.postgres import Postgres


class Operator:
    """Changes jobs in `database` and tells devices through `transport`."""

    def __init__(self, settings: WorkerSettings, database: "Postgres", transport: Transport) -> None:
        self.database = database
        self._transport = transport
        self._options = JobOptions(account_id=settings.account_id)

    async def create_job(self, spec: JobSpec) -> int:
        """Make a job and notify its things; return how many have an execution now.

        Raises:
            ControlError: the job cannot be like this.
            StoreError, TransportError: the store or the broker is not there.
        """

        def create(book: SharedBook) -> Effect:
            return JobControl(book, self._options).create_job(spec, time.time())

        effect = await self.database.jobs.change(create)
        await self._transport.send(effect.replies)
        return sum(reply.topic.endswith("/notify") for reply in effect.replies)


@asynccontextmanager
async def reached(settings: WorkerSettings) -> AsyncGenerator[Operator]:
    """Reach store and broker, the broker first: a job nobody could be told of is not made.

    Raises StoreError, TransportError.
    """
    if not is_database(settings.store):
        raise StoreError(f"store {settings.store}: jobs are shared in PostgreSQL only, postgresql://...")
    if settings.transport is TransportName.EMBEDDED:
        raise StoreError("an embedded broker is another process's: use --transport mqtt and its --url")
    transport = transport_of(settings, SystemClock(), Notices(time.monotonic))
    database = await open_database(settings.store)
    try:
        await open_transport(transport, settings, [])
        yield Operator(settings, database, transport)
    finally:
        await transport.close()
        await database.close()
