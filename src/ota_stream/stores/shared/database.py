"""The shared database: its layout, and how a worker reaches it (PostgreSQL through asyncpg)."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Final

import asyncpg

from ota_stream.stores.errors import StoreError

WITHIN: Final = 10.0  # seconds a statement or a new connection may take
CONNECTIONS_MAX: Final = 8  # of one worker
HUNG_AFTER: Final = "2s"  # a worker that hangs within a transaction keeps its locks no longer

FAILURES: Final = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError, TimeoutError)
"""What a database does that is away, refuses or is too slow."""

LAYOUT: Final = """\
CREATE TABLE IF NOT EXISTS ota_revision (revision bigint NOT NULL);
INSERT INTO ota_revision SELECT 0 WHERE NOT EXISTS (SELECT FROM ota_revision);
CREATE TABLE IF NOT EXISTS ota_streams (stream_id text PRIMARY KEY, content json NOT NULL);
CREATE TABLE IF NOT EXISTS ota_records (
    source text NOT NULL, number bigint NOT NULL, part smallint NOT NULL,
    at timestamptz NOT NULL, entry json NOT NULL,
    PRIMARY KEY (source, number, part));
CREATE INDEX IF NOT EXISTS ota_records_at ON ota_records USING brin (at);
CREATE SEQUENCE IF NOT EXISTS ota_orders;
CREATE TABLE IF NOT EXISTS ota_jobs (job_id text PRIMARY KEY, content json NOT NULL);
CREATE TABLE IF NOT EXISTS ota_executions (
    thing text NOT NULL, job_id text NOT NULL, number integer NOT NULL,
    version integer NOT NULL, times_out_at double precision, content json NOT NULL,
    PRIMARY KEY (thing, job_id, number));
CREATE INDEX IF NOT EXISTS ota_executions_due ON ota_executions (times_out_at) WHERE times_out_at IS NOT NULL;
CREATE TABLE IF NOT EXISTS ota_waiting (
    job_id text NOT NULL, thing text NOT NULL, content json NOT NULL, PRIMARY KEY (job_id, thing));
CREATE TABLE IF NOT EXISTS ota_counts (
    job_id text NOT NULL, status text NOT NULL, things integer NOT NULL, PRIMARY KEY (job_id, status));
CREATE TABLE IF NOT EXISTS ota_answers (
    source text NOT NULL, number bigint NOT NULL, at timestamptz NOT NULL DEFAULT now(), content json NOT NULL,
    PRIMARY KEY (source, number));
CREATE INDEX IF NOT EXISTS ota_answers_at ON ota_answers (at);
"""
_LAYOUT_LOCK: Final = 0x6F7461  # one at a time: CREATE ... IF NOT EXISTS is no protection against another at once


class Database:
    """A pool of connections, and the layout in place."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._pool: asyncpg.Pool | None = None

    async def open(self) -> None:
        """Connect, and make the tables that are missing. Raises StoreError."""
        try:
            self._pool = await asyncpg.create_pool(
                self._dsn,
                min_size=1,
                max_size=CONNECTIONS_MAX,
                command_timeout=WITHIN,
                timeout=WITHIN,
                server_settings={"idle_in_transaction_session_timeout": HUNG_AFTER},
            )
            async with self.transaction() as connection:
                await connection.execute("SELECT pg_advisory_xact_lock($1)", _LAYOUT_LOCK)
                await connection.execute(LAYOUT)
        except (*FAILURES, ValueError) as error:
            raise StoreError(f"the store cannot be opened: {said(error)}") from None

    @asynccontextmanager
    async def transaction(self) -> AsyncGenerator[asyncpg.pool.PoolConnectionProxy]:
        """Give a connection within a transaction. Raises StoreError for what the database does."""
        if self._pool is None:
            raise StoreError("the store is not open")
        try:
            async with self._pool.acquire(timeout=WITHIN) as connection, connection.transaction():
                yield connection
        except FAILURES as error:
            raise StoreError(f"the store: {said(error)}") from error

    async def close(self) -> None:
        """Let the connections go."""
        if self._pool is not None:
            try:
                await asyncio.wait_for(self._pool.close(), WITHIN)
            except FAILURES:
                self._pool.terminate()


def said(error: BaseException) -> str:
    """Return what went wrong on one line."""
    return " ".join(str(error).split()) or type(error).__name__
