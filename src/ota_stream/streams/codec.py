"""The two ways of writing stream messages, by format."""

from types import MappingProxyType
from typing import Final, Protocol

from ota_stream.streams import cbor_codec, json_codec
from ota_stream.streams.errors import Why
from ota_stream.streams.messages import DataBlock, DescribeStream, Description, GetStream, RejectedStream
from ota_stream.streams.options import StreamOptions
from ota_stream.streams.topics import Format


class Codec(Protocol):
    """One way of writing. Requests raise Rejection when unreadable; what a device reads raises ValueError.

    A block message is `block_head(token) + block_body(...)`: the body is the same for every requester, so it is cached.
    """

    def decode_get(self, payload: bytes, options: StreamOptions, /) -> GetStream: ...  # noqa: D102
    def decode_describe(self, payload: bytes, options: StreamOptions, /) -> DescribeStream: ...  # noqa: D102
    def block_head(self, client_token: str | None, /) -> bytes: ...  # noqa: D102
    def block_body(self, file_id: int, block_id: int, payload: bytes, /) -> bytes: ...  # noqa: D102
    def encode_description(self, message: Description, /) -> bytes: ...  # noqa: D102
    def encode_rejected(self, why: Why, client_token: str | None, /) -> bytes: ...  # noqa: D102

    def encode_get(self, message: GetStream, /) -> bytes: ...  # noqa: D102
    def encode_describe(self, message: DescribeStream, /) -> bytes: ...  # noqa: D102
    def decode_block(self, payload: bytes, /) -> DataBlock: ...  # noqa: D102
    def decode_description(self, payload: bytes, /) -> Description: ...  # noqa: D102
    def decode_rejected(self, payload: bytes, /) -> RejectedStream: ...  # noqa: D102


CODECS: Final = MappingProxyType[Format, Codec]({Format.JSON: json_codec, Format.CBOR: cbor_codec})
