"""Reading log events as CloudWatch Logs lets people do it: one log stream page by page, or a group by a filter."""

from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from typing import Any, Final

from ota_stream.logs import patterns, tokens
from ota_stream.logs import reading_errors as errors
from ota_stream.logs.events import Events, LogEvent, Wanted, counted, key
from ota_stream.logs.log_groups import LogGroups, Shown
from ota_stream.logs.tokens import BEFORE_ALL, Place

EVENTS_MAX: Final = 10_000  # in one answer (LQ-3, LQ-4)
BYTES_MAX: Final = 1024 * 1024  # of messages in one answer
SCANNED_MAX: Final = 20_000  # events one call may look at; it may find none and still have a next page
SECONDS_MAX: Final = 0.1  # one call may take over that, by the clock it is given
STREAMS_MAX: Final = 100
FOREVER: Final = 2**63 - 1  # milliseconds


class LogReading:
    """The operations that give log events. Requests and answers have the names of the API's model.

    `scanned_max` and SECONDS_MAX of `monotonic` bound the work of one call.
    """

    def __init__(
        self,
        events: Events,
        log_groups: LogGroups,
        monotonic: Callable[[], float],
        scanned_max: int = SCANNED_MAX,
    ) -> None:
        self._monotonic = monotonic
        self._events = events
        self._groups = log_groups
        self._scanned_max = scanned_max

    def get(self, given: Mapping[str, Any], now: float) -> Shown:
        """GetLogEvents (LQ-3): the newest page first, or with `startFromHead` the oldest; `now` is epoch seconds.

        At either end the token of that direction comes back unchanged.

        Raises:
            ControlError: InvalidParameterException, ResourceNotFoundException.
        """
        group, stream = self._groups.find(given), given["logStreamName"]
        if stream not in {each.name for each in self._events.streams(group)}:
            raise errors.no_stream()
        forward, place = _direction(given)
        start, end = self._window(group, given, now)
        if given.get("endTime") is not None:
            end -= 1  # this operation's end is not part of it
        if place is not None:
            start, end = (max(start, place[0]), end) if forward else (start, min(end, place[0]))
        found = self._events.read(group, Wanted(start=start, end=end, streams={stream}, newest_first=not forward))
        page = list(_fitting(_beyond(found, place, forward=forward), _limit(given)))
        page = page if forward else page[::-1]
        first, last = (key(page[0]), key(page[-1])) if page else (place or BEFORE_ALL, place or BEFORE_ALL)
        return {
            "events": [_shown(event) for event in page],
            "nextForwardToken": f"f/{tokens.build(last)}",
            "nextBackwardToken": f"b/{tokens.build(first)}",
        }

    def filter(self, given: Mapping[str, Any], now: float) -> Shown:
        """FilterLogEvents (LQ-4): all log streams interleaved, oldest first. A page may be empty with more to come.

        Raises:
            ControlError: InvalidParameterException, with the position in a bad pattern; ResourceNotFoundException.
        """
        group = self._groups.find(given)
        pattern = patterns.compile(given.get("filterPattern") or "")
        names = self._named_streams(group, given)
        start, end = self._window(group, given, now)
        place = _place(given.get("nextToken"))
        limit, size, last = _limit(given), 0, place
        found = self._events.read(
            group,
            Wanted(
                start=start if place is None else max(start, place[0]),
                end=end,
                streams=names,
                equal=patterns.equalities(pattern),
            ),
        )
        page: list[LogEvent] = []
        began = self._monotonic()
        scanned = _beyond(found, place, forward=True)
        for number, event in enumerate(scanned):
            size_of = counted(event.message) if pattern(event.message, event.entry()) else 0
            enough = number >= self._scanned_max or (number and self._monotonic() - began > SECONDS_MAX)
            if enough or len(page) >= limit or (page and size + size_of > BYTES_MAX):
                return _filtered(page, last)
            last = key(event)
            if size_of:
                page.append(event)
                size += size_of
        return _filtered(page, None)

    def _named_streams(self, group: str, given: Mapping[str, Any]) -> set[str] | None:
        names: list[str] = given.get("logStreamNames") or []
        prefix: str = given.get("logStreamNamePrefix") or ""
        if names and prefix:
            raise errors.invalid("Specify either logStreamNames or logStreamNamePrefix, and not both.")
        if not names and not prefix:
            return None
        known = {stream.name for stream in self._events.streams(group)}
        if prefix:
            return {name for name in known if name.startswith(prefix)}
        if len(names) > STREAMS_MAX:
            raise errors.invalid(f"logStreamNames has more than {STREAMS_MAX} entries.")
        if not known.issuperset(names):
            raise errors.no_stream()
        return set(names)

    def _window(self, group: str, given: Mapping[str, Any], now: float) -> tuple[int, int]:
        """Return the first and the last millisecond that is asked for and still kept."""
        start, end = given.get("startTime") or 0, given.get("endTime")
        if start < 0 or (end is not None and end < start):
            raise errors.invalid("startTime must not be negative nor later than endTime.")
        return max(start, self._groups.oldest(group, now)), FOREVER if end is None else end


def _limit(given: Mapping[str, Any]) -> int:
    limit: int = EVENTS_MAX if given.get("limit") is None else given["limit"]
    if not 1 <= limit <= EVENTS_MAX:
        raise errors.invalid(f"limit must be 1 to {EVENTS_MAX}.")
    return limit


def _direction(given: Mapping[str, Any]) -> tuple[bool, Place | None]:
    token = given.get("nextToken")
    if token is None:
        return bool(given.get("startFromHead")), None
    if token[:2] not in {"f/", "b/"}:
        raise errors.bad_token()
    return token.startswith("f"), _place(token[2:])


def _place(token: str | None) -> Place | None:
    place = None if token is None else tokens.parse(token)
    if place is None and token is not None:
        raise errors.bad_token()
    return place


def _beyond(events: Iterable[LogEvent], place: Place | None, *, forward: bool) -> Iterable[LogEvent]:
    if place is None:
        return events
    return (event for event in events if (key(event) > place if forward else key(event) < place))


def _fitting(events: Iterable[LogEvent], limit: int) -> Iterable[LogEvent]:
    size = 0
    for number, event in enumerate(islice(events, limit)):
        size += counted(event.message)
        if number and size > BYTES_MAX:
            return
        yield event


def _shown(event: LogEvent) -> Shown:
    return {"timestamp": event.timestamp, "message": event.message, "ingestionTime": event.ingestion}


def _filtered(page: list[LogEvent], more: Place | None) -> Shown:
    return {
        "events": [
            {"logStreamName": event.log_stream, **_shown(event), "eventId": tokens.build(key(event))} for event in page
        ],
        "searchedLogStreams": [],
        **({} if more is None else {"nextToken": tokens.build(more)}),
    }
