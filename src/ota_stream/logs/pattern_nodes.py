"""What the parts of a JSON filter pattern mean: paths into an entry, comparisons, and how they are joined."""

import operator
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final, cast

from msgspec import Struct

from ota_stream.logs.regexes import Regex

Entry = Mapping[str, Any]
Condition = Callable[[Entry], bool]
Test = Callable[[Any], bool]

EVERY: Final = None
"""The step `[*]` or `.*`: every element."""

Step = str | int | None
Path = tuple[Step, ...]

_ORDERS: Final[Mapping[str, Callable[[float, float], bool]]] = MappingProxyType({
    "<": operator.lt, ">": operator.gt, "<=": operator.le, ">=": operator.ge,
})  # fmt: skip


class Globbed(Struct, frozen=True):
    """A text with `*` for any run of characters: the pieces between the stars."""

    pieces: tuple[str, ...]

    def fits(self, text: str) -> bool:
        """Tell whether the whole text is like this; costs one pass, however many stars there are."""
        first, *middle, last = self.pieces
        if not text.startswith(first) or len(text) < len(first) + len(last):
            return False
        at, end = len(first), len(text) - len(last)
        for piece in middle:
            at = text.find(piece, at, end)
            if at < 0:
                return False
            at += len(piece)
        return text.endswith(last)


class Quoted(Struct, frozen=True):
    """A text in quotes: it is compared with texts only."""

    text: str
    pieces: tuple[str, ...]


class Word(Struct, frozen=True):
    """A bare word: a number is compared as one, and with texts letter by letter."""

    text: str
    number: float | None
    pieces: tuple[str, ...]


Operand = Quoted | Word | Regex


class Node(Struct, frozen=True):
    """A condition, and what it asks of single properties: each of these must be that text."""

    fits: Condition
    equal: Mapping[str, str] = MappingProxyType({})


def every(nodes: list[Node]) -> Node:
    """Join by `&&`."""
    if len(nodes) == 1:
        return nodes[0]
    conditions = [node.fits for node in nodes]
    equal: dict[str, str] = {}
    for node in nodes:
        equal |= node.equal  # one property asked to be two texts fits nothing: either text will do
    return Node(lambda entry: all(fits(entry) for fits in conditions), equal)


def some(nodes: list[Node]) -> Node:
    """Join by `||`."""
    if len(nodes) == 1:
        return nodes[0]
    conditions = [node.fits for node in nodes]
    return Node(lambda entry: any(fits(entry) for fits in conditions))


def compared(path: Path, sign: str, operand: Operand) -> Node | None:
    """Return a comparison, or None when the sign does not go with the operand.

    A path to nothing is neither equal nor unequal to anything: ask NOT EXISTS for it.
    """
    if sign in _ORDERS:
        if not isinstance(operand, Word) or operand.number is None:
            return None
        return _reached(path, any, _ordered(_ORDERS[sign], operand.number))
    equals = _equals(operand)
    if sign == "!=":
        return _reached(path, all, lambda value: not equals(value))
    node = _reached(path, any, equals)
    if isinstance(operand, Quoted) and len(operand.pieces) == 1 and len(path) == 1 and isinstance(path[0], str):
        return Node(node.fits, {path[0]: operand.text})
    return node


def exists(path: Path, *, wanted: bool) -> Node:
    """Return whether something is at the path; null is something."""
    return Node(lambda entry: bool(_values(entry, path)) is wanted)


def is_constant(path: Path, constant: bool | None) -> Node:  # noqa: FBT001 - the constant itself
    """Return whether null, true or false is at the path."""
    return _reached(path, any, lambda value: value is constant)


def _reached(path: Path, join: Callable[[Iterator[bool]], bool], test: Test) -> Node:
    if len(path) == 1 and isinstance(path[0], str):
        name = path[0]
        return Node(lambda entry: name in entry and test(entry[name]))

    def fits(entry: Entry) -> bool:
        values = _values(entry, path)
        return bool(values) and join(test(value) for value in values)

    return Node(fits)


def _values(entry: Entry, path: Path) -> list[Any]:
    values: list[Any] = [entry]
    for step in path:
        values = [each for value in values for each in _inside(value, step)]
    return values


def _inside(value: Any, step: Step) -> list[Any]:  # noqa: ANN401 - JSON
    if isinstance(value, Mapping):
        held = cast("Mapping[str, Any]", value)
        return list(held.values()) if step is EVERY else [held[step]] if isinstance(step, str) and step in held else []
    if isinstance(value, list):
        elements: list[Any] = value  # pyright: ignore[reportUnknownVariableType]
        return elements if step is EVERY else elements[step : step + 1] if isinstance(step, int) else []
    return []


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _ordered(order: Callable[[float, float], bool], number: float) -> Test:
    return lambda value: _is_number(value) and order(value, number)


def _equals(operand: Operand) -> Test:
    if isinstance(operand, Regex):
        return lambda value: isinstance(value, str) and operand.find(value) is not None
    if len(operand.pieces) > 1:
        globbed = Globbed(operand.pieces)
        if isinstance(operand, Quoted):
            return lambda value: isinstance(value, str) and globbed.fits(value)
        return lambda value: (isinstance(value, str) or _is_number(value)) and globbed.fits(str(value))
    text = operand.text
    if isinstance(operand, Word) and operand.number is not None:
        number = operand.number
        return lambda value: value == text if isinstance(value, str) else _is_number(value) and value == number
    return lambda value: isinstance(value, str) and value == text
