"""Jobs in PostgreSQL, for several workers at once: an execution is written only over the version that was read.

Who was overtaken reads again and judges again, so of two workers that end an execution one wins and the other rejects.
What is about a whole job waits for its row: of the last two executions exactly one sees that the job is complete.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, Final, TypeVar

import asyncpg
import msgspec

from ota_stream.answers import Answer, Effect, Reply
from ota_stream.jobs import rollout, timers
from ota_stream.jobs.executions import JobExecution, Status
from ota_stream.jobs.jobs import Job, WaitingThing
from ota_stream.records import JobCountRecord, JobRequestRecord
from ota_stream.stores.errors import StoreError
from ota_stream.stores.shared.database import Database
from ota_stream.stores.shared.job_book import Counts, Rows, SharedBook
from ota_stream.stores.sqlite import Table

TRIES: Final = 10  # times a request is judged anew because somebody was faster
ANSWERS_FOR: Final = "5 minutes"  # answers are kept; a request is in the queue for one at most
_TAKEN: Final = (asyncpg.UniqueViolationError, asyncpg.DeadlockDetectedError, asyncpg.SerializationError)

_KEEP_ANSWER: Final = "INSERT INTO ota_answers (source, number, content) VALUES ($1, $2, $3)"
_IS_DUE: Final = """\
SELECT EXISTS (SELECT FROM ota_executions WHERE times_out_at <= $1) OR EXISTS (
    SELECT FROM ota_jobs AS job WHERE (content ->> 'minute_from')::double precision + $2 <= $1
    AND EXISTS (SELECT FROM ota_waiting AS thing WHERE thing.job_id = job.job_id))
OR EXISTS (SELECT FROM ota_jobs WHERE (content ->> 'deletes_at')::double precision <= $1)
"""

T = TypeVar("T")
S = TypeVar("S")
Connection = asyncpg.pool.PoolConnectionProxy


class _Overtaken(Exception):
    """Somebody has written what we had read."""


class _KeptAnswer(msgspec.Struct, frozen=True):
    replies: tuple[Reply, ...]
    record: JobRequestRecord
    also: tuple[JobCountRecord, ...]


class JobRows:
    """The jobs of a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def answer(self, thing: str, source: str, number: int, ask: Callable[[SharedBook], Answer]) -> Answer:
        """Answer a device's request with `ask` and keep what it changes; one that comes again gets the same answer.

        Raises StoreError.
        """
        return await self._tried(lambda connection: self._answer(connection, thing, (source, number), ask))

    async def change(self, what: Callable[[SharedBook], Effect]) -> Effect:
        """Do what is about whole jobs: an operator's call, or what is due. Raises StoreError and what `what` raises."""
        return await self._tried(lambda connection: self._change(connection, what))

    async def is_due(self, now: float) -> bool:
        """Tell whether time has something to do: a time-out, the next minute of a roll-out, the end of a deletion.

        Raises StoreError.
        """
        async with self._database.transaction() as connection:
            await connection.execute(f"DELETE FROM ota_answers WHERE at < now() - interval '{ANSWERS_FOR}'")  # noqa: S608
            due: bool = await connection.fetchval(_IS_DUE, now, rollout.MINUTE)
            return due

    async def counted(self) -> list[tuple[Job, Counts]]:
        """Return all jobs, the newest first, each with how many things are how far. Raises StoreError."""
        async with self._database.transaction() as connection:
            rows = await connection.fetch("SELECT content FROM ota_jobs")
            jobs = sorted(_all(rows, Job), key=lambda job: (-job.created_at, job.job_id))
            counts = await _counts(connection, [job.job_id for job in jobs])
        return [(job, counts.get(job.job_id, {})) for job in jobs]

    async def _tried(self, once: Callable[[Connection], Awaitable[T]]) -> T:
        for _ in range(TRIES):
            try:
                async with self._database.transaction() as connection:
                    return await once(connection)
            except _Overtaken:
                continue
            except StoreError as error:
                if not isinstance(error.__cause__, _TAKEN):
                    raise
        raise StoreError(f"the store: others were faster {TRIES} times")

    async def _answer(
        self, connection: Connection, thing: str, name: tuple[str, int], ask: Callable[[SharedBook], Answer]
    ) -> Answer:
        kept = await connection.fetchval("SELECT content FROM ota_answers WHERE source = $1 AND number = $2", *name)
        if kept is not None:
            known = _decoded(kept, _KeptAnswer)
            return Answer(known.replies, known.record, known.also)
        book = SharedBook(await _of_thing(connection, thing))
        answer = ask(book)
        if not book.changed:
            return answer
        if book.concludes:
            book = await _whole_picture(connection, thing, sorted(book.jobs))
            answer = ask(book)
        await _write(connection, book)
        content = msgspec.json.encode(
            {"replies": answer.replies, "record": answer.record, "also": answer.also}
        ).decode()
        await connection.execute(_KEEP_ANSWER, *name, content)
        return answer

    async def _change(self, connection: Connection, what: Callable[[SharedBook], Effect]) -> Effect:
        book = await _everything(connection)
        effect = what(book)
        await _write(connection, book)
        return effect


# Reading


async def _of_thing(connection: Connection, thing: str) -> Rows:
    executions = await connection.fetch("SELECT content FROM ota_executions WHERE thing = $1", thing)
    jobs = await connection.fetch(
        "SELECT content FROM ota_jobs WHERE job_id IN (SELECT job_id FROM ota_executions WHERE thing = $1)", thing
    )
    return Rows(_all(jobs, Job), _all(executions, JobExecution))


