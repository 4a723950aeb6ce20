"""Payloads as a person reads them: what a stream message is in JSON and in CBOR, and what a call over HTTP carries."""

import base64
import re
from collections.abc import Callable, Mapping
from typing import Final, cast

import msgspec
from msgspec import Struct

from ota_stream.streams.cbor_codec import decode_members
from ota_stream.streams.errors import Rejection
from ota_stream.streams.json_codec import bitmap_of_text
from ota_stream.streams.options import StreamOptions

TEXT_MAX: Final = 4096  # characters of a payload that are shown
_LETTERS: Final = 160  # of a text within
_BYTES: Final = 32  # of a byte string within
_OPTIONS: Final = StreamOptions()
_BINARY: Final[Mapping[str, Callable[[str], bytes]]] = {
    "p": lambda text: base64.b64decode(text, validate=True),  # SR-5
    "b": lambda text: bitmap_of_text(text, _OPTIONS),  # SBM-5..SBM-8
}
"""Members that are byte strings in CBOR, and how JSON writes them."""

_SECRET: Final = frozenset({"privatekey", "secretaccesskey", "sessiontoken", "password", "token"})
_HIDDEN: Final = "(not shown)"
_SECRET_TEXT: Final = re.compile(
    r"((?:<|\")(?:SecretAccessKey|SessionToken|PrivateKey)(?:>|\"\s*:\s*\"))[^<\"]*", re.IGNORECASE
)
_SECRET_QUERY: Final = re.compile(
    r"([?&](?:X-Amz-Signature|X-Amz-Security-Token|X-Amz-Credential|Signature|token)=)[^&\"\s<]*", re.IGNORECASE
)


class Sides(Struct, frozen=True):
    """A payload in JSON and in CBOR's diagnostic notation (RFC 8949, 8); None where it has no such form.

    `text` is what is neither, `wrong` says why a message cannot be read.
    """

    json: str | None = None
    cbor: str | None = None
    text: str | None = None
    wrong: str | None = None


def of_stream(payload: bytes, *, cbor: bool) -> Sides:
    """Show a message of a stream in both of its forms, whichever it was sent in."""
    if not payload:
        return Sides()
    try:
        content = decode_members(payload) if cbor else msgspec.json.decode(payload)
        both = _text(_for_json(content)), _diagnostic(content if cbor else _with_bytes(content))
    except Exception as error:  # noqa: BLE001 - whatever a decoder says of bytes that anybody may send
        wrong = " ".join(f"{type(error).__name__}: {error}".split())[:_LETTERS]
        return Sides(text=_bytes(payload) if cbor else _raw(payload), wrong=wrong)
    return Sides(both[0], _cut(both[1]))


def of_json(payload: bytes) -> Sides:
    """Show what has no CBOR form: jobs, and calls over HTTP."""
    if not payload:
        return Sides()
    try:
        return Sides(_text(_for_json(msgspec.json.decode(payload))))
    except (ValueError, RecursionError):
        return Sides(text=_raw(payload))


def target(text: str) -> str:
    """Return path and query of a call, or a text with URLs in it, without what opens doors."""
    return _SECRET_QUERY.sub(rf"\1{_HIDDEN}", text)


def _raw(payload: bytes) -> str:
    try:
        text = payload.decode()
    except UnicodeDecodeError:
        return _bytes(payload)
    return _cut(_SECRET_TEXT.sub(rf"\1{_HIDDEN}", text))


def _text(content: object) -> str:
    return _cut(msgspec.json.format(msgspec.json.encode(content), indent=2).decode())


def _cut(text: str) -> str:
    text = target(text)
    return text if len(text) <= TEXT_MAX else f"{text[:TEXT_MAX]}… ({len(text):,} characters)"


def _shorter(text: str) -> str:
    return text if len(text) <= _LETTERS else f"{text[:_LETTERS]}… ({len(text):,} characters)"


def _for_json(content: object) -> object:
    """Return content with long texts cut, bytes as base64 and secrets left out."""
    if isinstance(content, Mapping):
        members = cast("Mapping[object, object]", content)
        return {str(name): _member(str(name), value) for name, value in members.items()}
    if isinstance(content, list):
        return [_for_json(each) for each in cast("list[object]", content)]
    if isinstance(content, bytes):
        return _shorter(base64.b64encode(content).decode())
    if isinstance(content, str):
        return _shorter(content)
    return content if content is None or isinstance(content, bool | int | float) else str(content)


def _member(name: str, value: object) -> object:
    return _HIDDEN if name.lower() in _SECRET and isinstance(value, str) else _for_json(value)


def _with_bytes(content: object) -> object:
    """Return a message that came as JSON as CBOR would have it."""
    if not isinstance(content, Mapping):
        return content
    members = cast("Mapping[str, object]", content)
    return {name: _decoded(name, value) for name, value in members.items()}


def _decoded(name: str, value: object) -> object:
    decode = _BINARY.get(name)
    try:
        return decode(value) if decode is not None and isinstance(value, str) else value
    except (ValueError, Rejection):  # no such text: it is shown as it came
        return value


def _diagnostic(content: object) -> str:
    if isinstance(content, Mapping):
        members = cast("Mapping[object, object]", content)
        return "{" + ", ".join(f"{_diagnostic(key)}: {_diagnostic(value)}" for key, value in members.items()) + "}"
    if isinstance(content, list):
        return "[" + ", ".join(map(_diagnostic, cast("list[object]", content))) + "]"
    if isinstance(content, bytes):
        return _bytes(content)
    if isinstance(content, str):
        return msgspec.json.encode(_shorter(content)).decode()
    return msgspec.json.encode(content).decode() if content is None or isinstance(content, bool) else str(content)


def _bytes(content: bytes) -> str:
    more = f"… ({len(content):,} bytes)" if len(content) > _BYTES else ""
    return f"h'{content[:_BYTES].hex()}'{more}"
