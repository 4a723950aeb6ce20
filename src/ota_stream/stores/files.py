"""Firmware files on disk: taken in once, whole, and watched for change from then on."""

import errno
import hashlib
import os
import stat
import time
from pathlib import Path
from typing import Final

from msgspec import Struct

from ota_stream.errors import OtaStreamError
from ota_stream.streams.catalog import ImageError, ImageForbidden, ImageGone
from ota_stream.streams.quotas import FILE_SIZE_MAX

# R17: a FIFO does not block us and a terminal does not become ours. A symbolic link is followed, as the person who
# names one expects ("latest.bin"): bytes are taken in once, so nobody can exchange them afterwards (R18).
_OPEN: Final = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC

# Seconds after a change in which another may leave the same times on the file: older kernels stamp in steps of 10 ms.
_SETTLED: Final = 0.1


class FirmwareError(OtaStreamError):
    """A firmware file cannot be taken in."""


class _Look(Struct, frozen=True, gc=False):
    """What changes on a file when its content does; all zero for a file that is not there."""

    device: int = 0
    inode: int = 0
    size: int = 0
    modified: int = 0  # nanoseconds
    changed: int = 0  # nanoseconds, by the kernel's clock alone

    def lasting(self) -> "_Look | None":
        """Return this look, or None when the file is so fresh that it could change and look the same."""
        return None if abs(time.time_ns() - self.changed) < _SETTLED * 1e9 else self


class _Sight(Struct, frozen=True):
    """A file as last seen: how it looked from outside, and the tag of its content or why there is none."""

    look: _Look | None  # None never equals a look: read again
    tag: str = ""
    trouble: type[ImageError] | None = None


class FirmwareFile:
    """The image of a file, as it was when this was made (satisfies `streams.catalog.Image`).

    `size` in bytes, `sha256` in hex and every `read` are of that content for ever, so no download mixes two
    images (R16). `etag` tells of the file as it is now. To serve new content, make a new FirmwareFile.

    Raises:
        FirmwareError: the file is missing, unreadable, not a regular file, empty, too large, or being written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        before = _look(path)
        try:
            content = _content(path)
        except OSError as error:
            raise FirmwareError(f"firmware {path}: {error.strerror}; name an image file that can be read") from error
        if not content:
            raise FirmwareError(f"firmware {path} is empty: build it first")
        if len(content) > FILE_SIZE_MAX:
            raise FirmwareError(
                f"firmware {path} is larger than {FILE_SIZE_MAX} bytes (24 MiB), the most a stream takes"
            )
        if _look(path) != before:
            raise FirmwareError(f"firmware {path} changed while it was read: wait until it is complete")
        self._content = content
        self.sha256 = hashlib.sha256(content).hexdigest()
        self._now = _Sight(before.lasting(), self.sha256)

    @property
    def size(self) -> int:
        """Bytes of the image."""
        return len(self._content)

    def etag(self) -> str:
        """Return the tag of the file as `reread` last found it.

        Raises:
            ImageGone: it was not there.
            ImageForbidden: it was there, but could not be read.
        """
        now = self._now
        if now.trouble is not None:
            raise now.trouble(f"firmware {self.path} cannot be read any more")
        return now.tag

    def read(self, start: int, end: int) -> bytes:
        """Return the image's bytes from `start` to before `end`."""
        return self._content[start:end]

    def changed(self) -> bool:
        """Tell whether the file may have changed since it was last read. One system call."""
        return self._now.look != _look(self.path)

    def reread(self) -> None:
        """Read and hash the file as it is now. Takes tens of milliseconds: not on an event loop (R26)."""
        look = _look(self.path)
        try:
            self._now = _Sight(look.lasting(), hashlib.sha256(_content(self.path)).hexdigest())
        except (FileNotFoundError, NotADirectoryError):
            self._now = _Sight(look, trouble=ImageGone)
        except OSError:
            self._now = _Sight(None, trouble=ImageForbidden)  # whatever was wrong may pass without a trace on the file

    def recheck(self) -> None:
        """Bring `etag` up to date; cheap when nothing changed."""
        if self.changed():
            self.reread()


def _look(path: Path) -> _Look:
    try:
        seen = path.stat()
    except OSError:
        return _Look()
    return _Look(seen.st_dev, seen.st_ino, seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns)


def _content(path: Path) -> bytes:
    """Return the file's bytes, at most one more than a stream file may have. Raises OSError."""
    with open(path, "rb", opener=lambda name, _: os.open(name, _OPEN)) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(errno.EINVAL, "Not a regular file")
        return file.read(FILE_SIZE_MAX + 1)
