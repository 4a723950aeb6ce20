"""The cloud's state in one SQLite file: tables that are plain mappings to the services and rows to the disk.

What changed in a turn of the event loop is written by one transaction before the turn's replies leave, so a change
that was acknowledged survives the death of the process. Only a power loss may cost the last transactions, and the
file stays whole.
"""

import sqlite3
from collections.abc import Iterator, MutableMapping
from pathlib import Path
from typing import Any, Final, Generic, TypeVar

import msgspec

from ota_stream.stores.errors import StoreError

VERSION: Final = 1  # of the layout below
_LAYOUT: Final = """\
CREATE TABLE IF NOT EXISTS state (kind TEXT, key TEXT, value BLOB, PRIMARY KEY (kind, key)) WITHOUT ROWID
"""

S = TypeVar("S")


class Table(MutableMapping[str, S], Generic[S]):
    """One kind of values by key, all in memory; it notes which keys were set or deleted and are not written yet."""

    def __init__(self, kind: str, values: dict[str, S]) -> None:
        self.kind = kind
        self.changed: set[str] = set()
        self._values = values

    def __getitem__(self, key: str) -> S:
        return self._values[key]

    def __setitem__(self, key: str, value: S) -> None:
        self._values[key] = value
        self.changed.add(key)

    def __delitem__(self, key: str) -> None:
        del self._values[key]
        self.changed.add(key)

    def __contains__(self, key: object) -> bool:
        return key in self._values

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


class Database:
    """Opens or makes the file. When it is `durable`, a power loss costs no flushed change.

    Raises:
        StoreError: it is damaged, of a newer ota-stream, or cannot be opened; nothing was changed then (R10).
    """

    def __init__(self, path: Path, *, durable: bool = False) -> None:
        self.path = path
        self._durable = durable
        self._tables: list[Table[Any]] = []
        try:
            path.touch(mode=0o600)
            self._connection = sqlite3.connect(path, isolation_level=None)
        except (sqlite3.Error, OSError) as error:
            raise _unusable(path, error) from error
        try:
            self._prepare()
        except BaseException:
            self._connection.close()
            raise

    def _prepare(self) -> None:
        try:
            version = self._connection.execute("PRAGMA user_version").fetchone()[0]
            if version > VERSION:
                written = f"{self.path} was written by a newer ota-stream"
                raise StoreError(f"{written} (layout {version}, this one knows {VERSION})")
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute(f"PRAGMA synchronous = {'FULL' if self._durable else 'NORMAL'}")
            self._connection.execute(_LAYOUT)
            self._connection.execute(f"PRAGMA user_version = {VERSION}")
        except sqlite3.Error as error:
            raise _unusable(self.path, error) from error

    def table(self, kind: str, shape: type[S]) -> Table[S]:
        """Return the table of one kind with everything that is stored of it.

        Raises:
            StoreError: a value is damaged; the line names it.
        """
        decode = msgspec.json.Decoder(shape).decode
        values: dict[str, S] = {}
        try:
            for key, value in self._connection.execute("SELECT key, value FROM state WHERE kind = ?", (kind,)):
                values[key] = decode(value)
        except (sqlite3.Error, msgspec.MsgspecError) as error:
            raise StoreError(f"{self.path}: a value of kind {kind} is damaged: {error}") from error
        table = Table(kind, values)
        self._tables.append(table)
        return table

    @property
    def waiting(self) -> bool:
        """Whether something changed since the last flush."""
        return any(table.changed for table in self._tables)

    def flush(self) -> None:
        """Write what changed, all or nothing.

        Raises:
            StoreError: it could not be written; it waits for the next flush.
        """
        changed = [table for table in self._tables if table.changed]
        if not changed:
            return
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            for table in changed:
                self._write(table)
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise StoreError(
                f"state cannot be written to {self.path}: {error}; it waits in memory: make room"
            ) from error
        for table in changed:
            table.changed.clear()

    def _write(self, table: Table[Any]) -> None:
        put = [(table.kind, key, msgspec.json.encode(table[key])) for key in table.changed if key in table]
        gone = [(table.kind, key) for key in table.changed if key not in table]
        self._connection.executemany("INSERT OR REPLACE INTO state VALUES (?, ?, ?)", put)
        self._connection.executemany("DELETE FROM state WHERE kind = ? AND key = ?", gone)

    def close(self) -> None:
        """Write what is left and close.

        Raises:
            StoreError: it could not be written.
        """
        try:
            self.flush()
        finally:
            self._connection.close()


def _unusable(path: Path, error: Exception) -> StoreError:
    return StoreError(f"{path} cannot be opened: {error}; move it away to begin anew")
