"""The streams there are: their versions, files and images. It knows nothing of where an image lies."""

from collections.abc import Collection, Iterator, Mapping
from typing import Protocol

from msgspec import Struct
from msgspec.structs import replace

from ota_stream.errors import OtaStreamError
from ota_stream.names import is_stream_id
from ota_stream.streams import quotas
from ota_stream.streams.options import StreamOptions


class ImageError(OtaStreamError):
    """An image cannot be served now."""


class ImageGone(ImageError):
    """The object behind a stream file is no longer there."""


class ImageForbidden(ImageError):
    """The object is there, but the service may not read it."""


class CatalogError(OtaStreamError):
    """A stream cannot be made or changed like this."""


class Image(Protocol):
    """The bytes behind a stream file, wherever they are kept."""

    @property
    def size(self) -> int:
        """Bytes."""
        ...

    def etag(self) -> str:
        """Return the tag of the content as it is now. Raises ImageError when it cannot be read."""
        ...

    def read(self, start: int, end: int) -> bytes:
        """Return the bytes from `start` to before `end`, of the content that had the tag at creation."""
        ...


class StreamFile(Struct, frozen=True):
    """A file of a stream. Size and ETag are those of the moment the stream was made or updated (SC-9)."""

    file_id: int
    image: Image
    size: int
    etag: str


class Stream(Struct, frozen=True):
    """A list of files under one id, with a version that rises with every update."""

    stream_id: str
    version: int
    files: Mapping[int, StreamFile]
    description: str | None = None


class Catalog:
    """All streams of the account, in memory."""

    def __init__(self, options: StreamOptions | None = None) -> None:
        self._options = options or StreamOptions()
        self._streams: dict[str, Stream] = {}
        self.find = self._streams.get

    def __iter__(self) -> Iterator[Stream]:
        return iter(self._streams.values())

    def put(self, stream_id: str, images: Mapping[int, Image], description: str | None = None) -> Stream:
        """Make a stream, version 1 (SC-6).

        Raises:
            CatalogError: a bad or taken id, no file, too many files or streams.
            ImageError: an image cannot be read.
        """
        if not is_stream_id(stream_id):
            raise CatalogError(f"stream id {stream_id!r}: use 1 to 128 of a-z A-Z 0-9 _ -")
        if stream_id in self._streams:
            raise CatalogError(f"stream {stream_id} exists already: choose another id")
        if len(self._streams) >= self._options.streams_max:  # Q-8, text Q-12
            raise CatalogError("You have exceeded the limit for the number of streams in your AWS account.")
        stream = Stream(stream_id, quotas.STREAM_VERSION_FIRST, self._files(images), description)
        self._streams[stream_id] = stream
        return stream

    def update(self, stream_id: str, images: Mapping[int, Image]) -> Stream:
        """Replace a stream's files; its version rises by one (SC-2)."""
        old = self._streams.get(stream_id)
        if old is None:
            raise CatalogError(f"there is no stream {stream_id!r}")
        if old.version >= quotas.STREAM_VERSION_MAX:
            raise CatalogError(f"stream {stream_id} has had all its {quotas.STREAM_VERSION_MAX} versions")
        stream = replace(old, version=old.version + 1, files=self._files(images))
        self._streams[stream_id] = stream
        return stream

    def keep(self, stream: Stream) -> None:
        """Have a stream just as it is, in place of one with its id: what a restart brings back, or a caller has made.

        Raises:
            CatalogError: a bad id or file id, no file, too many files or streams.
        """
        if not is_stream_id(stream.stream_id):
            raise CatalogError(f"stream id {stream.stream_id!r}: use 1 to 128 of a-z A-Z 0-9 _ -")
        if stream.stream_id not in self._streams and len(self._streams) >= self._options.streams_max:  # Q-8, text Q-12
            raise CatalogError("You have exceeded the limit for the number of streams in your AWS account.")
        self._check(stream.files)
        self._streams[stream.stream_id] = stream

    def delete(self, stream_id: str) -> None:
        """Forget a stream; its next request is refused with ResourceNotFound."""
        if self._streams.pop(stream_id, None) is None:
            raise CatalogError(f"there is no stream {stream_id!r}")

    def _check(self, files: Collection[int]) -> None:
        if not 1 <= len(files) <= self._options.files_per_stream:
            raise CatalogError(f"a stream has 1 to {self._options.files_per_stream} files, not {len(files)}")
        for file_id in files:
            if not 0 <= file_id <= quotas.FILE_ID_MAX:  # SG-3
                raise CatalogError(f"file id {file_id} is outside 0..{quotas.FILE_ID_MAX}")

    def _files(self, images: Mapping[int, Image]) -> dict[int, StreamFile]:
        self._check(images)
        return {
            file_id: StreamFile(file_id, image, image.size, image.etag()) for file_id, image in sorted(images.items())
        }
