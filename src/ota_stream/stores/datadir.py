"""The data directory: made for its owner only, and locked by the one process that writes to it."""

import fcntl
import os
from pathlib import Path
from typing import Final, Self

from ota_stream.stores.errors import StoreError

DEFAULT: Final = Path(".ota-stream")


class DataDir:
    """Opens and locks `path`; `close` lets it go. The kernel lets it go when the process dies, however it dies.

    Raises:
        StoreError: it cannot be made or written to, or another process holds it (R6, R7).
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock: int | None = os.open(path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise _unusable(path, error) from error
        try:
            _take(self._lock, path)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let the directory go. The file stays: were it removed, two processes could hold two locks of one name."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _take(lock: int, path: Path) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.ftruncate(lock, 0)
        os.write(lock, f"{os.getpid()}\n".encode())
    except BlockingIOError:
        holder = os.pread(lock, 32, 0).decode(errors="replace").strip()
        who = f"process {holder}" if holder.isdecimal() else "another process"
        raise StoreError(f"data directory {path} is in use by {who}: stop it, or choose another directory") from None
    except OSError as error:
        raise _unusable(path, error) from error


def _unusable(path: Path, error: OSError) -> StoreError:
    why = "Not a directory" if isinstance(error, FileExistsError) else error.strerror
    return StoreError(f"data directory {path} cannot be used: {why}; choose another directory")
