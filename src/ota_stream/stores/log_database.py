"""The SQLite file of a log group: its layout, and how it is opened to write and to read.

`<data-dir>/logs/<group>/events.db`, beside the journal it is filled from. The rows of a log stream lie one behind the
other: that of its line n has the id `first_row + n`. So a time is found by bisection, and there is no index of events.
"""

import sqlite3
from pathlib import Path
from typing import Final

from msgspec import Struct

from ota_stream.stores.errors import StoreError

NAME: Final = "events.db"
VERSION: Final = 1  # of the layout below

_LAYOUT: Final = """\
CREATE TABLE templates (id INTEGER PRIMARY KEY AUTOINCREMENT, text BLOB NOT NULL, digest INTEGER NOT NULL);
CREATE INDEX templates_by_digest ON templates (digest);
CREATE TABLE events (id INTEGER PRIMARY KEY, time INTEGER NOT NULL, template INTEGER NOT NULL, token BLOB);
CREATE TABLE streams (
    name TEXT PRIMARY KEY, first_row INTEGER NOT NULL, lines INTEGER NOT NULL, gone INTEGER NOT NULL,
    "offset" INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL, dated INTEGER NOT NULL,
    whole INTEGER NOT NULL
) WITHOUT ROWID;
"""
_BUSY: Final = 10.0  # seconds to wait for another process: a checkpoint, a copy being made
_CACHE: Final = 2000  # KiB of pages in memory
_WAL_KEPT: Final = 16 * 1024 * 1024  # bytes of the write-ahead log's file that stay after it was needed larger


class Taken(Struct, frozen=True, gc=False):
    """What was taken in of one log stream: `lines` of the journal, `offset` bytes; the oldest `gone` were dropped.

    `first` and `last` are milliseconds since the epoch; `dated`: a line has said its time. When it is `whole`, the
    rows are safe on the disk and the journal's file is needed no more.
    """

    name: str
    first_row: int
    lines: int = 0
    gone: int = 0
    offset: int = 0
    first: int = 0
    last: int = 0
    dated: bool = False
    whole: bool = False

    @property
    def rows(self) -> range:
        """The ids of the rows there are."""
        return range(self.first_row + self.gone, self.first_row + self.lines)


def open_to_write(path: Path) -> sqlite3.Connection:
    """Open or make the file.

    Raises:
        StoreError: it is of a newer ota-stream; nothing was changed then (R10).
        sqlite3.Error, OSError: it cannot be opened.
    """
    path.touch(mode=0o600)
    connection = sqlite3.connect(path, isolation_level=None, timeout=_BUSY)
    try:
        version = _version(connection, path)
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")  # before anything is in it
        connection.execute("PRAGMA journal_mode = WAL")
        # The journal holds what a power loss takes from here, so no commit has to wait for the disk.
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute(f"PRAGMA journal_size_limit = {_WAL_KEPT}")
        connection.execute(f"PRAGMA cache_size = -{_CACHE}")
        if version == 0:
            connection.executescript(f"BEGIN; {_LAYOUT} PRAGMA user_version = {VERSION}; COMMIT;")
    except BaseException:
        connection.close()
        raise
    return connection


def open_to_read(path: Path) -> sqlite3.Connection | None:
    """Open the file, or return None when nothing was written yet.

    Raises:
        StoreError: it is of a newer ota-stream.
        sqlite3.Error: it cannot be opened.
    """
    if not path.is_file():
        return None
    uri = f"{path.resolve().as_uri()}?mode=ro"
    connection = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=_BUSY, check_same_thread=False)
    try:
        version = _version(connection, path)
        connection.execute(f"PRAGMA cache_size = -{_CACHE}")
    except BaseException as error:
        connection.close()
        if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_READONLY_ROLLBACK:
            return None  # its writer was killed while it made it: the next one puts that right
        raise
    if version == 0:  # its writer is just making it
        connection.close()
        return None
    return connection


def _version(connection: sqlite3.Connection, path: Path) -> int:
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > VERSION:
        raise StoreError(
            f"{path} was written by a newer ota-stream (layout {version}, this one knows {VERSION}): update this one"
        )
    return version


def taken(connection: sqlite3.Connection) -> list[Taken]:
    """Return what was taken in, oldest first. One statement, so it is of one moment."""
    rows = connection.execute(
        'SELECT name, first_row, lines, gone, "offset", first, last, dated, whole FROM streams ORDER BY first_row'
    )
    return [
        Taken(name, first_row, lines, gone, offset, first, last, bool(dated), bool(whole))
        for name, first_row, lines, gone, offset, first, last, dated, whole in rows
    ]


def put_taken(connection: sqlite3.Connection, stream: Taken) -> None:
    """Keep how far a log stream was taken in."""
    connection.execute(
        "INSERT OR REPLACE INTO streams VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            stream.name,
            stream.first_row,
            stream.lines,
            stream.gone,
            stream.offset,
            stream.first,
            stream.last,
            stream.dated,
            stream.whole,
        ),
    )


def earliest(connection: sqlite3.Connection, rows: range, time: int) -> int:
    """Return the first of these rows at or after a time, or the end of the range. Rows dropped meanwhile are before."""
    start, stop = rows.start, rows.stop
    while start < stop:
        middle = (start + stop) // 2
        found = connection.execute("SELECT time FROM events WHERE id = ?", (middle,)).fetchone()
        if found is None or found[0] < time:
            start = middle + 1
        else:
            stop = middle
    return start
