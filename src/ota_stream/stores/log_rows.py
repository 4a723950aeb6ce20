"""The rows of a log group read as log events, from any process, while they are written in another.

Rows never change and only the oldest vanish, so no transaction is held open: a reader may take hours.
"""

import json
import os
import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from ota_stream.logs.events import LogEvent, Wanted, decoded
from ota_stream.stores import log_database
from ota_stream.stores.errors import StoreError
from ota_stream.stores.log_database import Taken
from ota_stream.stores.log_lines import HOLE, RAW, join

_PAGE_MIN: Final = 64  # rows of the first page; most who ask want few
_PAGE_MAX: Final = 4096
_LOOKED_AT: Final = 50_000  # rows of one statement: some 5 ms
_TEMPLATES_MAX: Final = 20_000  # in memory, some 500 bytes each
_QUESTIONS_MAX: Final = 8  # whose templates are remembered
_TIME: Final = 0  # any: a template is looked at for what it says beside the time
_ANY: Final = "\x00any"  # stands in a template for the token: no token has this text, for JSON escapes it
_TOKEN_NAME: Final = "clientToken"  # noqa: S105 - the name of a property

_ROWS: Final = (
    "SELECT id, time, template, token FROM events WHERE id >= ? AND id < ? {more} ORDER BY id {order} LIMIT ?"
)
_FITTING: Final = """\
AND (template IN (SELECT value FROM json_each(?)) OR template IN (SELECT value FROM json_each(?)) AND token = ?)"""

_Row = tuple[int, int, int, bytes | None]
"""Id, time, template, token."""


class Rows:
    """The rows in one SQLite file. Made anew when the file was replaced by hand. One thread at a time.

    Every method may raise StoreError.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._inode = -1
        self._connection: sqlite3.Connection | None = None
        self._templates: dict[int, bytes] = {}
        self._asked: dict[tuple[tuple[str, str], ...], _Fitting] = {}

    def taken(self) -> list[Taken]:
        """Return what the rows are of, oldest first; of one moment."""
        try:
            connection = self._opened()
            return [] if connection is None else log_database.taken(connection)
        except sqlite3.Error as error:
            raise self._damaged(error) from error

    def events(self, stream: Taken, positions: range, wanted: Wanted) -> Iterator[LogEvent]:
        """Return the wanted events among these lines of a log stream."""
        base = stream.first_row
        try:
            connection = self._opened()
            rows = range(max(stream.rows.start, base + positions.start), min(stream.rows.stop, base + positions.stop))
            if connection is None or not rows:
                return
            if wanted.start > stream.first:
                rows = range(log_database.earliest(connection, rows, wanted.start), rows.stop)
            if wanted.end < stream.last:
                rows = range(rows.start, log_database.earliest(connection, rows, wanted.end + 1))
            more: tuple[object, ...] = ()
            if wanted.equal:
                more = self._fitting(connection, wanted.equal).arguments(wanted.equal)
            for row, time, template, token in _paged(connection, rows, more, newest_first=wanted.newest_first):
                text = self._template(connection, template)
                if text is not None:
                    message = join(time, text, token).decode(errors="replace")
                    yield LogEvent(time, stream.name, row - base, message, time)
        except sqlite3.Error as error:
            raise self._damaged(error) from error

    def close(self) -> None:
        """Close the file."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _opened(self) -> sqlite3.Connection | None:
        try:
            inode = os.stat(self._path).st_ino  # noqa: PTH116 - once a page, and half as dear
        except OSError:
            inode = -1
        if inode != self._inode or self._connection is None:
            self.close()
            self._templates.clear()
            self._asked.clear()
            self._connection, self._inode = log_database.open_to_read(self._path), inode
        return self._connection

    def _template(self, connection: sqlite3.Connection, number: int) -> bytes | None:
        """Return a template; None when it was dropped, and so the row that had it."""
        text = self._templates.get(number)
        if text is None:
            found = connection.execute("SELECT text FROM templates WHERE id = ?", (number,)).fetchone()
            if found is None:
                return None
            if len(self._templates) >= _TEMPLATES_MAX:
                self._templates.clear()
            text = self._templates[number] = bytes(found[0])
        return text

    def _fitting(self, connection: sqlite3.Connection, equal: Mapping[str, str]) -> "_Fitting":
        question = tuple(sorted(equal.items()))
        if question not in self._asked and len(self._asked) >= _QUESTIONS_MAX:
            self._asked.clear()
        fitting = self._asked.setdefault(question, _Fitting())
        fitting.look_at_new(connection, equal)
        return fitting

    def _damaged(self, error: sqlite3.Error) -> StoreError:
        return StoreError(f"log store {self._path} cannot be read: {error}; if it is damaged, move it away")


class _Fitting:
    """The templates whose lines may have certain texts: with any token, or only with the one asked for."""

    def __init__(self) -> None:
        self._seen = 0
        self._any: list[int] = []
        self._by_token: list[int] = []

    def look_at_new(self, connection: sqlite3.Connection, equal: Mapping[str, str]) -> None:
        for number, text in connection.execute("SELECT id, text FROM templates WHERE id > ?", (self._seen,)):
            self._seen = number
            entry = None if text == RAW else _entry(text)
            if entry is None or all(entry.get(name) == value for name, value in equal.items() if name != "timestamp"):
                self._any.append(number)
            elif entry.get(_TOKEN_NAME) == _ANY and _fits_but_for_token(entry, equal):
                self._by_token.append(number)

    def arguments(self, equal: Mapping[str, str]) -> tuple[object, ...]:
        token = equal.get(_TOKEN_NAME, "").encode(errors="replace")
        return json.dumps(self._any), json.dumps(self._by_token), token


def _entry(template: bytes) -> Mapping[str, Any] | None:
    """Return what all lines of a template have in common, or None when it is no JSON object."""
    hole = json.dumps(_ANY)[1:-1].encode()
    return decoded(join(_TIME, template, hole if HOLE in template else None).decode(errors="replace"))


def _fits_but_for_token(entry: Mapping[str, Any], equal: Mapping[str, str]) -> bool:
    return all(entry.get(name) == value for name, value in equal.items() if name not in {"timestamp", _TOKEN_NAME})


def _paged(
    connection: sqlite3.Connection, rows: range, more: tuple[object, ...], *, newest_first: bool
) -> Iterator[_Row]:
    """Return rows in pages that grow, each one statement that looks at no more than _LOOKED_AT rows.

    Where that many had none to give, one of them is given all the same: who asks may want to stop in between.
    """
    order, limit = "DESC" if newest_first else "ASC", _PAGE_MIN
    statement = _ROWS.format(more=_FITTING if more else "", order=order)
    while rows:
        some = rows[-_LOOKED_AT:] if newest_first else rows[:_LOOKED_AT]
        page = connection.execute(statement, (some.start, some.stop, *more, limit)).fetchall()
        yield from page
        last = some[0] if newest_first else some[-1]
        if len(page) == limit:
            last = page[-1][0]
        elif not page and len(some) < len(rows):
            yield from connection.execute(_ROWS.format(more="", order=order), (last, last + 1, 1)).fetchall()
        rows = range(rows.start, last) if newest_first else range(last + 1, rows.stop)
        limit = min(limit * 4, _PAGE_MAX)
