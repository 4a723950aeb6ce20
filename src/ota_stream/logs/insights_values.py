"""Values in a Logs Insights query: fields of a log event or computed ones, as numbers, texts and moments."""

import math
from collections.abc import Mapping
from typing import Any, Final, cast

from ota_stream.logs.entries import timestamp
from ota_stream.logs.events import LogEvent

NESTED_MAX: Final = 20  # steps of a dotted name

AT_TIMESTAMP: Final = "@timestamp"
AT_MESSAGE: Final = "@message"
AT_PTR: Final = "@ptr"


class Moment(int):
    """Milliseconds since the epoch, shown as a date and a time."""

    __slots__ = ()


Value = str | int | float
"""What a field holds; a Moment is one. A field that is not there is None."""


class Row:
    """What a query is about to show: a log event with computed fields, or, behind `stats`, computed fields alone."""

    __slots__ = ("_entry", "_event", "made")

    def __init__(self, event: LogEvent | None, made: dict[str, Value] | None = None) -> None:
        self._event = event
        self._entry = None if event is None else event.entry()
        self.made: dict[str, Value] = {} if made is None else made

    def get(self, name: str) -> Value | None:
        """Return a field, or None when it is not there."""
        if name in self.made:
            return self.made[name]
        if self._event is None:
            return None
        if name.startswith("@"):
            return _of_event(self._event, name)
        return None if self._entry is None else _of_entry(self._entry, name)


def pointer(event: LogEvent) -> str:
    """Return what names an event for good (`@ptr`)."""
    return f"{event.log_stream}:{event.position}"


def _of_event(event: LogEvent, name: str) -> Value | None:
    match name:
        case "@timestamp":
            return Moment(event.timestamp)
        case "@message":
            return event.message
        case "@logStream":
            return event.log_stream
        case "@ingestionTime":
            return Moment(event.ingestion)
        case "@ptr":
            return pointer(event)
        case _:
            return None


def _of_entry(entry: Mapping[str, Any], name: str) -> Value | None:
    """Return the leaf at a dotted name (`a.b`, `a.0`); a property whose own name has the dot goes first."""
    found: Any = entry.get(name)
    if found is None and "." in name:
        found = entry
        for step in name.split(".", NESTED_MAX):
            found = _inside(found, step)
    if isinstance(found, bool):
        return int(found)
    return found if isinstance(found, str | int | float) else None


def _inside(value: Any, step: str) -> Any:  # noqa: ANN401 - JSON
    if isinstance(value, dict):
        return cast("dict[str, Any]", value).get(step)
    if isinstance(value, list) and step.isdecimal() and len(step) < NESTED_MAX:
        elements: list[Any] = value  # pyright: ignore[reportUnknownVariableType]
        return elements[int(step)] if int(step) < len(elements) else None
    return None


def number(value: Value | None) -> float | None:
    """Return the number a value is or writes, or None."""
    if value is None:
        return None
    if isinstance(value, int | float):
        return value
    try:
        found = float(value)
    except ValueError:
        return None
    return found if math.isfinite(found) else None


def shown(value: Value) -> str:
    """Return a value as the results of a query have it: all are texts; a fraction has at most four digits."""
    if isinstance(value, Moment):
        return timestamp(value / 1000)
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else f"{round(value, 4)}"  # noqa: PLR2004
    return str(value)


def order(value: Value | None) -> tuple[int, float, str]:
    """Return what values are sorted by: absent ones first, then numbers, then texts."""
    if value is None:
        return 0, 0, ""
    found = number(value)
    return (2, 0, str(value)) if found is None else (1, found, "")
