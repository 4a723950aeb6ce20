"""Says what records there should be, and shows where those that are there differ."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import EllipsisType
from typing import Any, Final, NamedTuple

Record = Mapping[str, Any]
"""An entry of the log group (docs/logs.md)."""

Expected = str | Record | EllipsisType
"""A record's name, or members that it has; `...` is any number of records, whatever they are."""

_MEMBERS: Final = ("status", "logLevel", "details", "reason")  # shown of a record besides its name, when it has them


def assert_records(records: Iterable[Record], expected: Iterable[Expected]) -> None:
    """Check that these are the records, in this order; `expected` says as much of each as matters.

    A text is the record's `actionType` or `eventType`. A mapping names members: each has to equal the record's, or to
    be a function that accepts it; other members may be there. `...` stands for any records, or none.

    Raises:
        AssertionError: it shows the records and, among them, what was expected instead.
    """
    __tracebackhide__ = True
    there, wanted = list(records), list(expected)
    steps = _aligned(there, wanted)
    if any(step.sign != " " for step in steps):
        lines = "\n".join(f"{step.sign} {step.text}" for step in steps)
        raise AssertionError(f"the records are not as expected (- missing, + not expected):\n{lines}")


def name(record: Record) -> str:
    """Return what a record tells of: its `actionType` or `eventType`."""
    return str(record.get("actionType") or record.get("eventType") or "?")


class _Step(NamedTuple):
    """A line of the comparison: as expected (space), missing (-) or too much (+)."""

    sign: str
    text: str


def _aligned(records: Sequence[Record], wanted: Sequence[Expected]) -> list[_Step]:
    """Lay both beside each other with as few differences as there can be."""
    costs = _costs(records, wanted)
    steps: list[_Step] = []
    at, to = 0, 0
    while at < len(records) or to < len(wanted):
        cost = costs[at][to]
        if to < len(wanted) and wanted[to] is ... and costs[at][to + 1] == cost:
            to += 1
        elif at < len(records) and to < len(wanted) and wanted[to] is ...:
            steps.append(_Step(" ", f"... {_shown(records[at])}"))
            at += 1
        elif (
            at < len(records) and to < len(wanted) and _fits(records[at], wanted[to]) and costs[at + 1][to + 1] == cost
        ):
            steps.append(_Step(" ", _shown(records[at])))
            at, to = at + 1, to + 1
        elif to < len(wanted) and costs[at][to + 1] == cost - 1:
            steps.append(_Step("-", _said(wanted[to])))
            to += 1
        else:
            steps.append(_Step("+", _shown(records[at])))
            at += 1
    return steps


def _costs(records: Sequence[Record], wanted: Sequence[Expected]) -> list[list[int]]:
    """Return, for each place in both, the fewest differences from there to the end."""
    costs = [[0] * (len(wanted) + 1) for _ in range(len(records) + 1)]
    for at in range(len(records), -1, -1):
        for to in range(len(wanted), -1, -1):
            ways: list[int] = []
            if to < len(wanted):
                ways.append(costs[at][to + 1] + (wanted[to] is not ...))
            if at < len(records):
                taken = to < len(wanted) and wanted[to] is ...
                ways.append(costs[at + 1][to] + (not taken))
            if at < len(records) and to < len(wanted) and _fits(records[at], wanted[to]):
                ways.append(costs[at + 1][to + 1])
            costs[at][to] = min(ways, default=0)
    return costs


def _fits(record: Record, expected: Expected) -> bool:
    if isinstance(expected, str):
        return name(record) == expected
    if isinstance(expected, EllipsisType):
        return False
    return all(key in record and _agrees(record[key], value) for key, value in expected.items())


def _agrees(value: object, wanted: object) -> bool:
    accepts: Callable[[Any], object] | None = wanted if callable(wanted) else None
    return bool(accepts(value)) if accepts else value == wanted


def _shown(record: Record) -> str:
    members = {key: record[key] for key in _MEMBERS if record.get(key)}
    return f"{name(record)} {json.dumps(members)}"


def _said(expected: Expected) -> str:
    if isinstance(expected, str):
        return expected
    return "..." if isinstance(expected, EllipsisType) else repr(dict(expected))
