"""Stream messages as JSON. `b` is read as the option says (SBM-5..SBM-8), `p` is standard base64 (SR-5)."""

import base64
import binascii
import re
from typing import Any, Final, TypeVar

import msgspec

from ota_stream.streams import wire
from ota_stream.streams.errors import Rejection, Why
from ota_stream.streams.messages import DataBlock, DescribeStream, Description, GetStream, RejectedStream
from ota_stream.streams.options import StreamOptions

_Shape = TypeVar("_Shape", bound=msgspec.Struct)

_get: Final = {
    "ignore": msgspec.json.Decoder(wire.TextGet),  # SG-10
    "reject": msgspec.json.Decoder[wire.TextGet](wire.StrictTextGet),  # G-20
}
_describe: Final = {
    "ignore": msgspec.json.Decoder(wire.Describe),  # SD-2
    "reject": msgspec.json.Decoder[wire.Describe](wire.StrictDescribe),
}
_block: Final = msgspec.json.Decoder(wire.Block)
_description: Final = msgspec.json.Decoder(wire.Description)
_rejected: Final = msgspec.json.Decoder(wire.Rejected)
_encode: Final = msgspec.json.encode
_HEX: Final = re.compile(r"[0-9a-fA-F]*")


def decode_get(payload: bytes, options: StreamOptions) -> GetStream:
    """Read a GetStream request. Raises Rejection (InvalidJson) for what is not one (SG-11)."""
    fields = _request(_get[options.unknown_keys], payload)
    return GetStream.of(fields, None if fields.b is None else bitmap_of_text(fields.b, options))


def decode_describe(payload: bytes, options: StreamOptions) -> DescribeStream:
    """Read a DescribeStream request. Raises Rejection (InvalidJson)."""
    return DescribeStream(_request(_describe[options.unknown_keys], payload).c)


def _read(decoder: msgspec.json.Decoder[_Shape], payload: bytes) -> _Shape:
    """Read an object. Raises ValueError, whatever is wrong with it."""
    try:
        return decoder.decode(payload.decode())  # as text first: the decoder does not look at keys it skips
    except RecursionError:  # a bomb of nested brackets
        raise ValueError("too many brackets") from None


def _request(decoder: msgspec.json.Decoder[_Shape], payload: bytes) -> _Shape:
    try:
        return _read(decoder, payload)
    except ValueError:
        raise Rejection(Why.JSON) from None


def bitmap_of_text(text: str, options: StreamOptions) -> bytes:
    """Read a bitmap written as text (SBM-8). Raises Rejection (InvalidJson) when it is not what the option allows."""
    prefixed = text[:2] in {"0x", "0X"}
    digits = text[2:] if prefixed else text
    try:
        if options.bitmap_json == "hex" or (options.bitmap_json == "auto" and prefixed):
            if _HEX.fullmatch(digits):  # bytes.fromhex alone would skip blanks
                return bytes.fromhex(digits)
        elif len(text) % 4 == 0:  # b64decode alone would take more padding than there should be
            return base64.b64decode(text, validate=True)
    except ValueError:
        pass
    raise Rejection(Why.JSON)


def block_head(client_token: str | None) -> bytes:
    """Return what stands before a block's body: the client token only if the request had one (SR-1)."""
    return b"{" if client_token is None else b'{"c":%b,' % _encode(client_token)


def block_body(file_id: int, block_id: int, payload: bytes) -> bytes:
    """Return the body of a block message, the same for every requester. Order f, i, l, p as captured live."""
    text = binascii.b2a_base64(payload, newline=False)
    return b'"f":%d,"i":%d,"l":%d,"p":"%b"}' % (file_id, block_id, len(payload), text)


def encode_description(message: Description) -> bytes:
    """Write the answer to DescribeStream, order c, s, d, r (SD-7)."""
    members: dict[str, Any] = {} if message.client_token is None else {"c": message.client_token}
    members["s"] = message.stream_version
    if message.description is not None:  # SD-5
        members["d"] = message.description
    members["r"] = [{"f": file.file_id, "z": file.size} for file in message.files]
    return _encode(members)


def encode_rejected(why: Why, client_token: str | None) -> bytes:
    """Write a rejection with both families of keys (EC-4)."""
    token = {} if client_token is None else {"clientToken": client_token, "c": client_token}  # EC-3
    return _encode({**token, "code": why.code, "o": why.code, "message": why.message, "m": why.message})


def encode_get(message: GetStream) -> bytes:
    """Write a request as a device does: only what is given, order c, s, f, l, o, n, b (SG-12); `b` in hex (SBM-5)."""
    members = {
        "c": message.client_token,
        "s": message.stream_version,
        "f": message.file_id,
        "l": message.block_size,
        "o": message.block_offset,
        "n": message.block_count,
        "b": None if message.bitmap is None else f"0x{message.bitmap.hex()}",
    }
    return _encode({key: value for key, value in members.items() if value is not None})


def encode_describe(message: DescribeStream) -> bytes:
    """Write a DescribeStream request."""
    return b"{}" if message.client_token is None else _encode({"c": message.client_token})


def decode_block(payload: bytes) -> DataBlock:
    """Read a block. Raises ValueError when the message is not one."""
    return DataBlock.of(_read(_block, payload))


def decode_description(payload: bytes) -> Description:
    """Read the answer to DescribeStream. Raises ValueError when the message is not one."""
    return Description.of(_read(_description, payload))


def decode_rejected(payload: bytes) -> RejectedStream:
    """Read a rejection. Raises ValueError when the message is not one."""
    return RejectedStream.of(_read(_rejected, payload))
