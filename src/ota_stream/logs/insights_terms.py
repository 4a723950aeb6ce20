"""Terms and conditions of a Logs Insights query: what is computed from one row."""

import operator
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from msgspec import Struct

from ota_stream.logs.insights_values import AT_TIMESTAMP, Moment, Row, Value, number, shown
from ota_stream.logs.regexes import Regex

Condition = Callable[[Row], bool]

UNITS: Final = MappingProxyType({
    "ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000,
})  # fmt: skip

_SIGNS: Final[Mapping[str, Callable[[Any, Any], bool]]] = MappingProxyType({
    "=": operator.eq, "!=": operator.ne, "<": operator.lt, ">": operator.gt, "<=": operator.le, ">=": operator.ge,
})  # fmt: skip


class Term(Struct, frozen=True):
    """Something that has a value in a row, and the name its column has."""

    name: str
    value: Callable[[Row], Value | None]


def field(name: str) -> Term:
    """Return the term of a field."""
    return Term(name, lambda row: row.get(name))


def constant(value: Value) -> Term:
    """Return the term of a number or a text."""
    return Term(shown(value), lambda _: value)


def binned(length: int, unit: str) -> Term:
    """Return `bin(5m)`: the start of the interval an event lies in; intervals are counted from the epoch."""
    name, step = f"bin({length}{unit})", length * UNITS[unit]

    def value(row: Row) -> Value | None:
        at = row.made.get(name)  # behind `stats` it is a column
        if at is not None:
            return at
        at = row.get(AT_TIMESTAMP)
        return Moment(at // step * step) if isinstance(at, Moment) else None

    return Term(name, value)


def compared(left: Term, sign: str, right: Term) -> Condition:
    """Return a comparison: by number when both are numbers, else by text. What is not there compares with nothing."""
    holds = _SIGNS[sign]

    def condition(row: Row) -> bool:
        one, other = left.value(row), right.value(row)
        if one is None or other is None:
            return False
        one_number, other_number = number(one), number(other)
        if one_number is not None and other_number is not None:
            return holds(one_number, other_number)
        return holds(shown(one), shown(other))

    return condition


def contains(term: Term, text: str) -> Condition:
    """Return `like "text"`."""
    return _on_text(term, lambda value: text in value)


def matches(term: Term, regex: Regex) -> Condition:
    """Return `like /regex/`."""
    return _on_text(term, lambda value: regex.find(value) is not None)


def among(term: Term, values: Sequence[Term]) -> Condition:
    """Return `in [...]`."""
    return either([compared(term, "=", value) for value in values])


def present(term: Term) -> Condition:
    """Return `ispresent(field)`."""
    return lambda row: term.value(row) is not None


def both(conditions: Sequence[Condition]) -> Condition:
    """Join by `and`."""
    return conditions[0] if len(conditions) == 1 else lambda row: all(fits(row) for fits in conditions)


def either(conditions: Sequence[Condition]) -> Condition:
    """Join by `or`."""
    return conditions[0] if len(conditions) == 1 else lambda row: any(fits(row) for fits in conditions)


def _on_text(term: Term, test: Callable[[str], bool]) -> Condition:
    def condition(row: Row) -> bool:
        value = term.value(row)
        return value is not None and test(shown(value))

    return condition
