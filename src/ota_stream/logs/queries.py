"""Logs Insights queries that run beside other work: started, carried on step by step, and read at any time."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from heapq import merge
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from ota_stream.errors import ControlError, OtaStreamError
from ota_stream.logs import insights
from ota_stream.logs import reading_errors as errors
from ota_stream.logs.events import Events, LogEvent, Wanted, key
from ota_stream.logs.insights import Run
from ota_stream.logs.insights_stages import ROWS_MAX
from ota_stream.logs.log_groups import LogGroups, Shown, paged

STEP: Final = 2_000  # events, and then rows, a query is carried on by in one step
SECONDS_MAX: Final = 0.02  # one step may take for all queries, by the clock it is given
RUNNING_MAX: Final = 30  # queries at once
KEPT_MAX: Final = 1_000  # queries that are remembered; the oldest go
GROUPS_MAX: Final = 50

_DONE: Final = object()
_MILLISECONDS_FROM: Final = 100_000_000_000  # a time beyond the year 5138 was given in milliseconds


class QueryStatus(StrEnum):
    """How far a query is."""

    RUNNING = "Running"
    COMPLETE = "Complete"
    FAILED = "Failed"
    CANCELLED = "Cancelled"


class AskedQuery(Struct, frozen=True):
    """A query that was started. `created` is epoch milliseconds, `group` the group's listed name."""

    query_id: str
    text: str
    group: str
    created: int
    status: QueryStatus = QueryStatus.RUNNING
    rows: Sequence[Mapping[str, str]] = ()
    statistics: Mapping[str, float] = {}


