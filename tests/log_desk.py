"""A store of log events in memory, and the services that read it."""

import json
from collections.abc import Iterable
from typing import Any

import pytest

from ota_stream.errors import ControlError
from ota_stream.logs import groups
from ota_stream.logs.events import LogEvent, LogGroup, LogStream, Wanted, key
from ota_stream.logs.log_groups import LogGroups
from ota_stream.logs.queries import Queries
from ota_stream.logs.reading import LogReading

ARN = "arn:aws:logs:eu-west-1:123456789012:log-group:"
NOW = 2_000_000.0  # seconds
DAY = 86_400_000
GROUP = "AWSIotLogsV2"


class Kept:
    """A store that is a list, and that notes what was asked of it."""

    def __init__(self, *events: LogEvent, **others: list[LogEvent]) -> None:
        self.kept = {groups.REAL: list(events), **others}
        self.asked: list[Any] = []

    def groups(self) -> Iterable[LogGroup]:
        return [LogGroup(name, 1000, 10 * len(found)) for name, found in self.kept.items() if found]

    def streams(self, group: str) -> list[LogStream]:
        found: dict[str, list[int]] = {}
        for each in self.kept.get(group, ()):
            found.setdefault(each.log_stream, []).append(each.timestamp)
        ends = {each.log_stream: each.position + 1 for each in sorted(self.kept.get(group, ()), key=key)}
        return [LogStream(name, 1000, min(at), max(at), max(at) + 5, len(at), ends[name]) for name, at in found.items()]

    def read(self, group: str, wanted: Wanted) -> Iterable[LogEvent]:
        self.asked.append(wanted.equal)
        found = [each for each in self.kept[group] if wanted.has(each.timestamp, each.log_stream)]
        return sorted(found, key=key, reverse=wanted.newest_first)


def event(at: int, stream: str = "s", position: int | None = None, **entry: Any) -> LogEvent:
    return LogEvent(at, stream, at if position is None else position, json.dumps({"n": at, **entry}), at + 5)


class Desk:
    def __init__(self, *events: LogEvent, listed: str = groups.REAL, scanned_max: int = 1000, **others: Any) -> None:
        self.store = Kept(*events, **others)
        self.retentions: dict[str, int] = {}
        self.groups = LogGroups(self.store, self.retentions, ARN, listed)
        self.passing = 0.0  # seconds at each look at the clock
        self.clock = 0.0
        self.reading = LogReading(self.store, self.groups, self.monotonic, scanned_max)
        self.ids = iter(range(10_000))
        self.queries = Queries(self.store, self.groups, lambda: f"q-{next(self.ids)}", self.monotonic)

    def monotonic(self) -> float:
        self.clock += self.passing
        return self.clock

    def get(self, **given: Any) -> Any:
        return self.reading.get({"logGroupName": GROUP, "logStreamName": "s", **given}, NOW)

    def filter(self, **given: Any) -> Any:
        return self.reading.filter({"logGroupName": GROUP, **given}, NOW)

    def start(self, text: str = "fields n", **given: Any) -> str:
        asked = {"logGroupName": GROUP, "startTime": 0, "endTime": 2_000_000, "queryString": text, **given}
        return self.queries.start(asked, NOW)["queryId"]

    def rows(self, query_id: str) -> list[dict[str, str]]:
        results = self.queries.results({"queryId": query_id})["results"]
        return [{each["field"]: each["value"] for each in row if each["field"] != "@ptr"} for row in results]


def times(answer: Any) -> list[int]:
    return [each["timestamp"] for each in answer["events"]]


def invalid(match: str = ""):
    return pytest.raises(ControlError, match=f"InvalidParameterException.*{match}", check=lambda e: e.status == 400)


def missing(what: str):
    return pytest.raises(ControlError, match=f"ResourceNotFoundException.*{what}", check=lambda e: e.status == 400)
