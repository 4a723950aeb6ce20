"""Firmware images in a worker's memory: fetched once, from a path or from S3, verified, then only sliced."""

import asyncio
import hashlib
from pathlib import Path
from typing import Any, Final

from ota_stream.stores.errors import StoreError
from ota_stream.stores.shared.rows import SharedFile
from ota_stream.streams.catalog import Image, ImageError, ImageForbidden, ImageGone
from ota_stream.streams.quotas import FILE_SIZE_MAX

S3: Final = "s3://"


class LoadedImage:
    """Bytes in memory with their tag (satisfies `streams.catalog.Image`): of a worker's, their SHA-256."""

    def __init__(self, content: bytes, tag: str) -> None:
        self._content = content
        self._tag = tag

    @property
    def size(self) -> int:
        """Bytes."""
        return len(self._content)

    def etag(self) -> str:
        """Return the tag."""
        return self._tag

    def read(self, start: int, end: int) -> bytes:
        """Return the bytes from `start` to before `end`."""
        return self._content[start:end]


class MissingImage:
    """An image that could not be brought (satisfies `streams.catalog.Image`): whoever asks for it is told."""

    size = 0

    def __init__(self, why: ImageError) -> None:
        self.why = why

    def etag(self) -> str:
        """Raise why it is missing."""
        raise self.why

    def read(self, start: int, end: int) -> bytes:  # noqa: ARG002 - as Image has it
        """Raise why it is missing."""
        raise self.why


async def fetch(uri: str) -> bytes:
    """Return the bytes behind a path or an s3:// address, at most one more than a stream file may have.

    Raises:
        ImageGone: nothing is there.
        ImageForbidden: it may not be read.
        StoreError: the address is none, or what S3 needs is not installed.
    """
    if uri.startswith(S3):
        return await _from_s3(uri)
    try:
        return await asyncio.to_thread(_from_disk, Path(uri))
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        raise ImageGone(f"there is no file {uri}") from None
    except OSError as error:
        raise ImageForbidden(f"{uri}: {error.strerror}") from None


def _from_disk(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(FILE_SIZE_MAX + 1)


async def _from_s3(uri: str) -> bytes:
    """Read an object; credentials, region and endpoint are those of the environment (AWS_ENDPOINT_URL, ...)."""
    try:
        from obstore import exceptions, store  # noqa: PLC0415 - an extra
    except ImportError:
        raise StoreError(f"{uri}: S3 needs the extra: pip install 'ota-stream[worker]'") from None
    bucket, _, key = uri.removeprefix(S3).partition("/")
    if not bucket or not key:
        raise StoreError(f"{uri}: write it as s3://BUCKET/KEY")
    plain: Any = {"allow_http": True}
    try:
        found = await store.S3Store(bucket, client_options=plain).get_async(key)
        return bytes(await found.bytes_async())
    except FileNotFoundError:
        raise ImageGone(f"there is no object {uri}") from None
    except (PermissionError, exceptions.UnauthenticatedError):
        raise ImageForbidden(f"{uri} may not be read with these credentials") from None
    except exceptions.BaseError as error:
        raise ImageForbidden(f"{uri}: {' '.join(str(error).split())[:300]}") from None


class Images:
    """Brings images, each content once however many streams have it."""

    def __init__(self) -> None:
        self._loaded: dict[str, LoadedImage] = {}

    async def load(self, file: SharedFile) -> Image:
        """Return the image of a file; when it cannot be had or is another, one that says so."""
        known = self._loaded.get(file.sha256)
        if known is not None:
            return known
        try:
            content = await fetch(file.uri)
        except ImageError as error:
            return MissingImage(error)
        sha256 = hashlib.sha256(content).hexdigest()
        if sha256 != file.sha256:
            return MissingImage(ImageGone(f"{file.uri} is not what it was when its stream was made"))
        image = self._loaded[sha256] = LoadedImage(content, sha256)
        return image

    def keep_only(self, tags: set[str]) -> None:
        """Let go of the images no stream has any more."""
        for tag in self._loaded.keys() - tags:
            del self._loaded[tag]


async def described(file_id: int, uri: str) -> SharedFile:
    """Return the row of a file for a store. Raises ImageError, StoreError."""
    content = await fetch(uri)
    if not content:
        raise StoreError(f"{uri} is empty: build it first")
    if len(content) > FILE_SIZE_MAX:
        raise StoreError(f"{uri} is larger than {FILE_SIZE_MAX} bytes (24 MiB), the most a stream takes")
    return SharedFile(file_id, uri, len(content), hashlib.sha256(content).hexdigest())
