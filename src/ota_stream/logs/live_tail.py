"""Live tail: what is written to log groups from the beginning of a session on, one portion at a time.

A portion costs a look at the log streams, and reads only those that have grown.
"""

from collections.abc import Callable, Iterable, Mapping
from heapq import merge
from typing import Any, Final

from msgspec import Struct

from ota_stream.logs import patterns
from ota_stream.logs import reading_errors as errors
from ota_stream.logs.events import Events, LogEvent, LogStream, Wanted, key
from ota_stream.logs.log_groups import LogGroups, Shown
from ota_stream.logs.reading import BYTES_MAX, FOREVER

RESULTS_MAX: Final = 500  # events of one portion
SECONDS_MAX: Final = 0.02  # one portion may take, by the clock it is given
GROUPS_MAX: Final = 10


class _Grown(Struct, frozen=True):
    """What a log stream has more than at the last look: events from position `begin` on, not before `first`."""

    stream: LogStream
    begin: int
    first: int

    def has(self, event: LogEvent) -> bool:
        return self.begin <= event.position < self.stream.end  # what comes while we read is the next portion's


class LiveTail:
    """One session. `given` is the request of StartLiveTail.

    Raises:
        ControlError: InvalidParameterException, with the position in a bad pattern; ResourceNotFoundException.
    """

    def __init__(
        self, events: Events, log_groups: LogGroups, given: Mapping[str, Any], monotonic: Callable[[], float]
    ) -> None:
        self._events = events
        self._log_groups = log_groups
        self._monotonic = monotonic
        identifiers: list[str] = given["logGroupIdentifiers"]
        self._names = set[str](given.get("logStreamNames") or ())
        self._prefixes = tuple[str, ...](given.get("logStreamNamePrefixes") or ())
        if len(identifiers) > GROUPS_MAX:
            raise errors.invalid(f"logGroupIdentifiers has more than {GROUPS_MAX} entries.")
        if self._names and self._prefixes:
            raise errors.invalid("Specify either logStreamNames or logStreamNamePrefixes, and not both.")
        if (self._names or self._prefixes) and len(identifiers) > 1:
            raise errors.invalid("logStreamNames and logStreamNamePrefixes need a single log group.")
        self._text: str = given.get("logEventFilterPattern") or ""
        self._pattern = patterns.compile(self._text)
        self._groups = dict.fromkeys(log_groups.named(name) for name in identifiers)
        self._seen = {(group, stream.name): stream for group in self._groups for stream in events.streams(group)}

    def started(self, request_id: str, session_id: str) -> Shown:
        """Return what a session begins with (`sessionStart`)."""
        return {
            "requestId": request_id,
            "sessionId": session_id,
            "logGroupIdentifiers": [self._log_groups.arn(group) for group in self._groups],
            "logStreamNames": sorted(self._names),
            "logStreamNamePrefixes": list(self._prefixes),
            "logEventFilterPattern": self._text,
        }

    def update(self) -> Shown:
        """Return what is new since the last portion (`sessionUpdate`), oldest first.

        When there is more than one portion may hold or SECONDS_MAX lets it look at, only the newest are shown and
        `sampled` says so.

        Raises:
            OtaStreamError: a regular expression takes too long, or the store cannot be read.
        """
        found: list[tuple[LogEvent, str]] = []
        sampled = False
        for group in self._groups:
            grown = self._grown(group)
            if grown:
                events, left_out = self._newest(group, grown, SECONDS_MAX / len(self._groups))
                sampled = sampled or left_out
                found += ((event, group) for event in events)
        found.sort(key=lambda each: key(each[0]))
        return {
            "sessionMetadata": {"sampled": sampled or len(found) > RESULTS_MAX},
            "sessionResults": [self._shown(*each) for each in found[-RESULTS_MAX:]],
        }

    def _grown(self, group: str) -> dict[str, _Grown]:
        """Return the log streams that have more than at the last look, which this is now."""
        grown: dict[str, _Grown] = {}
        for stream in self._events.streams(group):
            old = self._seen.get((group, stream.name))
            if not self._wanted(stream.name) or (old is not None and old.end == stream.end):
                continue
            self._seen[group, stream.name] = stream
            since = stream.first if old is None else old.last
            first = 0 if stream.unordered else since
            grown[stream.name] = _Grown(stream, 0 if old is None else old.end, first)
        return grown

    def _wanted(self, name: str) -> bool:
        if self._names:
            return name in self._names
        return not self._prefixes or name.startswith(self._prefixes)

    def _newest(self, group: str, grown: Mapping[str, _Grown], seconds: float) -> tuple[list[LogEvent], bool]:
        """Return new events that are wanted, newest first, and whether some had to be left out."""
        found: list[LogEvent] = []
        size, began = 0, None
        for event in self._backwards(group, grown):
            if began is None:
                began = (
                    self._monotonic()
                )  # what the store takes to begin is not counted: one event is looked at for sure
            elif self._monotonic() - began > seconds:
                return found, True
            if not grown[event.log_stream].has(event) or not self._pattern(event.message, event.entry()):
                continue
            size += len(event.message)
            if len(found) == RESULTS_MAX or (found and size > BYTES_MAX):
                return found, True
            found.append(event)
        return found, False

    def _backwards(self, group: str, grown: Mapping[str, _Grown]) -> Iterable[LogEvent]:
        """Read the grown log streams; those without order apart, for these are looked through from their beginning."""
        parts = (
            [each for each in grown.values() if each.stream.unordered],
            [each for each in grown.values() if not each.stream.unordered],
        )
        found = (
            self._events.read(
                group,
                Wanted(
                    start=min(each.first for each in part),
                    end=FOREVER,
                    streams={each.stream.name for each in part},
                    newest_first=True,
                    equal=patterns.equalities(self._pattern),
                ),
            )
            for part in parts
            if part
        )
        return merge(*found, key=key, reverse=True)

    def _shown(self, event: LogEvent, group: str) -> Shown:
        return {
            "logStreamName": event.log_stream,
            "logGroupIdentifier": self._log_groups.arn(group),
            "message": event.message,
            "timestamp": event.timestamp,
            "ingestionTime": event.ingestion,
        }
