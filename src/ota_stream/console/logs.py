"""The page Logs: log groups, and what is in one: the newest entries that fit a filter, and how many of what."""

import shlex
from collections import Counter
from collections.abc import Mapping
from itertools import islice
from typing import Any, Final

from ota_stream.api.calls import Call
from ota_stream.console.outlook import Outlook
from ota_stream.logs import filters, groups, patterns
from ota_stream.logs.events import LogEvent, Wanted
from ota_stream.logs.filters import QueryError
from ota_stream.logs.patterns import PatternError

SHOWN: Final = 100  # entries
SCANNED_MAX: Final = 1_000  # entries that one look goes through, newest first: three milliseconds
SINCE: Final = ("15m", "1h", "24h", "7d")
_EVER: Final = 9_999_999_999_999  # milliseconds


def shown(outlook: Outlook, _: Call) -> dict[str, Any]:
    """Return the log groups that something was written to."""
    logs = outlook.cloud.logs
    found = sorted((group.name, group.created, group.size) for group in logs.own.groups())
    return {"groups": [{"name": name, "created": created / 1000, "bytes": size} for name, created, size in found]}


def group(outlook: Outlook, call: Call) -> dict[str, Any]:
    """Return the newest entries of a group that fit `pattern`, of the time `since`; raises ControlError.

    A pattern that is none is told with its `position`. `counts` are those of what was looked through.
    """
    logs = outlook.cloud.logs
    name, query = call.path["id"], call.query
    resolved = logs.groups.named(name)
    pattern, since = query.get("pattern", ""), query.get("since", "")
    known: dict[str, Any] = {
        "group": name,
        "pattern": pattern,
        "since": since,
        "times": SINCE,
        "highlight": query.get("highlight", ""),
        "command": _command(name, pattern, since, outlook.endpoint),
    }
    nothing: dict[str, Any] = {"entries": [], "counts": [], "scanned": 0, "error": None, "position": None}
    try:
        fits = patterns.compile(pattern)
        start = 0 if not since else int((outlook.cloud.clock.wall() - filters.seconds(since)) * 1000)
    except PatternError as error:
        return {**known, **nothing, "error": error.message, "position": error.position}
    except QueryError as error:
        return {**known, **nothing, "error": str(error)}
    wanted = Wanted(start=start, end=_EVER, newest_first=True, equal=patterns.equalities(fits))
    entries: list[dict[str, Any]] = []
    counts: Counter[tuple[str, str]] = Counter()
    scanned = 0
    for event in islice(logs.own.read(resolved, wanted), SCANNED_MAX):
        scanned += 1
        entry = event.entry()
        if not fits(event.message, entry):
            continue
        counts[_action(entry), str((entry or {}).get("status", ""))] += 1
        if len(entries) < SHOWN:
            entries.append(_line(event, entry or {}))
    told = [{"action": action, "status": status, "many": many} for (action, status), many in sorted(counts.items())]
    return {**known, **nothing, "entries": entries, "counts": told, "scanned": scanned}


def _action(entry: Mapping[str, Any] | None) -> str:
    return "" if entry is None else str(entry.get("actionType") or entry.get("eventType") or "")


def _line(event: LogEvent, entry: Mapping[str, Any]) -> dict[str, Any]:
    who = entry.get("clientId") or entry.get("otaUpdateId") or entry.get("awsJobId") or ""
    return {
        "time": entry.get("timestamp") or str(event.timestamp),
        "level": entry.get("logLevel", ""),
        "status": entry.get("status", ""),
        "action": _action(entry),
        "who": str(who),
        "details": str(entry.get("details", "")),
        "message": event.message,
    }


def _command(name: str, pattern: str, since: str, endpoint: str) -> str:
    words = ["aws", "logs", "tail", groups.resolve(name), "--follow", "--endpoint-url", endpoint]
    words += ["--since", since] if since else []
    words += ["--filter-pattern", pattern] if pattern else []
    return shlex.join(words)
