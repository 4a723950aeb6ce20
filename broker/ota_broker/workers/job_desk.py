"""Jobs at a worker: the same service as in the simulator, over the rows that workers share."""

import asyncio
import logging
import uuid
from functools import partial
from typing import TYPE_CHECKING, Final

from ota_broker.front.notices import Notices
from ota_broker.workers.entries import Entries
from ota_broker.workers.transport import Request, Transport, TransportError
from ota_broker.workers.worker import Outcome
from ota_stream.answers import Answer, Effect
from ota_stream.clock import Clock
from ota_stream.jobs import topics
from ota_stream.jobs.control import JobControl
from ota_stream.jobs.options import JobOptions
from ota_stream.jobs.service import JobService
from ota_stream.stores.errors import StoreError
from ota_stream.stores.shared.job_book import Rows, SharedBook
from ota_stream.stores.shared.records import Records

if TYPE_CHECKING:
    from ota_stream.stores.shared.job_rows import JobRows  # asyncpg is an extra

log: Final = logging.getLogger("ota_broker")

LOOK_EVERY: Final = 1.0  # seconds between two looks for what is due


class JobDesk:
    """Answers the four requests of devices; notifications leave with the answer of whoever committed the change."""

    def __init__(self, rows: "JobRows", options: JobOptions) -> None:
        self._rows = rows
        self._options = options

    async def answer(self, request: Request, client_id: str, now: float) -> Outcome:
        """Answer a request about jobs; None for any other topic. Raises StoreError."""
        try:
            topic = topics.parse(request.topic)
        except topics.UnknownTopic as unknown:
            return JobService(SharedBook(Rows()), self._options).refuse(request.topic, unknown, client_id, now)
        if topic is None:
            return None

        def ask(book: SharedBook) -> Answer:
            service = JobService(book, self._options)
            try:
                return service.answer(topic, request.payload, client_id, now)
            except Exception:  # a fault of ours is the device's InternalError, and changes nothing
                log.exception("internal error on %s", request.topic)
                book.forget()
                return service.fault(topic, client_id, now)

        return await self._rows.answer(topic.thing, request.source, request.number, ask)


class Timekeeper:
    """Does what is due by itself: time-outs with their retries, the next minute of roll-outs.

    Every worker looks; the rows let only one of them do it.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - the one place where it is put together
        self,
        rows: "JobRows",
        options: JobOptions,
        transport: Transport,
        records: Records,
        entries: Entries,
        clock: Clock,
        notices: Notices,
    ) -> None:
        self._rows = rows
        self._options = options
        self._transport = transport
        self._records = records
        self._entries = entries
        self._clock = clock
        self._notices = notices
        self._source, self._number = f"time@{uuid.uuid4().hex}", 0

    async def run(self) -> None:
        """Look again and again, until cancelled."""
        while True:
            await asyncio.sleep(LOOK_EVERY)
            try:
                await self._look()
            except (StoreError, TransportError) as error:
                self._notices.say("jobs", str(error))

    async def _look(self) -> None:
        now = self._clock.wall()
        if not await self._rows.is_due(now):
            return
        effect = await self._rows.change(partial(_on_time, options=self._options, now=now))
        self._number += 1
        if kept := self._entries.kept(self._source, self._number, effect.records):
            await self._records.put(kept)
        await self._transport.send(effect.replies)


def _on_time(book: SharedBook, options: JobOptions, now: float) -> Effect:
    return JobControl(book, options).on_time(now)
