"""The log group's writer: an append-only journal, written before the answer leaves and synced soon after.

A process that is killed loses no flushed record (R2); a machine that loses power loses those since the last sync (R3).
"""

import errno
import os
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from ota_stream.clock import Clock
from ota_stream.stores import log_streams
from ota_stream.stores.errors import StoreError

__all__ = ["BUFFER_MAX", "ROTATE_AT", "Journal", "StoreError"]

ROTATE_AT: Final = 64 * 1024 * 1024  # bytes after which the next batch starts a new log stream
BUFFER_MAX: Final = 16 * 1024 * 1024  # bytes kept while the disk takes none: some 40,000 records

_NEW_FILE: Final = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
_NEWLINE: Final = 0x0A
_sync_data: Final = os.fsync if sys.platform == "darwin" else os.fdatasync


class Journal:
    """Appends lines to a log group; a new log stream at each start, so nothing is glued to a torn line (R4).

    All of it belongs on one thread, except `sync`, which may run on another. `lost` counts the lines there was no
    room for. `write` is `os.write`, or what a test puts in its place; `chance` draws so many bytes for names.

    Raises:
        StoreError: the folder or the first file cannot be made.
    """

    def __init__(  # noqa: PLR0913 - where and when, and three named extras
        self,
        data_dir: Path,
        group: str,
        account_id: str,
        clock: Clock,
        *,
        rotate_at: int = ROTATE_AT,
        buffer_max: int = BUFFER_MAX,
        write: Callable[[int, bytearray], int] = os.write,
        chance: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self.lost = 0
        self._folder = log_streams.folder(data_dir, group)
        self._account_id = account_id
        self._clock = clock
        self._rotate_at = rotate_at
        self._buffer_max = buffer_max
        self._write = write
        self._chance = chance
        self._buffer = bytearray()
        self._lock = threading.Lock()  # over the descriptors and what is to be synced
        self._retired: list[int] = []  # descriptors of full files, not yet synced
        self._unsynced = False
        self._names_unsynced = False
        self._gone = False  # the file was removed by hand
        self._count = 0
        self._path = self._folder
        self._size = 0  # bytes in the file
        self._torn = False  # the file ends in half a line, and the other half waits in the buffer
        self._fd: int | None = None
        try:
            self._start()
        except OSError as error:
            raise StoreError(f"no log stream can be made in {self._folder}: {error.strerror}") from error

    @property
    def waiting(self) -> int:
        """Bytes appended and not yet in the file."""
        return len(self._buffer)

    @property
    def unsynced(self) -> bool:
        """Whether `sync` has something to do."""
        return self._unsynced

    def append(self, line: bytes) -> None:
        """Take one line, without its newline; it is on its way only after `flush`."""
        if len(self._buffer) + len(line) >= self._buffer_max and not self._relieved(len(line)):
            self.lost += 1  # R8: bounded, and counted
            return
        self._buffer += line
        self._buffer += b"\n"

    def flush(self) -> None:
        """Write all lines taken so far, in one piece.

        Raises:
            StoreError: not all could be written. What is left waits for the next flush, which goes on where this
                one stopped, so no half line stays (R8, R11).
        """
        if not self._buffer:
            return
        try:
            self._rotate_when_due()
            self._write_all()
        except OSError as error:
            raise StoreError(
                f"log records cannot be written to {self._path}: {error.strerror};"
                f" {len(self._buffer)} bytes wait in memory, {self.lost} records are lost: make room"
            ) from error

    def sync(self) -> None:
        """Wait until what was flushed is safe from power loss. May run on another thread.

        Raises:
            StoreError: the disk did not confirm it.
        """
        if not self._unsynced:
            return
        try:
            self._sync()
        except OSError as error:
            self._unsynced = self._names_unsynced = True
            raise StoreError(f"log records in {self._folder} may not survive a power loss: {error.strerror}") from error

    def close(self) -> None:
        """Flush, sync and close. A log stream nothing was written to is removed. Closing again does nothing.

        Raises:
            StoreError: something could not be written; it is closed all the same.
        """
        if self._fd is None:
            return
        try:
            try:
                self.flush()
            finally:
                self.sync()
        finally:
            with self._lock:
                for fd in (*self._retired, self._fd):
                    os.close(fd)
                self._retired.clear()
                self._fd = None
            if self._size == 0:
                self._path.unlink(missing_ok=True)

    def _relieved(self, needed: int) -> bool:
        with suppress(StoreError):  # the owner's own flush will tell
            self.flush()
        return len(self._buffer) + needed < self._buffer_max

    def _start(self) -> None:
        for folder in (self._folder.parent.parent, self._folder.parent, self._folder):
            folder.mkdir(mode=0o700, exist_ok=True)
        # The wall clock may jump back (R12); a name never sorts before one that is there.
        newest = max(map(log_streams.milliseconds, log_streams.names(self._folder)), default=0)
        now = max(int(self._clock.wall() * 1000), newest + 1)
        name = log_streams.build(now, self._account_id, self._count, self._chance)
        path = self._folder / (name + log_streams.SUFFIX)
        fd = os.open(path, _NEW_FILE, 0o600)
        with self._lock:
            if self._fd is not None:
                self._retired.append(self._fd)
            self._fd = fd
            self._names_unsynced = True
            self._gone = False
        self._path = path
        self._size = 0
        self._torn = False
        self._count += 1

    def _rotate_when_due(self) -> None:
        if self._gone:
            self._start()
        elif self._size >= self._rotate_at and not self._torn:
            # Without a descriptor or room for a new file the old one may still take lines; the next flush tries again.
            with suppress(OSError, StoreError):
                self._start()

    def _write_all(self) -> None:
        if self._fd is None:
            raise OSError(errno.EBADF, "it is closed")
        while self._buffer:
            written = self._write(self._fd, self._buffer)
            if written == 0:
                raise OSError(errno.EIO, "nothing was written")
            self._unsynced = True
            self._size += written
            self._torn = self._buffer[written - 1] != _NEWLINE
            del self._buffer[:written]

    def _sync(self) -> None:
        with self._lock:
            if self._fd is None:
                return
            # A copy of the descriptor, so that flush may rotate and close may close while the disk is slow.
            fds = [os.dup(self._fd), *self._retired]
            self._retired.clear()
            names_unsynced, self._names_unsynced = self._names_unsynced, False
            self._unsynced = False
        try:
            if os.fstat(fds[0]).st_nlink == 0:
                self._gone = True  # the next flush starts anew instead of writing into nothing
            for fd in fds:
                _sync_data(fd)
            if names_unsynced and not self._gone:
                self._sync_names()
        finally:
            for fd in fds:
                os.close(fd)

    def _sync_names(self) -> None:
        for folder in (self._folder, self._folder.parent, self._folder.parent.parent):
            fd = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
            try:
                os.fsync(fd)
            finally:
                os.close(fd)
