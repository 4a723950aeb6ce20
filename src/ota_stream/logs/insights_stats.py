"""The aggregations of `stats`: each is fed the values of a group, and says what they come to."""

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final, Protocol

from msgspec import Struct

from ota_stream.logs.insights_terms import Term
from ota_stream.logs.insights_values import AT_TIMESTAMP, Row, Value, number, order, shown


class Tally(Protocol):
    """One aggregation over one group."""

    def take(self, value: Value, at: Value | None, /) -> None:
        """Count one value that is there; `at` is the event's time."""
        ...

    def result(self) -> Value | None:
        """Return what the values come to; None when it cannot be said."""
        ...


class Aggregate(Struct, frozen=True):
    """One column of `stats`. Without a term every row counts."""

    name: str
    make: Callable[[], Tally]
    term: Term | None = None

    def feed(self, tally: Tally, row: Row) -> None:
        """Give a row's value to a tally of this column."""
        value = 1 if self.term is None else self.term.value(row)
        if value is not None:
            tally.take(value, row.get(AT_TIMESTAMP))


class _Count:
    def __init__(self) -> None:
        self._count = 0

    def take(self, _: Value, __: Value | None) -> None:
        self._count += 1

    def result(self) -> Value | None:
        return self._count


class _CountDistinct:
    def __init__(self) -> None:
        self._seen: set[str] = set()

    def take(self, value: Value, _: Value | None) -> None:
        self._seen.add(shown(value))

    def result(self) -> Value | None:
        return len(self._seen)


class _Sum:
    def __init__(self) -> None:
        self._sum: float = 0
        self._count = 0

    def take(self, value: Value, _: Value | None) -> None:
        found = number(value)
        if found is not None:
            self._sum += found
            self._count += 1

    def result(self) -> Value | None:
        return self._sum if self._count else None


class _Average(_Sum):
    def result(self) -> Value | None:
        return self._sum / self._count if self._count else None


class _Most:
    """The greatest value by some order, or with `least` the smallest; the first of equals."""

    def __init__(self, rank: Callable[[Value, Value | None], Value | None], *, least: bool) -> None:
        self._rank = rank
        self._least = least
        self._best: Value | None = None
        self._best_rank = order(None)

    def take(self, value: Value, at: Value | None, /) -> None:
        rank = order(self._rank(value, at))
        if self._best is None or (rank < self._best_rank if self._least else rank > self._best_rank):
            self._best, self._best_rank = value, rank

    def result(self) -> Value | None:
        return self._best


class _Percentile:
    """The smallest number that at least so many percent of the numbers do not exceed."""

    def __init__(self, percent: float) -> None:
        self._percent = percent
        self._numbers: list[float] = []

    def take(self, value: Value, _: Value | None) -> None:
        found = number(value)
        if found is not None:
            self._numbers.append(found)

    def result(self) -> Value | None:
        if not self._numbers:
            return None
        ranked = sorted(self._numbers)
        return ranked[max(0, math.ceil(self._percent / 100 * len(ranked)) - 1)]


def percentile(percent: float) -> Callable[[], Tally]:
    """Return the maker of `pct(field, percent)`."""
    return lambda: _Percentile(percent)


def _itself(value: Value, _: Value | None) -> Value | None:
    return value


def _its_time(_: Value, at: Value | None) -> Value | None:
    return at


MAKERS: Final[Mapping[str, Callable[[], Tally]]] = MappingProxyType(
    {
        "count": _Count,
        "count_distinct": _CountDistinct,
        "sum": _Sum,
        "avg": _Average,
        "min": lambda: _Most(_itself, least=True),
        "max": lambda: _Most(_itself, least=False),
        "earliest": lambda: _Most(_its_time, least=True),
        "latest": lambda: _Most(_its_time, least=False),
    }
)
