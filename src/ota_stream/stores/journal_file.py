"""One file of the journal as log events, by time and both ways.

A sparse index is kept, extended as the file grows, so that a page costs what it shows.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from msgspec import Struct

from ota_stream.logs.events import LogEvent, Wanted
from ota_stream.stores import log_streams
from ota_stream.stores.log_lines import dated, latest

BLOCK: Final = 256 * 1024  # bytes read at once, and between two entries of an index


class Start(Struct, frozen=True, gc=False):
    """Where a file is read from: line and byte, and the time of the line before, None when none has said one."""

    line: int = 0
    offset: int = 0
    time: int | None = None


class JournalFile:
    """The lines of a log stream from `start` on: where blocks of whole lines begin, and the time before each.

    `lines` counts all of the log stream's, `size` its bytes in whole lines; `first` and `last` are times. `torn`: half
    a line is at the end. Every method may raise OSError.
    """

    def __init__(self, name: str, path: Path, start: Start) -> None:
        self.name = name
        self.start = start
        self.path = path
        self._made = log_streams.milliseconds(name)
        self._begin(start)

    def _begin(self, start: Start) -> None:
        self.lines = start.line
        self.size = start.offset
        self.torn = False
        self._first: int | None = start.time
        self._last: int | None = start.time
        self._blocks: list[Start] = []

    @property
    def first(self) -> int:
        """The time of the first line: until one says its time, that of the file's making."""
        return self._made if self._first is None else self._first

    @property
    def last(self) -> int:
        """The time of the last line."""
        return self._made if self._last is None else self._last

    def grow(self) -> None:
        """Take in what was written since the last time."""
        size = self.path.stat().st_size
        if size < self.size and self.start == Start():
            self._begin(self.start)  # emptied by hand
        while self.size < size and self._take_block():
            pass
        self.torn = self.size < size

    def events(self, positions: range, wanted: Wanted) -> Iterator[LogEvent]:
        """Return the wanted events among these lines."""
        blocks = self._between(wanted.start, wanted.end)
        for block in reversed(blocks) if wanted.newest_first else blocks:
            events = [each for each in self._events(block) if wanted.start <= each.timestamp <= wanted.end]
            yield from (
                each for each in (reversed(events) if wanted.newest_first else events) if each.position in positions
            )

    def _between(self, first: int, last: int) -> range:
        times = [-1 if block.time is None else block.time for block in self._blocks]
        return range(max(0, bisect_left(times, first) - 1), bisect_right(times, last))

    def _events(self, block: int) -> Iterator[LogEvent]:
        start = self._blocks[block]
        end = self._blocks[block + 1].offset if block + 1 < len(self._blocks) else self.size
        lines = self._read(start.offset, end - start.offset)[:-1].split(b"\n")
        for position, (time, _, line) in enumerate(dated(lines, start.time), start.line):
            at = self.first if time is None else time
            yield LogEvent(at, self.name, position, line.decode(errors="replace"), at)

    def _take_block(self) -> bool:
        content = self._read(self.size, BLOCK)
        whole = content.rfind(b"\n") + 1
        if whole == 0 and len(content) == BLOCK:
            content = self._read(self.size, self.path.stat().st_size - self.size)  # a line longer than a block
            whole = content.find(b"\n") + 1
        if whole == 0:
            return False  # half a line: its writer is not done, or was stopped
        if not self._blocks or self.size - self._blocks[-1].offset + whole > BLOCK:
            self._blocks.append(Start(self.lines, self.size, self._last))
        lines = content[: whole - 1].split(b"\n")
        if self._first is None:
            self._first = next((time for time, _, _ in dated(lines, None) if time is not None), None)
        self._last = latest(lines, self._last)
        self.lines += len(lines)
        self.size += whole
        return True

    def _read(self, start: int, length: int) -> bytes:
        with self.path.open("rb") as file:
            file.seek(start)
            return file.read(length)
