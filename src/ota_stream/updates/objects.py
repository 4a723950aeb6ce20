"""Where firmware objects are, as the OTA update service needs it: buckets of versioned objects."""

from typing import Protocol

from msgspec import Struct

from ota_stream.streams.catalog import Image


class StoredObject(Struct, frozen=True):
    """One version of an object, and its bytes."""

    bucket: str
    key: str
    version: str
    image: Image


class Objects(Protocol):
    """The buckets."""

    def find(self, bucket: str, key: str, version: str | None = None) -> StoredObject:
        """Return a version of an object, the newest for None.

        Raises:
            ImageGone: there is no such bucket, object or version.
            ImageForbidden: the service may not read it.
        """
        ...

    def put(self, bucket: str, key: str, content: bytes) -> str:
        """Keep an object and return its version. The bucket is made when it is missing.

        Raises:
            OtaStreamError: it cannot be kept.
        """
        ...
