"""What an operator does with shared jobs: committed to the store, then told to the devices through the broker."""

import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from ota_broker.front.notices import Notices
from ota_broker.system_clock import SystemClock
from ota_broker.workers.settings import TransportName, WorkerSettings
from ota_broker.workers.transport import Transport
from ota_broker.workers.transports import open_transport, transport_of
from ota_stream.answers import Effect
from ota_stream.jobs.control import JobControl
from ota_stream.jobs.jobs import Job, JobSpec
from ota_stream.jobs.options import JobOptions
from ota_stream.stores.errors import StoreError
from ota_stream.stores.shared.job_book import Counts, SharedBook
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

        return await self._change(create)

    async def cancel_job(self, job_id: str, *, force: bool) -> int:
        """Cancel a job and tell its things; return how many. What is IN_PROGRESS ends only with force (JC-7).

        Raises:
            ControlError: there is no such job, or it cannot be cancelled any more.
            StoreError, TransportError: the store or the broker is not there.
        """

        def cancel(book: SharedBook) -> Effect:
            return JobControl(book, self._options).cancel_job(job_id, time.time(), force=force)

        return await self._change(cancel)

    async def delete_job(self, job_id: str, *, force: bool) -> int:
        """Delete a job with its executions and tell its things; return how many. One that runs only with force (JC-9).

        A worker forgets it a second later. Raises as `cancel_job`.
        """

        def delete(book: SharedBook) -> Effect:
            return JobControl(book, self._options).delete_job(job_id, time.time(), force=force)

        return await self._change(delete)

    async def _change(self, what: Callable[[SharedBook], Effect]) -> int:
        """Commit a change and tell of it; return how many things are told that their queue is another."""
        effect = await self.database.jobs.change(what)
        await self._transport.send(effect.replies)
        return sum(reply.topic.endswith("/notify") for reply in effect.replies)


async def jobs_in(store: str) -> list[tuple[Job, Counts]]:
    """Return the jobs of a store, the newest first, each with how many things are how far. Raises StoreError."""
    _has_jobs(store)
    database = await open_database(store)
    try:
        return await database.jobs.counted()
    finally:
        await database.close()


def _has_jobs(store: str) -> None:
    if not is_database(store):
        raise StoreError(f"store {store}: jobs are shared in PostgreSQL only, postgresql://...")


@asynccontextmanager
async def reached(settings: WorkerSettings) -> AsyncGenerator[Operator]:
    """Reach store and broker, the broker first: a job nobody could be told of is not made.

    Raises StoreError, TransportError.
    """
    _has_jobs(settings.store)
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
