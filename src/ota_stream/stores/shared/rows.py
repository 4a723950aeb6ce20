"""A shared stream as a store writes it down."""

from msgspec import Struct

from ota_stream.names import is_stream_id
from ota_stream.streams.catalog import CatalogError
from ota_stream.streams.quotas import STREAM_VERSION_FIRST, STREAM_VERSION_MAX


class SharedFile(Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """A file of a stream: where its bytes are (a path or s3://BUCKET/KEY), their number and their SHA-256 in hex."""

    file_id: int
    uri: str
    size: int
    sha256: str


class SharedStream(Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """A stream as the store has it."""

    stream_id: str
    version: int
    files: tuple[SharedFile, ...]
    description: str | None = None


def next_version(stream_id: str, before: int | None) -> int:
    """Return the version a stream gets that had `before`, or None (SC-2, SC-6). Raises CatalogError."""
    if not is_stream_id(stream_id):
        raise CatalogError(f"stream id {stream_id!r}: use 1 to 128 of a-z A-Z 0-9 _ -")
    if before is None:
        return STREAM_VERSION_FIRST
    if before >= STREAM_VERSION_MAX:
        raise CatalogError(f"stream {stream_id} has had all its {STREAM_VERSION_MAX} versions")
    return before + 1
