"""What the model of a service asks of a request, checked and told in the words of AWS.

SDKs check only what is required, types and minimum lengths; maximum, pattern and enum are the server's to check.
"""

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any, Final

import regex  # type: ignore[import-untyped] # it has none

from ota_stream.errors import ControlError

EXCEPTIONS: Final = {
    "logs": "InvalidParameterException",
    "signer": "ValidationException",
    "acm": "ValidationException",
    "iam": "ValidationError",
    "sts": "ValidationError",
}  # others as iot has it
SHOWN_MAX: Final = 256  # characters of a value that are told back
_DEEP: Final = 32  # structures in structures
_MATCH_WITHIN: Final = 0.05  # seconds; patterns are the model's, values the caller's

Found = Iterator[str]


def check(service: str, shape: Any, given: dict[str, Any]) -> None:  # noqa: ANN401 - a shape of botocore's
    """Let a parsed request pass.

    Raises:
        ControlError: SerializationException for a value of another type; else all constraints that fail, in one text.
    """
    if shape is None:
        return
    failures = list(_structure(shape, given, "", 0))
    if not failures:
        return
    many = "error" if len(failures) == 1 else "errors"
    name = EXCEPTIONS.get(service, "InvalidRequestException")
    raise ControlError(name, 400, f"{len(failures)} validation {many} detected: {'; '.join(failures)}")


def _value(shape: Any, value: Any, path: str, depth: int) -> Found:  # noqa: ANN401
    if depth > _DEEP:
        raise _wrong_type(path)
    if not _TYPES.get(shape.type_name, _anything)(value):
        raise _wrong_type(path)
    yield from _CHECKS.get(shape.type_name, _nothing)(shape, value, path, depth)


def _structure(shape: Any, value: Any, path: str, depth: int) -> Found:  # noqa: ANN401
    if getattr(shape, "is_document_type", False):
        return
    for name in shape.required_members:
        if value.get(name) is None:
            yield _failure(None, _join(path, name), "Member must not be null")
    for name, member in value.items():
        if member is not None:
            yield from _value(shape.members[name], member, _join(path, name), depth + 1)


def _list(shape: Any, value: Any, path: str, depth: int) -> Found:  # noqa: ANN401
    yield from _length(shape, value, path)
    for place, member in enumerate(value, 1):
        yield from _value(shape.member, member, f"{path}.{place}.member", depth + 1)


def _map(shape: Any, value: Any, path: str, depth: int) -> Found:  # noqa: ANN401
    yield from _length(shape, value, path)
    for key, member in value.items():
        yield from _value(shape.key, key, f"{path}.{key[:SHOWN_MAX]}.key", depth + 1)
        yield from _value(shape.value, member, f"{path}.{key[:SHOWN_MAX]}.member", depth + 1)


def _string(shape: Any, value: Any, path: str, _: int) -> Found:  # noqa: ANN401
    yield from _length(shape, value, path)
    pattern = shape.metadata.get("pattern")
    if pattern is not None and not _fits(pattern, value, path):
        yield _failure(value, path, f"Member must satisfy regular expression pattern: {pattern}")
    enum = shape.metadata.get("enum")
    if enum and value not in enum:
        yield _failure(value, path, f"Member must satisfy enum value set: [{', '.join(enum)}]")


def _number(shape: Any, value: Any, path: str, _: int) -> Found:  # noqa: ANN401
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    if low is not None and value < low:
        yield _failure(value, path, f"Member must have value greater than or equal to {low}")
    if high is not None and value > high:
        yield _failure(value, path, f"Member must have value less than or equal to {high}")


def _blob(shape: Any, value: Any, path: str, _: int) -> Found:  # noqa: ANN401
    yield from _length(shape, value, path)


def _length(shape: Any, value: Any, path: str) -> Found:  # noqa: ANN401
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    if low is not None and len(value) < low:
        yield _failure(value, path, f"Member must have length greater than or equal to {low}")
    if high is not None and len(value) > high:
        yield _failure(value, path, f"Member must have length less than or equal to {high}")


def _nothing(_: Any, __: Any, ___: str, ____: int) -> Found:  # noqa: ANN401
    yield from ()


def _failure(value: Any, path: str, must: str) -> str:  # noqa: ANN401
    told = "null" if value is None else f"'{_told(value)}'"
    return f"Value {told} at '{path}' failed to satisfy constraint: {must}"


def _told(value: Any) -> str:  # noqa: ANN401
    """Return a value for a message: one line, not long (control characters never reach a log)."""
    text = "java.nio.HeapByteBuffer" if isinstance(value, bytes) else str(value)
    text = "".join(sign if sign.isprintable() else "?" for sign in text[: SHOWN_MAX + 1])
    return text if len(text) <= SHOWN_MAX else f"{text[:SHOWN_MAX]}..."


def _join(path: str, name: str) -> str:
    """Name a member as AWS does: the first letter is small."""
    name = name[:1].lower() + name[1:]
    return f"{path}.{name}" if path else name


def _fits(pattern: str, value: str, path: str) -> bool:
    """Hold a value against a pattern. Raises ControlError: that takes too long, and the loop has others to serve."""
    try:
        return _compiled(pattern).fullmatch(value, timeout=_MATCH_WITHIN) is not None
    except TimeoutError:
        raise ControlError(
            "SerializationException", 400, f"The value at '{path}' cannot be held against the pattern {pattern} in time"
        ) from None


@lru_cache(maxsize=2048)
def _compiled(pattern: str) -> Any:  # noqa: ANN401 - a pattern of `regex`, which has no types
    r"""Return a pattern of the model; Java's `\p{...}` is what `re` does not know."""
    return regex.compile(pattern)


def _wrong_type(path: str) -> ControlError:
    return ControlError("SerializationException", 400, f"The value at '{path}' is of another type than it has to be")


def _anything(_: object) -> bool:
    return True


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_integer(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


_TYPES: Final[dict[str, Callable[[Any], bool]]] = {
    "structure": lambda value: isinstance(value, dict),
    "list": lambda value: isinstance(value, list),
    "map": lambda value: isinstance(value, dict),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "integer": _is_integer,
    "long": _is_integer,
    "float": _is_number,
    "double": _is_number,
    "blob": lambda value: isinstance(value, bytes | str),
}
_CHECKS: Final[dict[str, Callable[[Any, Any, str, int], Found]]] = {
    "structure": _structure,
    "list": _list,
    "map": _map,
    "string": _string,
    "integer": _number,
    "long": _number,
    "float": _number,
    "double": _number,
    "blob": _blob,
}
