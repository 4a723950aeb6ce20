"""Stream messages as CBOR: indefinite maps like the live service's (SR-7), and no tag is ever followed."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, NoReturn, TypeVar

import cbor2
import msgspec

from ota_stream.streams import wire
from ota_stream.streams.errors import Rejection, Why
from ota_stream.streams.json_codec import bitmap_of_text
from ota_stream.streams.messages import DataBlock, DescribeStream, Description, GetStream, RejectedStream
from ota_stream.streams.options import StreamOptions

_Shape = TypeVar("_Shape", bound=msgspec.Struct)

_DEPTH_MAX: Final = 16  # the deepest message of this API has three levels
_MAP: Final = b"\xbf"  # SR-7: indefinite
_END: Final = b"\xff"
_GET: Final[dict[str, type[wire.BinaryGet]]] = {"ignore": wire.BinaryGet, "reject": wire.StrictBinaryGet}  # G-20
_DESCRIBE: Final[dict[str, type[wire.Describe]]] = {"ignore": wire.Describe, "reject": wire.StrictDescribe}
_UNREADABLE: Final = (cbor2.CBORError, ValueError, TypeError, OverflowError, RecursionError)


def _refuse_tag(*_: object) -> NoReturn:
    raise ValueError("tags have no place in this API")


class _NoTags(dict[int, Callable[..., NoReturn]]):
    """Refuses every semantic tag: some make a decoder build regular expressions, dates or cyclic objects."""

    def __missing__(self, _: int) -> Callable[..., NoReturn]:
        return _refuse_tag


_NO_TAGS: Final = _NoTags()


def decode_members(payload: bytes) -> Any:  # noqa: ANN401 - whatever CBOR can say
    """Read a message into plain values. Raises what `cbor2` raises, and ValueError for a tag."""
    return cbor2.loads(payload, semantic_decoders=_NO_TAGS, tag_hook=_refuse_tag, max_depth=_DEPTH_MAX)


def _read(payload: bytes, shape: type[_Shape]) -> _Shape:
    """Read a map into a shape. Raises ValueError, whatever is wrong with it."""
    try:
        members = decode_members(payload)
        return msgspec.convert(members, shape, builtin_types=(bytes,))
    except _UNREADABLE as error:
        raise ValueError(str(error)) from None


def _request(payload: bytes, shape: type[_Shape]) -> _Shape:
    try:
        return _read(payload, shape)
    except ValueError:
        raise Rejection(Why.CBOR) from None


def decode_get(payload: bytes, options: StreamOptions) -> GetStream:
    """Read a GetStream request. Raises Rejection (InvalidCbor) for what is not one (SG-11)."""
    fields = _request(payload, _GET[options.unknown_keys])
    return GetStream.of(fields, _bitmap(fields.b, options))


def has_text_bitmap(payload: bytes) -> bool:
    """Tell whether a GetStream request has a text for a bitmap, which some device took for a byte string (SBM-8)."""
    try:
        return isinstance(_read(payload, wire.BinaryGet).b, str)
    except ValueError:
        return False


def decode_describe(payload: bytes, options: StreamOptions) -> DescribeStream:
    """Read a DescribeStream request. Raises Rejection (InvalidCbor)."""
    return DescribeStream(_request(payload, _DESCRIBE[options.unknown_keys]).c)


def _bitmap(value: object, options: StreamOptions) -> bytes | None:
    if value is None or type(value) is bytes:  # SBM-4
        return value
    if type(value) is not str:
        raise Rejection(Why.CBOR)
    try:
        return bitmap_of_text(value, options)  # SBM-8: a text string is read as JSON's would be
    except Rejection:
        raise Rejection(Why.CBOR) from None  # SBM-7


def block_head(client_token: str | None) -> bytes:
    """Return what stands before a block's body: the client token only if the request had one (SR-1)."""
    return _MAP if client_token is None else _MAP + _members([("c", client_token)])


def block_body(file_id: int, block_id: int, payload: bytes) -> bytes:
    """Return the body of a block message, the same for every requester: f, i, l, p (SR-7)."""
    return _members([("f", file_id), ("i", block_id), ("l", len(payload)), ("p", payload)]) + _END


def encode_description(message: Description) -> bytes:
    """Write the answer to DescribeStream, order c, s, d, r (SD-7)."""
    token = [] if message.client_token is None else [("c", message.client_token)]
    text = [] if message.description is None else [("d", message.description)]  # SD-5
    files = [{"f": file.file_id, "z": file.size} for file in message.files]
    return _MAP + _members([*token, ("s", message.stream_version), *text, ("r", files)]) + _END


def encode_rejected(why: Why, client_token: str | None) -> bytes:
    """Write a rejection with both families of keys (EC-4)."""
    token = [] if client_token is None else [("clientToken", client_token), ("c", client_token)]  # EC-3
    code, text = why.code.value, why.message
    return _MAP + _members([*token, ("code", code), ("o", code), ("message", text), ("m", text)]) + _END


def encode_members(members: Mapping[str, Any]) -> bytes:
    """Write members as the messages of the service are: an indefinite map (SR-7)."""
    return _MAP + _members(members.items()) + _END


def _members(pairs: Iterable[tuple[str, Any]]) -> bytes:
    return b"".join(cbor2.dumps(key) + cbor2.dumps(value) for key, value in pairs)


def encode_get(message: GetStream) -> bytes:
    """Write a request as the C agents do: a definite map, only what is given, order c, s, f, l, o, b, n (CL-1)."""
    members = {
        "c": message.client_token,
        "s": message.stream_version,
        "f": message.file_id,
        "l": message.block_size,
        "o": message.block_offset,
        "b": message.bitmap,
        "n": message.block_count,
    }
    return cbor2.dumps({key: value for key, value in members.items() if value is not None})


def encode_describe(message: DescribeStream) -> bytes:
    """Write a DescribeStream request."""
    return cbor2.dumps({} if message.client_token is None else {"c": message.client_token})


def decode_block(payload: bytes) -> DataBlock:
    """Read a block. Raises ValueError when the message is not one."""
    return DataBlock.of(_read(payload, wire.Block))


def decode_description(payload: bytes) -> Description:
    """Read the answer to DescribeStream. Raises ValueError when the message is not one."""
    return Description.of(_read(payload, wire.Description))


def decode_rejected(payload: bytes) -> RejectedStream:
    """Read a rejection. Raises ValueError when the message is not one."""
    return RejectedStream.of(_read(payload, wire.Rejected))
