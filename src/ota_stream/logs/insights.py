"""Logs Insights: a query is compiled once, then fed log events one by one, so that nobody waits for a long one."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from msgspec import Struct

from ota_stream.errors import ControlError
from ota_stream.logs import insights_grammar
from ota_stream.logs.events import LogEvent
from ota_stream.logs.grammars import BadText
from ota_stream.logs.insights_grammar import Command
from ota_stream.logs.insights_stages import ROWS_MAX, Limited, Maker, Sorted, Stage
from ota_stream.logs.insights_values import AT_MESSAGE, AT_PTR, AT_TIMESTAMP, Row, shown

LENGTH_MAX: Final = 10_000  # characters

_RowByRow: Final = frozenset({"fields", "display", "filter", "parse"})


class MalformedQuery(ControlError):
    """A query that cannot be read: `position` is the character, from 0, at which it goes wrong."""

    def __init__(self, why: str, position: int) -> None:
        super().__init__("MalformedQueryException", 400, f"Malformed query: {why} at position {position}")
        self.position = position


class Query(Struct, frozen=True):
    """A compiled query. `columns` in the order they are shown; `matching` is how many stages judge single events."""

    makers: Sequence[Maker]
    columns: Sequence[str]
    matching: int
    limited: bool
    grouped: bool


def compile(text: str) -> Query:  # noqa: A001 - as re.compile
    """Return a query to run.

    Raises:
        MalformedQuery: it cannot be read.
    """
    if len(text) > LENGTH_MAX:
        raise MalformedQuery(f"it is longer than {LENGTH_MAX} characters", LENGTH_MAX)
    try:
        commands = insights_grammar.read(text)
    except BadText as error:
        raise MalformedQuery(str(error), error.position) from None
    kinds = [command.kind for command in commands]
    return Query(
        [_maker(command, commands[number + 1 :]) for number, command in enumerate(commands)],
        _columns(commands),
        next((number for number, kind in enumerate(kinds) if kind not in _RowByRow), len(kinds)),
        "limit" in kinds,
        "stats" in kinds,
    )


class Run:
    """One run of a query. `scanned` and `matched` count events, `size` their bytes; `rows` is what it has found.

    Without a `limit` of its own the query shows `limit` rows.
    """

    def __init__(self, query: Query, limit: int = ROWS_MAX) -> None:
        self.scanned = self.matched = self.size = 0
        self._query = query
        self._stages: list[Stage] = [make() for make in query.makers]
        self._last = Limited(ROWS_MAX if query.limited else min(limit, ROWS_MAX))
        self._stages.append(self._last)
        self._limits = [stage for stage in self._stages if isinstance(stage, Limited)]
        self.rows: list[dict[str, str]] = []

    @property
    def full(self) -> bool:
        """Whether more events would change nothing."""
        return any(limit.left == 0 for limit in self._limits)

    def feed(self, event: LogEvent) -> None:
        """Take one event. Raises ControlError (InvalidParameterException), a regular expression takes too long."""
        self.scanned += 1
        self.size += len(event.message)
        self._go_on(Row(event), 0)

    def finish(self) -> list[dict[str, str]]:
        """Return the rows: texts by column, without those that are not there. Once only."""
        for _ in self.finishing():
            pass
        return self.rows

    def finishing(self) -> Iterator[None]:
        """Bring what was kept back to its end, a row at each step; `rows` are whole then. Once only."""
        for number, stage in enumerate(self._stages):
            for row in stage.rest():
                self._go_on(row, number + 1)
                yield

    def _go_on(self, row: Row, at: int) -> None:
        if at == self._query.matching:
            self.matched += 1
        if at == len(self._stages):
            self.rows.append(self._shown(row))
            return
        for each in self._stages[at].take(row):
            self._go_on(each, at + 1)

    def _shown(self, row: Row) -> dict[str, str]:
        names = self._query.columns if self._query.grouped else [*self._query.columns, AT_PTR]
        values = ((name, row.get(name)) for name in names)
        return {name: shown(value) for name, value in values if value is not None}


def run(query: Query, events: Iterable[LogEvent], limit: int = ROWS_MAX) -> list[dict[str, str]]:
    """Return the rows of a query over events, which come newest first as the service has it."""
    going = Run(query, limit)
    for event in events:
        going.feed(event)
        if going.full:
            break
    return going.finish()


def _maker(command: Command, later: Sequence[Command]) -> Maker:
    if command.make is not None:
        return command.make
    keep = ROWS_MAX if not later else later[0].amount or None
    return lambda: Sorted(command.keys, keep)


def _columns(commands: Sequence[Command]) -> Sequence[str]:
    shown: dict[str, None] = {}
    for command in commands:
        if command.kind in {"display", "stats"}:
            shown.clear()  # these say all there is to see
        shown |= dict.fromkeys(command.columns or ())
    return tuple(shown) or (AT_TIMESTAMP, AT_MESSAGE)
