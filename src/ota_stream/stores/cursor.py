"""The log group's reader: every complete line of every log stream once, in order, now or as they come."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from msgspec import DecodeError, Struct, json

from ota_stream.stores import log_streams
from ota_stream.stores.errors import StoreError

# Seconds a file's time may lag behind the records in it: the kernel stamps files with a coarser clock.
MTIME_SLACK: Final = 1.0

_decode: Final = json.Decoder(dict[str, Any]).decode


class LogEvent(Struct, frozen=True, gc=False):
    """One stored line, as it was written, without its newline."""

    log_stream: str
    line: bytes

    def entry(self) -> dict[str, Any] | None:
        """Return the entry in the line, or None when the line is damaged."""
        try:
            return _decode(self.line)
        except (DecodeError, UnicodeDecodeError, RecursionError):
            return None


class Cursor:
    """A place in a log group. It holds no file open, so it may wait for hours.

    With `since` (epoch seconds), files last written before it are passed over; single lines are not judged.
    `warn` is told once when half a line had to be skipped (R4).
    """

    def __init__(
        self, data_dir: Path, group: str, *, since: float | None = None, warn: Callable[[str], None] | None = None
    ) -> None:
        self._folder = log_streams.folder(data_dir, group)
        self._since = since
        self._warn = warn
        self._name = ""
        self._offset = 0
        self._torn = False

    def poll(self) -> Iterator[LogEvent]:
        """Give the lines completed since the last poll. A line still being written is left for a later one.

        Raises:
            StoreError: a file cannot be read.
        """
        # The writer makes a new file only after its last word in the old one. So a file that has a successor
        # in this list is complete, because the list is made before the file is read.
        for name in log_streams.names(self._folder):
            if name < self._name or self._is_passed_over(name):
                continue
            if name != self._name:
                self.skip_torn_line()
                self._name, self._offset = name, 0
            yield from self._lines()

    def skip_torn_line(self) -> None:
        """Give up the half line the last poll ended at, if there was one."""
        if self._torn and self._warn is not None:
            self._warn(f"log stream {self._name} ends in half a line, skipped: its writer was stopped in the middle")
            self._warn = None
        self._torn = False

    def _is_passed_over(self, name: str) -> bool:
        if name == self._name:
            return False
        try:
            seen = self._path(name).stat()
        except OSError:
            return False  # opening it will tell
        # Nobody settles at an empty file: its writer may remove it, and the next name then need not be a later one.
        return seen.st_size == 0 or (self._since is not None and seen.st_mtime < self._since - MTIME_SLACK)

    def _lines(self) -> Iterator[LogEvent]:
        path = self._path(self._name)
        try:
            with path.open("rb") as file:
                if os.fstat(file.fileno()).st_size < self._offset:
                    self._offset = 0  # emptied by hand
                file.seek(self._offset)
                for line in file:
                    self._torn = not line.endswith(b"\n")
                    if self._torn:
                        return
                    self._offset += len(line)
                    yield LogEvent(self._name, line[:-1])
        except FileNotFoundError:
            return  # removed between listing and reading
        except OSError as error:
            raise StoreError(f"log stream {path} cannot be read: {error.strerror}") from error

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}{log_streams.SUFFIX}"


def read(
    data_dir: Path, group: str, *, since: float | None = None, warn: Callable[[str], None] | None = None
) -> Iterator[LogEvent]:
    """Give all complete lines there are, oldest first. See Cursor for the arguments and errors."""
    cursor = Cursor(data_dir, group, since=since, warn=warn)
    yield from cursor.poll()
    cursor.skip_torn_line()
