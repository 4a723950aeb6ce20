"""Uploaded images by bucket, key and version, the way S3 names them; the bytes lie by their digest (R18, A5)."""

import hashlib
import os
import secrets
from collections.abc import Callable, MutableMapping
from pathlib import Path
from typing import Final

from msgspec import Struct

from ota_stream.errors import ControlError
from ota_stream.stores.errors import StoreError
from ota_stream.streams.catalog import ImageGone
from ota_stream.streams.quotas import FILE_SIZE_MAX
from ota_stream.updates.objects import StoredObject

_VERSION_BYTES: Final = 16  # of an id that is drawn


class ObjectRow(Struct, frozen=True):
    """One version of an object. `digest` is the SHA-256 of its bytes, in hex; `size` in bytes."""

    bucket: str
    key: str
    version: str
    digest: str
    size: int


class ObjectImage:
    """The image of a stored object (satisfies `streams.catalog.Image`). It is read once, when first needed."""

    def __init__(self, row: ObjectRow, path: Path) -> None:
        self.row = row
        self._path = path
        self._content: bytes | None = None

    @property
    def size(self) -> int:
        """Bytes."""
        return self.row.size

    def etag(self) -> str:
        """Return the digest: a version never changes.

        Raises:
            ImageGone: somebody removed the bytes.
        """
        if self._content is None and not self._path.is_file():
            raise ImageGone(f"object {self.row.bucket}/{self.row.key} is gone from {self._path.parent}")
        return self.row.digest

    def read(self, start: int, end: int) -> bytes:
        """Return the bytes from `start` to before `end`.

        Raises:
            ImageGone: somebody removed the bytes.
        """
        if self._content is None:
            try:
                self._content = self._path.read_bytes()
            except OSError as error:
                raise ImageGone(f"object {self.row.bucket}/{self.row.key}: {error.strerror}") from error
        return self._content[start:end]


class ObjectStore:
    """Keeps objects below `folder` (satisfies `updates.objects.Objects`); `table` says which there are.

    `chance` draws so many bytes, for the ids of versions.
    """

    def __init__(
        self,
        folder: Path,
        table: MutableMapping[str, ObjectRow],
        chance: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        self._folder = folder
        self._table = table
        self._chance = chance
        self._images: dict[str, ObjectImage] = {}

    def put(self, bucket: str, key: str, content: bytes) -> str:
        """Keep a new version of an object and return its id: written aside, synced, then named (R9).

        Raises:
            ControlError: it is empty or larger than a stream carries.
            StoreError: it cannot be written; nothing is changed then.
        """
        if not 1 <= len(content) <= FILE_SIZE_MAX:
            raise ControlError("InvalidRequestException", 400, f"an image has 1 to {FILE_SIZE_MAX} bytes")
        digest = hashlib.sha256(content).hexdigest()
        try:
            self._write(self._folder / digest, content)
        except OSError as error:
            raise StoreError(f"object {bucket}/{key} cannot be kept in {self._folder}: {error.strerror}") from error
        row = ObjectRow(bucket, key, self._chance(_VERSION_BYTES).hex(), digest, len(content))
        self._table[_name(bucket, key, None)] = row
        self._table[_name(bucket, key, row.version)] = row
        return row.version

    def find(self, bucket: str, key: str, version: str | None = None) -> StoredObject:
        """Return a version of an object, the newest for None.

        Raises:
            ImageGone: there is none.
        """
        row = self._table.get(_name(bucket, key, version))
        if row is None:
            raise ImageGone(f"there is no object {bucket}/{key}" + (f" version {version}" if version else ""))
        name = _name(bucket, key, row.version)
        image = self._images.get(name)
        if image is None:
            image = self._images[name] = ObjectImage(row, self._folder / row.digest)
        return StoredObject(bucket, key, row.version, image)

    def _write(self, path: Path, content: bytes) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if path.is_file():
            return
        aside = path.with_suffix(f".{os.getpid()}.part")
        with aside.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)


def _name(bucket: str, key: str, version: str | None) -> str:
    return f"{version or ''}/{bucket}/{key}"  # the key comes last: it may hold any character
