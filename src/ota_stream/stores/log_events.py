"""The log groups of a data directory as log events: the rows of each SQLite file, then what is only in the journal.

While lines move from the one to the other, in another process, every read has each of them once.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from heapq import merge
from operator import attrgetter
from pathlib import Path
from typing import Final

from msgspec import Struct

from ota_stream.logs import groups
from ota_stream.logs.events import LogEvent, LogGroup, LogStream, Wanted, key
from ota_stream.stores import log_database, log_streams
from ota_stream.stores.errors import StoreError
from ota_stream.stores.journal_file import JournalFile, Start
from ota_stream.stores.log_database import Taken
from ota_stream.stores.log_rows import Rows

FOREVER: Final = 2**63 - 1  # milliseconds

_LOOKS: Final = 100  # at a log group whose files vanish while it is looked at


class _Kept(Struct, frozen=True, gc=False):
    """A log stream at one moment: its rows, and how many lines the journal had beyond them."""

    taken: Taken
    file: JournalFile | None
    lines: int
    size: int
    last: int

    @property
    def name(self) -> str:
        return self.taken.name

    @property
    def first(self) -> int:
        return self.taken.first if self.taken.rows or self.file is None else self.file.first

    @property
    def rest(self) -> range:
        """The lines that are only in the journal."""
        return range(self.taken.lines, self.lines)


class StoredEvents:
    """The log groups in a data directory; satisfies `ota_stream.logs.events.Events`. One thread at a time.

    A position is the number of a line in its log stream. Log streams that nothing was written to, or whose lines were
    all dropped, are not there (LG-4).
    """

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._rows: dict[Path, Rows] = {}
        self._files: dict[Path, JournalFile] = {}

    def groups(self) -> Iterable[LogGroup]:
        """Return the groups that something was written to."""
        for name in log_streams.found(self._data_dir):
            streams = self.streams(name)
            if streams:
                created = min(stream.created for stream in streams)
                yield LogGroup(groups.resolve(name), created, sum(stream.size for stream in streams))

    def streams(self, group: str) -> Sequence[LogStream]:
        """Return a group's log streams."""
        return [
            LogStream(
                each.name,
                log_streams.milliseconds(each.name),
                each.first,
                each.last,
                each.last,
                each.size,
                end=each.lines,
            )
            for each in self._of(group)
        ]

    def torn(self, group: str) -> list[str]:
        """Return the log streams whose journal ends in half a line."""
        self._of(group)
        folder = log_streams.folder(self._data_dir, group)
        return [file.name for path, file in self._files.items() if file.torn and path.parent == folder]

    def read(self, group: str, wanted: Wanted) -> Iterable[LogEvent]:
        """Return the wanted events, ordered by (timestamp, log stream, position); none that is not beyond."""
        rows, beyond = self._rows_of(group), wanted.beyond or {}

        def events(kept: _Kept) -> Iterator[LogEvent]:
            lines = range(beyond.get(kept.name, 0), kept.lines)
            halves = rows.events(kept.taken, lines, wanted), self._from_journal(rows, kept, lines, wanted)
            for half in reversed(halves) if wanted.newest_first else halves:
                yield from half

        found = [
            each
            for each in self._of(group)
            if (wanted.streams is None or each.name in wanted.streams)
            and each.first <= wanted.end
            and each.last >= wanted.start
            and beyond.get(each.name, 0) < each.lines
        ]
        for together in _overlapping(found, newest_first=wanted.newest_first):
            yield from merge(*map(events, together), key=key, reverse=wanted.newest_first)

    def close(self) -> None:
        """Close the SQLite files."""
        for rows in self._rows.values():
            rows.close()

    def _from_journal(self, rows: Rows, kept: _Kept, lines: range, wanted: Wanted) -> Iterator[LogEvent]:
        left = range(max(kept.rest.start, lines.start), kept.rest.stop)
        if kept.file is None or not left:
            return
        try:
            for event in kept.file.events(left, wanted):
                yield event
                at = event.position
                left = range(left.start, at) if wanted.newest_first else range(at + 1, left.stop)
        except FileNotFoundError:  # taken in meanwhile, so its lines are rows now; or removed by hand
            for taken in rows.taken():
                if taken.name == kept.name:
                    yield from rows.events(taken, left, wanted)
        except OSError as error:
            raise _unreadable(kept.file.path, error) from error

    def _of(self, group: str) -> list[_Kept]:
        """Return a group's log streams as they are now, oldest first."""
        folder = log_streams.folder(self._data_dir, group)
        for _ in range(_LOOKS):
            # The files are listed before the rows are looked at. One that is gone afterwards was taken in meanwhile:
            # its rows are there at the next look. One that is new afterwards is newer than all we give.
            names = log_streams.names(folder)
            taken = {each.name: each for each in self._rows_of(group).taken()}
            with suppress(FileNotFoundError):
                rests = {name: self._rest(folder, taken.get(name) or Taken(name, 0)) for name in names}
                break
        else:
            raise StoreError(f"log group {folder} cannot be read: files in it vanish faster than they can be opened")
        for path in [path for path in self._files if path.parent == folder and path.stem not in rests]:
            del self._files[path]
        found = (_kept(taken.get(name) or Taken(name, 0), rests.get(name)) for name in {**taken, **rests})
        return sorted((each for each in found if each.taken.rows or each.rest), key=attrgetter("name"))

    def _rest(self, folder: Path, taken: Taken) -> JournalFile | None:
        """Return the file of the journal with lines that are no rows. Raises FileNotFoundError, StoreError."""
        path = folder / f"{taken.name}{log_streams.SUFFIX}"
        if taken.whole:
            self._files.pop(path, None)
            return None
        file = self._files.get(path)
        if file is None or not file.start.line <= taken.lines <= file.lines:  # what became rows is not read here
            start = Start(taken.lines, taken.offset, taken.last if taken.dated else None)
            file = self._files[path] = JournalFile(taken.name, path, start)
        try:
            file.grow()
        except FileNotFoundError:
            raise
        except OSError as error:
            raise _unreadable(path, error) from error
        return file

    def _rows_of(self, group: str) -> Rows:
        path = log_streams.folder(self._data_dir, group) / log_database.NAME
        return self._rows.setdefault(path, Rows(path))


def _kept(taken: Taken, file: JournalFile | None) -> _Kept:
    if file is None or file.lines <= taken.lines:
        return _Kept(taken, None, taken.lines, _size(taken), taken.last)
    return _Kept(taken, file, file.lines, _size(taken) + file.size - taken.offset, file.last)


def _size(taken: Taken) -> int:
    """Return how many bytes the lines have that were not dropped, taking them as equally long."""
    return taken.offset * len(taken.rows) // max(1, taken.lines)


def _overlapping(found: list[_Kept], *, newest_first: bool) -> Iterator[list[_Kept]]:
    """Return log streams in the order of their events; those that overlap in time together."""
    if newest_first:
        found = sorted(found, key=attrgetter("last"), reverse=True)
    else:
        found = sorted(found, key=attrgetter("first"))
    together: list[_Kept] = []
    for each in found:
        if together and (
            each.last < min(one.first for one in together)
            if newest_first
            else each.first > max(one.last for one in together)
        ):
            yield together
            together = []
        together.append(each)
    if together:
        yield together


def _unreadable(path: Path, error: OSError) -> StoreError:
    return StoreError(f"log stream {path} cannot be read: {error.strerror}")
