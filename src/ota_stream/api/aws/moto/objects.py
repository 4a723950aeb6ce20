"""The objects of S3, as moto has them, beside those the command line has uploaded: streams and updates read both."""

from typing import Any

from ota_stream.api.aws.contents import Contents
from ota_stream.api.aws.moto.state import MotoState
from ota_stream.errors import ControlError
from ota_stream.stores.objects import ObjectStore
from ota_stream.streams.catalog import ImageGone
from ota_stream.streams.quotas import FILE_SIZE_MAX
from ota_stream.updates.objects import StoredObject


class S3Image:
    """The image of an object of S3 (satisfies `streams.catalog.Image`), followed by name: the newest when unpinned."""

    def __init__(self, objects: "MotoObjects", name: tuple[str, str, str | None], key: Any) -> None:  # noqa: ANN401 - moto's
        self._objects = objects
        self._name = name
        self._tag = str(key.etag)
        self._id = (*name[:2], str(key.version_id), self._tag)
        self.size: int = key.size

    def etag(self) -> str:
        """Return the tag of the object as it is now (SC-9). Raises ImageGone."""
        return str(self._objects.key(*self._name).etag)

    def read(self, start: int, end: int) -> bytes:
        """Return bytes of the content that had the tag at the beginning. Raises ImageGone."""
        return self._objects.content(self._id, self._name)[start:end]


class MotoObjects:
    """Satisfies `updates.objects.Objects`. Moto is imported when an object is not among those of `below`."""

    def __init__(self, below: ObjectStore, state: MotoState) -> None:
        self._below = below
        self._state = state
        self._contents = Contents()
        self._images: dict[tuple[str, str, str | None], tuple[Any, S3Image]] = {}

    def find(self, bucket: str, key: str, version: str | None = None) -> StoredObject:
        """Return a version of an object, the newest for None. Raises ImageGone: there is none."""
        if not self._has_bucket(bucket):
            try:
                return self._below.find(bucket, key, version)
            except ImageGone:
                pass
        name = (bucket, key, version)
        found = self.key(*name)
        seen = self._images.get(name)
        if seen is None or seen[0] is not found:
            seen = self._images[name] = (found, S3Image(self, name, found))
        return StoredObject(bucket, key, str(found.version_id or "null"), seen[1])

    def put(self, bucket: str, key: str, content: bytes) -> str:
        """Keep an object: in S3 when the bucket is there, or beside what the command line has uploaded."""
        if not self._has_bucket(bucket):
            return self._below.put(bucket, key, content)
        if not 1 <= len(content) <= FILE_SIZE_MAX:
            raise ControlError("InvalidRequestException", 400, f"an image has 1 to {FILE_SIZE_MAX} bytes")
        self._state.touch()
        return str(self._s3().put_object(bucket, key, content).version_id or "null")

    def key(self, bucket: str, key: str, version: str | None) -> Any:  # noqa: ANN401 - moto's
        """Return moto's key. Raises ImageGone."""
        backend = self._s3()
        if bucket in backend.buckets:
            found = backend.get_object(bucket, key, None if version == "null" else version)
            if found is not None:
                return found
        raise ImageGone(f"there is no object {bucket}/{key}" + (f" version {version}" if version else ""))

    def content(self, of: tuple[str, ...], name: tuple[str, str, str | None]) -> bytes:
        """Return all bytes of a version, read once."""

        def fetch() -> bytes:
            found = self.key(*name)
            if str(found.etag) != of[-1]:
                raise ImageGone(f"object {name[0]}/{name[1]} has been replaced")
            return bytes(found.value)

        return self._contents.get(of, fetch)

    def _has_bucket(self, bucket: str) -> bool:
        """Tell whether S3 has it, without importing moto for the answer when it was never asked for anything."""
        if self._state.is_new:
            return False
        self._state.load()
        return bucket in self._s3().buckets

    def _s3(self) -> Any:  # noqa: ANN401 - moto's
        from moto.s3.models import s3_backends  # noqa: PLC0415 - a second to import, and few need it

        return s3_backends[self._state.account]["aws"]
