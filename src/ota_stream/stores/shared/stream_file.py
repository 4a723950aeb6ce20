"""Streams in one JSON file: for workers on one machine, or on several with a shared folder."""

import asyncio
import os
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from ota_stream.stores.errors import StoreError
from ota_stream.stores.shared.rows import SharedStream

EXAMPLE: Final = '{"streams": [{"streamId", "version", "files": [{"fileId", "uri", "size", "sha256"}]}]}'


class _Content(Struct, frozen=True, forbid_unknown_fields=True):
    streams: tuple[SharedStream, ...] = ()


class StreamFileStore:
    """Reads and writes the file; written aside and renamed, so a reader never finds half of it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    async def revision(self) -> object:
        """Return what changes with the file; None while there is none. Raises StoreError."""
        return await asyncio.to_thread(self._look)

    async def streams(self) -> list[SharedStream]:
        """Return all streams, none when there is no file. Raises StoreError."""
        return list((await asyncio.to_thread(self._read)).streams)

    async def put(self, stream: SharedStream) -> None:
        """Keep a stream. Raises StoreError."""
        others = [one for one in await self.streams() if one.stream_id != stream.stream_id]
        await asyncio.to_thread(self._write, _Content((*others, stream)))

    async def delete(self, stream_id: str) -> bool:
        """Forget a stream; tell whether there was one. Raises StoreError."""
        known = await self.streams()
        left = tuple(one for one in known if one.stream_id != stream_id)
        await asyncio.to_thread(self._write, _Content(left))
        return len(left) < len(known)

    async def close(self) -> None:
        """Nothing is open."""

    def _look(self) -> object:
        try:
            seen = self.path.stat()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StoreError(f"store {self.path}: {error.strerror}") from error
        return seen.st_ino, seen.st_size, seen.st_mtime_ns

    def _read(self) -> _Content:
        try:
            return msgspec.json.decode(self.path.read_bytes(), type=_Content)
        except FileNotFoundError:
            return _Content()
        except OSError as error:
            raise StoreError(f"store {self.path}: {error.strerror}") from error
        except msgspec.DecodeError as error:
            raise StoreError(f"store {self.path}: {error}; it is to be {EXAMPLE}") from error

    def _write(self, content: _Content) -> None:
        aside = self.path.with_name(f"{self.path.name}.{os.getpid()}.part")
        try:
            aside.write_bytes(msgspec.json.format(msgspec.json.encode(content), indent=2) + b"\n")
            aside.replace(self.path)
        except OSError as error:
            raise StoreError(f"store {self.path}: {error.strerror}") from error
