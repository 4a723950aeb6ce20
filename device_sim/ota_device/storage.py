"""The one place where a device writes: blocks in place, barriers, and whole files replaced at once."""

import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from ota_device.errors import FlashError


class Storage(Protocol):
    """Flash memory as files. What `write` wrote may be lost or half there after a power cut, until `sync` returned.

    `replace` is atomic and durable: after a power cut there is the old file or the new one.
    """

    def read(self, name: str) -> bytes | None:
        """Return a whole file, or None when there is none."""
        ...

    def write(self, name: str, offset: int, data: bytes) -> None:
        """Write in place; the file grows as needed."""
        ...

    def sync(self, name: str) -> None:
        """Make durable what was written to a file."""
        ...

    def replace(self, name: str, data: bytes) -> None:
        """Give a file this content, at once and for good."""
        ...


class FolderStorage:
    """A directory with real files. Errors of the file system are FlashError."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with self._errors():
            folder.mkdir(parents=True, exist_ok=True)

    def read(self, name: str) -> bytes | None:
        """Return a whole file, or None when there is none."""
        with self._errors():
            try:
                return (self._folder / name).read_bytes()
            except FileNotFoundError:
                return None

    def write(self, name: str, offset: int, data: bytes) -> None:
        """Write in place; the file grows as needed."""
        with self._errors(), self._open(name, os.O_RDWR | os.O_CREAT) as file:
            os.pwrite(file, data, offset)

    def sync(self, name: str) -> None:
        """Make durable what was written to a file."""
        with self._errors(), self._open(name, os.O_RDWR | os.O_CREAT) as file:
            os.fsync(file)

    def replace(self, name: str, data: bytes) -> None:
        """Write a file beside it, make it durable, rename it over the old one, make that durable."""
        temporary = self._folder / f"{name}.new"
        with self._errors():
            with temporary.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(self._folder / name)
            with self._open(".", os.O_RDONLY) as folder:
                os.fsync(folder)

    @contextmanager
    def _open(self, name: str, flags: int) -> Generator[int]:
        file = os.open(self._folder / name, flags, 0o644)
        try:
            yield file
        finally:
            os.close(file)

    @contextmanager
    def _errors(self) -> Generator[None]:
        try:
            yield
        except OSError as error:
            raise FlashError(f"the flash in {self._folder} cannot be used: {error.strerror}") from error