class Queries:
    """The queries of an account; they are forgotten when the process ends. `step` is to be called while one runs."""

    def __init__(
        self, events: Events, log_groups: LogGroups, new_id: Callable[[], str], monotonic: Callable[[], float]
    ) -> None:
        self._monotonic = monotonic
        self._events = events
        self._groups = log_groups
        self._new_id = new_id
        self._asked: dict[str, AskedQuery] = {}
        self._running: dict[str, tuple[Run, Iterator[None], int]] = {}

    def start(self, given: Mapping[str, Any], now: float) -> Shown:
        """StartQuery. `now` is epoch seconds.

        Raises:
            ControlError: MalformedQueryException, InvalidParameterException, ResourceNotFoundException,
                LimitExceededException.
        """
        names = self._named(given)
        start, end = _milliseconds(given["startTime"]), _milliseconds(given["endTime"])
        if end < start:
            raise errors.invalid("startTime must not be later than endTime.")
        if given.get("queryLanguage", "CWLI") != "CWLI":
            raise errors.invalid("Only the query language CWLI is supported.")
        limit = given.get("limit") or ROWS_MAX
        query = insights.compile(given["queryString"])
        if len(self._running) >= RUNNING_MAX:
            raise ControlError("LimitExceededException", 400, f"No more than {RUNNING_MAX} queries can run at once.")
        found = (
            self._events.read(
                name, Wanted(start=max(start, self._groups.oldest(name, now)), end=end, newest_first=True)
            )
            for name in names
        )
        query_id = self._new_id()
        events: Iterable[LogEvent] = merge(*found, key=key, reverse=True) if len(names) > 1 else next(found)
        run = Run(query, limit)
        self._running[query_id] = run, _work(run, events), len(names)
        shown = self._groups.shown_name(names[0])
        self._asked[query_id] = AskedQuery(query_id, given["queryString"], shown, int(now * 1000))
        self._forget_old()
        return {"queryId": query_id}

    @property
    def running(self) -> bool:
        """Whether `step` has something to do."""
        return bool(self._running)

    def knows(self, query_id: str) -> bool:
        """Tell whether a query was started here, and is not forgotten."""
        return query_id in self._asked

    def step(self, amount: int = STEP) -> None:
        """Carry each running query on by so many events, or fewer when the time is up, but by one for sure."""
        until = self._monotonic() + SECONDS_MAX
        for query_id in list(self._running):
            self._carry_on(query_id, amount, until)

    def results(self, given: Mapping[str, Any]) -> Shown:
        """GetQueryResults: the rows when the query is complete. Raises ControlError (ResourceNotFoundException)."""
        asked = self._query(given["queryId"])
        return {
            "queryLanguage": "CWLI",
            "results": [[{"field": name, "value": value} for name, value in row.items()] for row in asked.rows],
            "statistics": dict(self._statistics(asked)),
            "status": asked.status.value,
        }

    def stop(self, given: Mapping[str, Any]) -> Shown:
        """StopQuery.

        Raises:
            ControlError: ResourceNotFoundException; InvalidParameterException, it has ended already.
        """
        asked = self._query(given["queryId"])
        if asked.status is not QueryStatus.RUNNING:
            raise errors.invalid("The specified query has ended and cannot be stopped.")
        self._end(asked, QueryStatus.CANCELLED)
        return {"success": True}

    def describe(self, given: Mapping[str, Any]) -> Shown:
        """DescribeQueries: newest first. Raises ControlError (InvalidParameterException)."""
        group, status = given.get("logGroupName"), given.get("status")
        listed = None if group is None else self._groups.shown_name(self._groups.named(group))
        found = {
            query_id: asked
            for query_id, asked in reversed(self._asked.items())
            if (listed is None or asked.group == listed) and (status is None or asked.status == status)
        }
        page, token = paged(list(found), {**given, "limit": given.get("maxResults")}, KEPT_MAX)
        return {"queries": [_shown(found[query_id]) for query_id in page], **token}

    def _named(self, given: Mapping[str, Any]) -> list[str]:
        ways = [given.get(member) for member in ("logGroupName", "logGroupNames", "logGroupIdentifiers")]
        named = [way for way in ways if way]
        if len(named) != 1:
            raise errors.invalid("Specify one of logGroupName, logGroupNames and logGroupIdentifiers.")
        names = [named[0]] if isinstance(named[0], str) else named[0]
        if len(names) > GROUPS_MAX:
            raise errors.invalid(f"A query can read no more than {GROUPS_MAX} log groups.")
        return list(dict.fromkeys(self._groups.named(name) for name in names))

    def _query(self, query_id: str) -> AskedQuery:
        asked = self._asked.get(query_id)
        if asked is None:
            raise errors.no_query()
        return asked

    def _carry_on(self, query_id: str, amount: int, until: float) -> None:
        run, work, _ = self._running[query_id]
        asked = self._asked[query_id]
        try:
            for _ in range(amount):
                if next(work, _DONE) is _DONE:
                    self._end(asked, QueryStatus.COMPLETE, run.rows)
                    return
                if self._monotonic() > until:
                    return
        except OtaStreamError:  # an expression that takes too long, or a store that cannot be read
            self._end(asked, QueryStatus.FAILED)

    def _end(self, asked: AskedQuery, status: QueryStatus, rows: Sequence[Mapping[str, str]] = ()) -> None:
        statistics = self._statistics(asked) | {"resultCount": float(len(rows))}
        del self._running[asked.query_id]
        self._asked[asked.query_id] = replace(asked, status=status, rows=rows, statistics=statistics)

    def _statistics(self, asked: AskedQuery) -> dict[str, float]:
        if asked.query_id not in self._running:
            return dict(asked.statistics)
        run, _, group_count = self._running[asked.query_id]
        return {
            "recordsMatched": float(run.matched),
            "recordsScanned": float(run.scanned),
            "bytesScanned": float(run.size),
            "logGroupsScanned": float(group_count),
        }

    def _forget_old(self) -> None:
        for query_id in [each for each in self._asked if each not in self._running][
            : max(0, len(self._asked) - KEPT_MAX)
        ]:
            del self._asked[query_id]


def _work(run: Run, events: Iterable[LogEvent]) -> Iterator[None]:
    """Do what a query asks, an event or a row at each step."""
    left = iter(events)
    while not run.full:
        event = next(left, None)
        if event is None:
            break
        run.feed(event)
        yield
    yield from run.finishing()


def _milliseconds(given: int) -> int:
    return given if given >= _MILLISECONDS_FROM else given * 1000


def _shown(asked: AskedQuery) -> Shown:
    return {
        "queryLanguage": "CWLI",
        "queryId": asked.query_id,
        "queryString": asked.text,
        "status": asked.status.value,
        "createTime": asked.created,
        "logGroupName": asked.group,
    }
