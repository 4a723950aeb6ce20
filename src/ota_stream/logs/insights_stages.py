"""The commands of a Logs Insights query as stages: each takes rows, one by one, and lets rows through."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, Protocol

from msgspec import Struct

from ota_stream.logs.insights_stats import Aggregate, Tally
from ota_stream.logs.insights_terms import Condition, Term
from ota_stream.logs.insights_values import Row, Value, order, shown
from ota_stream.logs.regexes import Regex

ROWS_MAX: Final = 10_000  # rows a query shows, and groups that `stats` keeps apart


class Stage(Protocol):
    """One command at work."""

    def take(self, row: Row) -> Iterable[Row]:
        """Take one row; give what goes on at once."""
        ...

    def rest(self) -> Iterable[Row]:
        """Give what was kept back until all rows were seen."""
        ...


Maker = Callable[[], Stage]
"""A command of a query: makes the stage for one run of it."""


class Computed(Struct, frozen=True):
    """`fields`: gives a name to what is computed."""

    columns: Sequence[tuple[str, Term]]

    def take(self, row: Row) -> Iterable[Row]:
        """Take one row."""
        for name, term in self.columns:
            value = term.value(row)
            if value is not None and name not in row.made:
                row.made[name] = value
        return (row,)

    def rest(self) -> Iterable[Row]:
        """Nothing was kept."""
        return ()


class Filtered(Struct, frozen=True):
    """`filter`."""

    fits: Condition

    def take(self, row: Row) -> Iterable[Row]:
        """Take one row."""
        return (row,) if self.fits(row) else ()

    def rest(self) -> Iterable[Row]:
        """Nothing was kept."""
        return ()


class Parsed(Struct, frozen=True):
    """`parse`: what `find` finds in a text becomes fields. A text it does not fit gains none."""

    term: Term
    find: Callable[[str], Mapping[str, str] | None]

    def take(self, row: Row) -> Iterable[Row]:
        """Take one row."""
        value = self.term.value(row)
        if value is not None:
            row.made.update(self.find(shown(value)) or {})
        return (row,)

    def rest(self) -> Iterable[Row]:
        """Nothing was kept."""
        return ()


class Deduplicated:
    """`dedup`: of the rows with equal fields, the first. A row without one of the fields stays out."""

    def __init__(self, terms: Sequence[Term]) -> None:
        self._terms = terms
        self._seen: set[tuple[str, ...]] = set()

    def take(self, row: Row) -> Iterable[Row]:
        """Take one row."""
        values = [term.value(row) for term in self._terms]
        key = tuple(shown(value) for value in values if value is not None)
        if len(key) < len(values) or key in self._seen:
            return ()
        self._seen.add(key)
        return (row,)

    def rest(self) -> Iterable[Row]:
        """Nothing was kept."""
        return ()


class Limited:
    """`limit`; `left` is how many rows may still pass."""

    def __init__(self, limit: int) -> None:
        self.left = limit

    def take(self, row: Row) -> Iterable[Row]:
        """Take one row."""
        if self.left == 0:
            return ()
        self.left -= 1
        return (row,)

    def rest(self) -> Iterable[Row]:
        """Nothing was kept."""
        return ()


class Sorted:
    """`sort`: keeps the first `keep` rows only, when nobody will ask for more. Equal rows stay in their order."""

    def __init__(self, keys: Sequence[tuple[Term, bool]], keep: int | None) -> None:
        self._keys = keys
        self._keep = keep
        self._rows: list[Row] = []

    def take(self, row: Row) -> Iterable[Row]:
        """Take one row."""
        self._rows.append(row)
        if self._keep is not None and len(self._rows) >= 2 * self._keep + 1000:
            self._cut()
        return ()

    def rest(self) -> Iterable[Row]:
        """Give the rows in order."""
        self._cut()
        return self._rows

    def _cut(self) -> None:
        for term, descending in reversed(self._keys):
            self._rows.sort(key=lambda row: order(term.value(row)), reverse=descending)
        if self._keep is not None:
            del self._rows[self._keep :]


class Grouped:
    """`stats ... by ...`: a row a group, in the order the groups were met."""

    def __init__(self, aggregates: Sequence[Aggregate], by: Sequence[tuple[str, Term]]) -> None:
        self._aggregates = aggregates
        self._by = by
        self._groups: dict[tuple[Value | None, ...], list[Tally]] = {}
        if not by:
            self._groups[()] = self._tallies()

    def take(self, row: Row) -> Iterable[Row]:
        """Take one row. Groups beyond the bound are not counted."""
        key = tuple(term.value(row) for _, term in self._by)
        tallies = self._groups.get(key)
        if tallies is None:
            if len(self._groups) >= ROWS_MAX:
                return ()
            tallies = self._groups[key] = self._tallies()
        for aggregate, tally in zip(self._aggregates, tallies, strict=True):
            aggregate.feed(tally, row)
        return ()

    def rest(self) -> Iterable[Row]:
        """Give the groups."""
        names = [name for name, _ in self._by] + [aggregate.name for aggregate in self._aggregates]
        for key, tallies in self._groups.items():
            values = [*key, *(tally.result() for tally in tallies)]
            pairs = zip(names, values, strict=True)
            yield Row(None, {name: value for name, value in pairs if value is not None})

    def _tallies(self) -> list[Tally]:
        return [aggregate.make() for aggregate in self._aggregates]


def by_regex(regex: Regex, names: Sequence[str]) -> Callable[[str], Mapping[str, str] | None]:
    """Return what gives the groups of an expression names: those it has, or the given ones in order."""

    def find(text: str) -> Mapping[str, str] | None:
        match = regex.find(text)
        if match is None:
            return None
        pairs = zip(names, match.groups(), strict=True) if names else match.groupdict().items()
        return {name: value for name, value in pairs if value is not None}

    return find


def by_glob(glob: str, names: Sequence[str]) -> Callable[[str], Mapping[str, str] | None]:
    """Return what gives names to the texts at the stars: each as short as can be, one at the end takes all."""
    first, *later = glob.split("*")

    def find(text: str) -> Mapping[str, str] | None:
        at, found = text.find(first), list[str]()
        if at < 0:
            return None
        at += len(first)
        for number, piece in enumerate(later, 1):
            end = len(text) if number == len(later) and not piece else text.find(piece, at)
            if end < 0:
                return None
            found.append(text[at:end])
            at = end + len(piece)
        return dict(zip(names, found, strict=True))

    return find
