"""Whether what came over the wire has the types of the model: moto's parser would bend it to them without a word."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol, cast

from ota_stream.errors import ControlError

_DEEP: Final = 32  # structures in structures
_WHOLE: Final = re.compile(r"-?[0-9]{1,19}")
_BITS: Final = {"integer": 31, "long": 63}


class Query(Protocol):
    """The parameters after a question mark."""

    def getlist(self, key: str) -> list[str]:
        """Return all values of one."""
        ...


def check_query(shape: Any, query: Query) -> None:  # noqa: ANN401 - a shape of botocore's
    """Let parameters pass that are what they should be. Raises ControlError."""
    for name, member in shape.members.items():
        if member.serialization.get("location") != "querystring" or member.type_name in {"list", "map"}:
            continue
        values = query.getlist(member.serialization.get("name", name))
        if len(values) > 1:
            raise unreadable(f"The parameter '{name}' is given twice")
        for value in values:
            _check_text(member.type_name, value, name)


def check_json(shape: Any, value: Any, path: str = "", depth: int = 0) -> None:  # noqa: ANN401 - JSON
    """Let a value pass that is of a shape; what the shape does not know is passed over. Raises ControlError."""
    if value is None or getattr(shape, "is_document_type", False):
        return
    kind: str = shape.type_name
    if depth > _DEEP or not _IS[kind](value):
        raise _wrong(kind, path)
    if kind == "structure":
        for name, member in shape.members.items():
            if "location" not in member.serialization:
                wire_name = member.serialization.get("name", name)
                check_json(member, value.get(wire_name), f"{path}.{name}" if path else name, depth + 1)
    elif kind == "list":
        for place, each in enumerate(cast("list[object]", value), 1):
            check_json(shape.member, each, f"{path}.{place}.member", depth + 1)
    elif kind == "map":
        for key, each in cast("dict[str, object]", value).items():
            check_json(shape.key, key, f"{path}.key", depth + 1)
            check_json(shape.value, each, f"{path}.member", depth + 1)


def unreadable(message: str) -> ControlError:
    """Return the refusal of what cannot be read."""
    return ControlError("SerializationException", 400, message)


def _check_text(kind: str, value: str, path: str) -> None:
    if kind == "boolean" and value not in {"true", "false"}:
        raise _wrong(kind, path)
    if kind in _BITS and (_WHOLE.fullmatch(value) is None or not _fits(int(value), kind)):
        raise _wrong(kind, path)


def _wrong(kind: str, path: str) -> ControlError:
    return unreadable(f"The value at '{path}' is not {_NAMES[kind]}")


def _fits(value: int, kind: str) -> bool:
    return -(1 << _BITS[kind]) <= value < 1 << _BITS[kind]


def _is_whole(value: object, kind: str) -> bool:
    whole = isinstance(value, int) and not isinstance(value, bool)
    return whole and _fits(cast("int", value), kind)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_text(value: object) -> bool:
    """Tell a text that UTF-8 can write: half of a surrogate pair is none."""
    return isinstance(value, str) and not any("\ud800" <= sign <= "\udfff" for sign in value if sign > "\x7f")


_IS: Final[Mapping[str, Callable[[Any], bool]]] = {
    "structure": lambda value: isinstance(value, dict),
    "list": lambda value: isinstance(value, list),
    "map": lambda value: isinstance(value, dict),
    "string": _is_text,
    "character": _is_text,
    "boolean": lambda value: isinstance(value, bool),
    "integer": lambda value: _is_whole(value, "integer"),
    "long": lambda value: _is_whole(value, "long"),
    "float": _is_number,
    "double": _is_number,
    "timestamp": lambda value: _is_number(value) or _is_text(value),
    "blob": _is_text,
}
_NAMES: Final = {
    "structure": "a structure",
    "list": "a list",
    "map": "a map",
    "string": "a text",
    "character": "a text",
    "boolean": "true or false",
    "integer": "a whole number of 32 bits",
    "long": "a whole number of 64 bits",
    "float": "a number",
    "double": "a number",
    "timestamp": "a time",
    "blob": "a text of bytes in base64",
}
