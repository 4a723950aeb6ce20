"""The streams that a caller has made: kept with the size and the tag of each file, so that they outlive a restart."""

from collections.abc import Iterator, MutableMapping

from msgspec import Struct

from ota_stream.streams.catalog import Catalog, Image, ImageForbidden, Stream, StreamFile
from ota_stream.updates.objects import Objects
from ota_stream.updates.roles import AnyRole, RoleImage, Roles, reading


class KeptFile(Struct, frozen=True):
    """A file and its object (version None: the newest), with size in bytes and tag of when it was taken (SC-9)."""

    file_id: int
    bucket: str
    key: str
    version: str | None
    size: int
    etag: str


class KeptStream(Struct, frozen=True):
    """A stream as its maker gave it; times are epoch seconds."""

    stream_id: str
    version: int
    role_arn: str
    files: tuple[KeptFile, ...]
    description: str | None
    created_at: float
    updated_at: float


class FoundImage:
    """The image of an object that is looked for when it is needed (satisfies `streams.catalog.Image`)."""

    def __init__(self, objects: Objects, file: KeptFile) -> None:
        self._objects = objects
        self._file = file

    @property
    def size(self) -> int:
        """Bytes."""
        return self._file.size

    def etag(self) -> str:
        """Return the tag of the object as it is now (SC-9). Raises ImageError."""
        return self._image().etag()

    def read(self, start: int, end: int) -> bytes:
        """Return the bytes from `start` to before `end`. Raises ImageError."""
        return self._image().read(start, end)

    def _image(self) -> Image:
        return self._objects.find(self._file.bucket, self._file.key, self._file.version).image


class KeptStreams:
    """Keeps them in `table` and shows them in the catalog; each is read in the name of its role."""

    def __init__(
        self, table: MutableMapping[str, KeptStream], catalog: Catalog, objects: Objects, roles: Roles | None = None
    ) -> None:
        self._table = table
        self._catalog = catalog
        self._objects = objects
        self._roles = roles or AnyRole()
        self.get = table.get

    def __iter__(self) -> Iterator[KeptStream]:
        return iter(self._table.values())

    def check(self, role_arn: str, bucket: str, key: str, version: str | None) -> None:
        """Let an object pass that the role may read. Raises ImageForbidden."""
        reason = self._roles.may(role_arn, *reading(bucket, key, version))
        if reason is not None:
            raise ImageForbidden(reason)

    def file(self, role_arn: str, file_id: int, bucket: str, key: str, version: str | None) -> KeptFile:
        """Take an object in as a file. Raises ImageError: it cannot be read."""
        self.check(role_arn, bucket, key, version)
        image = self._objects.find(bucket, key, version).image
        return KeptFile(file_id, bucket, key, version, image.size, image.etag())

    def put(self, stream: KeptStream) -> None:
        """Keep a stream, new or changed. Raises CatalogError."""
        self._catalog.keep(self._shown(stream))
        self._table[stream.stream_id] = stream

    def delete(self, stream_id: str) -> None:
        """Forget a stream. Raises CatalogError: there is none."""
        self._catalog.delete(stream_id)
        self._table.pop(stream_id, None)

    def restore(self) -> None:
        """Show what was kept before a restart; an object that is gone is told to who asks for it."""
        for stream in self._table.values():
            self._catalog.keep(self._shown(stream))

    def _shown(self, stream: KeptStream) -> Stream:
        files = {
            file.file_id: StreamFile(file.file_id, self._image(stream.role_arn, file), file.size, file.etag)
            for file in sorted(stream.files, key=lambda file: file.file_id)
        }
        return Stream(stream.stream_id, stream.version, files, stream.description)

    def _image(self, role_arn: str, file: KeptFile) -> RoleImage:
        right = reading(file.bucket, file.key, file.version)
        return RoleImage(FoundImage(self._objects, file), self._roles, role_arn, right)
