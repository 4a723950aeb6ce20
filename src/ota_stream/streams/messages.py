"""What devices and the streams service say to each other, apart from how it is written on the wire."""

from msgspec import Struct

from ota_stream.streams import wire


class GetStream(Struct, frozen=True, gc=False):
    """A request for blocks (docs/wire.md). `file_id` and `block_size` are required, but a device may forget them.

    Units: `block_size` bytes; `block_offset` and `block_count` blocks.
    """

    client_token: str | None = None  # c
    stream_version: int | None = None  # s
    file_id: int | None = None  # f
    block_size: int | None = None  # l
    block_offset: int = 0  # o
    block_count: int | None = None  # n
    bitmap: bytes | None = None  # b

    @classmethod
    def of(cls, fields: wire.Get, bitmap: bytes | None) -> "GetStream":
        """Take a request from the wire."""
        return cls(fields.c, fields.s, fields.f, fields.l, fields.o or 0, fields.n, bitmap)


class DescribeStream(Struct, frozen=True, gc=False):
    """A request for a stream's version and files."""

    client_token: str | None = None


class DataBlock(Struct, frozen=True, gc=False):
    """One block (docs/wire.md)."""

    file_id: int
    block_id: int
    payload: bytes
    client_token: str | None = None

    @classmethod
    def of(cls, fields: wire.Block) -> "DataBlock":
        """Take a block from the wire. Raises ValueError when `l` is not the length of the payload (SR-3)."""
        if fields.l != len(fields.p):
            raise ValueError(f"l says {fields.l} bytes, p has {len(fields.p)}")
        return cls(fields.f, fields.i, fields.p, fields.c)


class FileSize(Struct, frozen=True, gc=False):
    """A file of a described stream: id and size in bytes."""

    file_id: int
    size: int


class Description(Struct, frozen=True, gc=False):
    """Answer to DescribeStream (docs/wire.md). It does not carry the stream id (SD-8)."""

    stream_version: int
    files: tuple[FileSize, ...]
    description: str | None = None
    client_token: str | None = None

    @classmethod
    def of(cls, fields: wire.Description) -> "Description":
        """Take a description from the wire."""
        return cls(fields.s, tuple(FileSize(file.f, file.z) for file in fields.r), fields.d, fields.c)


class RejectedStream(Struct, frozen=True, gc=False):
    """A rejection as a device reads it."""

    code: str
    message: str
    client_token: str | None = None

    @classmethod
    def of(cls, fields: wire.Rejected) -> "RejectedStream":
        """Take a rejection from the wire."""
        return cls(fields.o, fields.m, fields.c)
