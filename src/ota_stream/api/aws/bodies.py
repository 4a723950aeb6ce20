"""An answer's body in JSON, by the shape the model gives it: what the shape does not know, or is None, is left out."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

import msgspec


def encode(shape: Any, shown: Mapping[str, Any]) -> bytes:  # noqa: ANN401 - a shape of botocore's
    """Encode the members of an answer. Those of the operations of ours have one place, the body, and their own names.

    Times are epoch seconds, a float or a datetime, and get a precision of a millisecond; bytes become base64.
    """
    return msgspec.json.encode(_structure(shape, shown) if shape is not None else {})


def _structure(shape: Any, value: Mapping[str, Any]) -> dict[str, Any]:  # noqa: ANN401
    members = shape.members
    return {
        name: _value(members[name], member) for name, member in value.items() if member is not None and name in members
    }


def _value(shape: Any, value: Any) -> Any:  # noqa: ANN401
    write = _WRITERS.get(shape.type_name)
    return write(shape, value) if write is not None else value


def _list(shape: Any, value: Any) -> list[Any]:  # noqa: ANN401
    return [_value(shape.member, member) for member in value]


def _map(shape: Any, value: Mapping[str, Any]) -> dict[str, Any]:  # noqa: ANN401
    return {key: _value(shape.value, member) for key, member in value.items()}


def _time(_: Any, value: float | datetime) -> float:  # noqa: ANN401
    seconds = value.timestamp() if isinstance(value, datetime) else value
    return int(seconds * 1000) / 1000


_WRITERS: Final[Mapping[str, Callable[[Any, Any], Any]]] = {
    "structure": _structure,
    "list": _list,
    "map": _map,
    "timestamp": _time,
}
"""The others are as JSON has them."""