async def _whole_picture(connection: Connection, thing: str, job_ids: Sequence[str]) -> SharedBook:
    """Lock the jobs and read again, with what is known of their other things."""
    locked = await connection.fetch(
        "SELECT content FROM ota_jobs WHERE job_id = ANY($1) ORDER BY job_id FOR UPDATE", job_ids
    )
    if any(job.spec.abort_config is not None for job in _all(locked, Job)):  # may end the executions of other things
        return await _everything(connection)
    rows = await _of_thing(connection, thing)
    counts = await _counts(connection, job_ids)
    waiting = await connection.fetch("SELECT DISTINCT job_id FROM ota_waiting WHERE job_id = ANY($1)", job_ids)
    waited_for = frozenset(str(row["job_id"]) for row in waiting)
    return SharedBook(rows, counts, waited_for, await _order(connection))


async def _everything(connection: Connection) -> SharedBook:
    jobs = await connection.fetch("SELECT content FROM ota_jobs ORDER BY job_id FOR UPDATE")
    executions = await connection.fetch("SELECT content FROM ota_executions")
    waiting = await connection.fetch("SELECT content FROM ota_waiting")
    rows = Rows(_all(jobs, Job), _all(executions, JobExecution), _all(waiting, WaitingThing))
    counts: dict[str, dict[Status, int]] = {}
    book = SharedBook(rows, counts, order=await _order(connection))
    for job in rows.jobs:
        counts[job.job_id] = dict(super(SharedBook, book).counts(job.job_id))
    return book


async def _counts(connection: Connection, job_ids: Sequence[str]) -> dict[str, dict[Status, int]]:
    counts: dict[str, dict[Status, int]] = {}
    found = "SELECT job_id, status, things FROM ota_counts WHERE job_id = ANY($1) AND things > 0"
    for row in await connection.fetch(found, job_ids):
        counts.setdefault(row["job_id"], {})[Status(row["status"])] = row["things"]
    return counts


async def _order(connection: Connection) -> int:
    """Return a number with room for a million after it before the next one."""
    return int(await connection.fetchval("SELECT nextval('ota_orders')")) * 1_000_000


def _all(rows: Iterable[Any], shape: type[S]) -> tuple[S, ...]:
    return tuple(_decoded(row["content"], shape) for row in rows)


def _decoded(content: str, shape: type[S]) -> S:
    try:
        return msgspec.json.decode(content, type=shape)
    except msgspec.DecodeError as error:
        raise StoreError(f"the store holds a damaged {shape.__name__.strip('_')}: {error}") from error


# Writing


async def _write(connection: Connection, book: SharedBook) -> None:
    """Write what has changed. Raises _Overtaken."""
    for job_id in book.changed_jobs.changed:
        await _put_job(connection, job_id, book.changed_jobs)
    for key in sorted(book.changed_executions.changed):
        await _put_execution(connection, book.read.get(key), book.changed_executions.get(key))
    for key in book.changed_waiting.changed:
        await _put_waiting(connection, key, book.changed_waiting)
    for job_id in sorted(book.jobs):
        for status, step in book.steps(job_id).items():
            await connection.execute(
                "INSERT INTO ota_counts VALUES ($1, $2, $3)"
                " ON CONFLICT (job_id, status) DO UPDATE SET things = ota_counts.things + $3",
                job_id,
                status.value,
                step,
            )


async def _put_job(connection: Connection, job_id: str, jobs: Table[Job]) -> None:
    if job_id not in jobs:
        await connection.execute("DELETE FROM ota_jobs WHERE job_id = $1", job_id)
        await connection.execute("DELETE FROM ota_counts WHERE job_id = $1", job_id)
        return
    await connection.execute(
        "INSERT INTO ota_jobs VALUES ($1, $2) ON CONFLICT (job_id) DO UPDATE SET content = $2",
        job_id,
        _encoded(jobs[job_id]),
    )


async def _put_execution(connection: Connection, before: JobExecution | None, after: JobExecution | None) -> None:
    """Write an execution over what was read of it, or nothing at all."""
    if after is None:
        if before is not None:
            name = before.thing, before.job_id, before.number
            done = await connection.execute(
                "DELETE FROM ota_executions WHERE thing = $1 AND job_id = $2 AND number = $3 AND version = $4",
                *name,
                before.version,
            )
            _check(done)
        return
    name = after.thing, after.job_id, after.number
    what = after.version, timers.times_out_at(after), _encoded(after)
    if before is None:  # somebody who was faster has it: a violated key
        await connection.execute("INSERT INTO ota_executions VALUES ($1, $2, $3, $4, $5, $6)", *name, *what)
        return
    done = await connection.execute(
        "UPDATE ota_executions SET version = $4, times_out_at = $5, content = $6"
        " WHERE thing = $1 AND job_id = $2 AND number = $3 AND version = $7",
        *name,
        *what,
        before.version,
    )
    _check(done)


async def _put_waiting(connection: Connection, key: str, waiting: Table[WaitingThing]) -> None:
    job_id, _, thing = key.partition("/")
    if key in waiting:
        await connection.execute("INSERT INTO ota_waiting VALUES ($1, $2, $3)", job_id, thing, _encoded(waiting[key]))
    else:
        await connection.execute("DELETE FROM ota_waiting WHERE job_id = $1 AND thing = $2", job_id, thing)


def _check(done: str) -> None:
    if done.endswith(" 0"):
        raise _Overtaken


def _encoded(value: msgspec.Struct) -> str:
    return msgspec.json.encode(value).decode()
