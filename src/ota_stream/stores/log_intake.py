"""One log group's way from the journal into its SQLite file, and out of it when it is old.

How far the journal was taken in is committed together with the rows: whatever is killed, each line is there once.
"""

import os
import sqlite3
import zlib
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from ota_stream.stores import log_database, log_streams
from ota_stream.stores.errors import StoreError
from ota_stream.stores.log_database import Taken
from ota_stream.stores.log_lines import dated, split

PORTION: Final = 1024 * 1024  # bytes of the journal in one transaction: some 3,000 lines
ROWS_AT_ONCE: Final = 20_000  # dropped in one transaction
TEMPLATES_MAX: Final = 50_000  # in memory, some 500 bytes each
_SLACK: Final = 1000  # free pages that stay in the file for the next rows
_SWEEP_MIN: Final = 100_000  # rows dropped before templates nobody uses are looked for


class Intake:
    """Moves lines of one log group, in portions. What had to be skipped, `tell` is told.

    All of it belongs on one thread, and in one process: there must be no second Intake of the group. After a
    StoreError everything is as it was before the call; the next call begins anew.
    """

    def __init__(self, data_dir: Path, group: str, tell: Callable[[str], None]) -> None:
        self._folder = log_streams.folder(data_dir, group)
        self._path = self._folder / log_database.NAME
        self._tell = tell
        self._open: tuple[sqlite3.Connection, int] | None = None  # and the inode of its file
        self._streams: dict[str, Taken] = {}
        self._ids: dict[bytes, int] = {}  # of templates
        self._dropped = 0  # rows, since templates were swept

    def take(self) -> bool:
        """Take in a portion of the journal, and tell whether there is more.

        A file that has a successor is complete; once its rows are safe from a power loss, and something is in a
        successor, it is removed.

        Raises:
            StoreError: the journal cannot be read, or the SQLite file not be written.
        """
        names = log_streams.names(self._folder)
        more = False
        if names:
            with self._writing() as connection:
                more = any(self._take_from(connection, name, names) for name in names)
        return more

    def drop(self, oldest: int, size_max: int) -> bool:
        """Drop a portion of what is older than `oldest` (milliseconds), or of the oldest while the file is too large.

        Tells whether there may be more. `size_max` is bytes in use.

        Raises:
            StoreError: the SQLite file cannot be written.
        """
        more = False
        if self._path.is_file():
            with self._writing() as connection:
                more = self._drop_some(connection, oldest, size_max)
        return more

    def close(self) -> None:
        """Close the file. Taking in again opens it again."""
        opened, self._open = self._open, None
        self._streams.clear()
        self._ids.clear()
        if opened is not None:
            opened[0].close()

    # The journal's lines

    def _take_from(self, connection: sqlite3.Connection, name: str, names: list[str]) -> bool:
        path = self._folder / f"{name}{log_streams.SUFFIX}"
        stream = self._streams.get(name)
        if stream is None:
            if any(other > name and other in self._streams for other in names):
                return (
                    False  # put there by hand, and rows of another log stream have begun: readers find it where it is
                )
            stream = self._begun(name)
        complete = name != names[-1]
        if not stream.whole:
            content = _content(path, stream.offset)
            if content is None and not complete:  # emptied by hand
                stream = replace(stream, offset=0)
                content = _content(path, 0)
            # Shorter than what was taken in, and complete: a power loss took the end, which the rows have.
            content = content or b""
            if end := content.rfind(b"\n") + 1:
                self._put(connection, stream, content[:end])
                return True
            if not complete:
                return False
            if content:
                self._tell(f"log stream {name} ends in half a line, skipped: its writer was stopped in the middle")
            if stream.lines:
                self._finish(connection, stream)
        # The newest with something in it stays: the next one is named after it, whatever the clock says (R12).
        if any(_size(self._folder / f"{other}{log_streams.SUFFIX}") for other in names if other > name):
            path.unlink(missing_ok=True)
        return False

    def _begun(self, name: str) -> Taken:
        made = log_streams.milliseconds(name)
        first_row = max((each.first_row + each.lines for each in self._streams.values()), default=1)
        return Taken(name, first_row, first=made, last=made)

    def _put(self, connection: sqlite3.Connection, stream: Taken, content: bytes) -> None:
        lines = list(dated(content[:-1].split(b"\n"), stream.last if stream.dated else None))
        first = next((time for time, _, _ in lines if time is not None), None)
        with _transaction(connection):
            if not stream.dated and first is not None:  # until a line says its time, it is that of the next that does
                connection.execute(
                    "UPDATE events SET time = ? WHERE id >= ? AND id < ?", (first, stream.rows.start, stream.rows.stop)
                )
                stream = replace(stream, first=first, last=first, dated=True)
            rows: list[tuple[int, int, int, bytes | None]] = []
            row, default = stream.rows.stop, stream.last
            for time, own, line in lines:
                template, token = split(line, own=own)
                number = self._ids.get(template) or self._number(connection, template)
                rows.append((row, default if time is None else time, number, token))
                row += 1
            connection.executemany("INSERT INTO events VALUES (?, ?, ?, ?)", rows)
            stream = replace(
                stream, lines=stream.lines + len(rows), offset=stream.offset + len(content), last=rows[-1][1]
            )
            log_database.put_taken(connection, stream)
        self._streams[stream.name] = stream

    def _number(self, connection: sqlite3.Connection, template: bytes) -> int:
        digest = zlib.crc32(template)
        found = connection.execute("SELECT id FROM templates WHERE digest = ? AND text = ?", (digest, template))
        row: tuple[int] | None = found.fetchone()
        if row is None:
            put = connection.execute("INSERT INTO templates (text, digest) VALUES (?, ?)", (template, digest))
            row = (put.lastrowid or 0,)
        if len(self._ids) >= TEMPLATES_MAX:
            self._ids.clear()
        self._ids[template] = row[0]
        return row[0]

    def _finish(self, connection: sqlite3.Connection, stream: Taken) -> None:
        """Make all rows of a log stream safe from a power loss: this commit waits for the disk."""
        connection.execute("PRAGMA synchronous = FULL")
        with _transaction(connection):
            stream = replace(stream, whole=True)
            log_database.put_taken(connection, stream)
        connection.execute("PRAGMA synchronous = NORMAL")
        self._streams[stream.name] = stream

    # What is dropped

    def _oldest_first(self) -> list[Taken]:
        return sorted(self._streams.values(), key=lambda stream: stream.first_row)

    def _size(self, connection: sqlite3.Connection) -> int:
        count, free, size = (
            connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size")
        )
        return int(count - free) * int(size)

    def _drop_some(self, connection: sqlite3.Connection, oldest: int, size_max: int) -> bool:
        stream = next((each for each in self._oldest_first() if each.rows), None)
        too_large = self._size(connection) > size_max
        if stream is None or not (too_large or stream.first < oldest):
            return False
        rows = stream.rows[:ROWS_AT_ONCE]
        rows = rows if too_large else range(rows.start, log_database.earliest(connection, rows, oldest))
        with _transaction(connection):
            connection.execute("DELETE FROM events WHERE id >= ? AND id < ?", (rows.start, rows.stop))
            found = connection.execute("SELECT time FROM events WHERE id = ?", (rows.stop,)).fetchone()
            first = stream.last if found is None or rows.stop == stream.rows.stop else found[0]
            stream = replace(stream, gone=stream.gone + len(rows), first=first)
            log_database.put_taken(connection, stream)
        self._streams[stream.name] = stream
        self._dropped += len(rows)
        self._forget(connection)
        self._sweep(connection)
        if connection.execute("PRAGMA freelist_count").fetchone()[0] > _SLACK:
            connection.execute(f"PRAGMA incremental_vacuum({_SLACK})").fetchall()
        return True

    def _forget(self, connection: sqlite3.Connection) -> None:
        """Forget log streams that have nothing any more.

        Not one whose file is there, or it would be taken in again; nor the last, behind which the next rows come.
        """
        for stream in self._oldest_first()[:-1]:
            if stream.whole and not stream.rows and not (self._folder / f"{stream.name}{log_streams.SUFFIX}").exists():
                with _transaction(connection):
                    connection.execute("DELETE FROM streams WHERE name = ?", (stream.name,))
                del self._streams[stream.name]

    def _sweep(self, connection: sqlite3.Connection) -> None:
        """Drop templates nobody uses. Looks at every row, so it comes only after as many were dropped as there are."""
        if self._dropped < max(_SWEEP_MIN, sum(len(each.rows) for each in self._streams.values())):
            return
        self._ids.clear()
        self._dropped = 0
        with _transaction(connection):
            connection.execute("DELETE FROM templates WHERE id NOT IN (SELECT template FROM events)")

    # The file

    @contextmanager
    def _writing(self) -> Generator[sqlite3.Connection]:
        try:
            yield self._connection()
        except (sqlite3.Error, OSError) as error:
            self.close()  # what was half done is rolled back, and what is in memory may not be in the file
            raise StoreError(f"log store {self._path}: {error}; records stay in the journal until it works") from error

    def _connection(self) -> sqlite3.Connection:
        if self._open is not None:
            connection, inode = self._open
            if self._path.is_file() and self._path.stat().st_ino == inode:
                return connection
            self.close()  # removed by hand: begin anew
        connection = log_database.open_to_write(self._path)
        self._open = connection, self._path.stat().st_ino
        self._streams = {stream.name: stream for stream in log_database.taken(connection)}
        return connection


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Generator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _content(path: Path, offset: int) -> bytes | None:
    """Return the next portion of a file, at least a whole line if there is one; None: the file ends before `offset`."""
    try:
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_size < offset:
                return None
            file.seek(offset)
            content = file.read(PORTION)
            if len(content) == PORTION and b"\n" not in content:  # a line longer than a portion
                content += file.readline()
            return content
    except FileNotFoundError:
        return b""  # removed by hand
