"""The log groups of other people, as moto has them in this process, for those who read log events.

Moto writes in a thread of its own; here its lists are copied before they are looked at. Regions are not told apart.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any
from weakref import WeakKeyDictionary

from ota_stream.api.aws.moto.state import MotoState, backends_of
from ota_stream.logs import groups
from ota_stream.logs.events import LogEvent, LogGroup, LogStream, Wanted, counted, key


class _Sums:
    """What a log stream amounts to, carried on as it grows."""

    def __init__(self) -> None:
        self.end = self.size = 0
        self.first = self.last = 0

    def take(self, events: Sequence[Any]) -> None:
        """Look at the events that have come since the last time."""
        for event in events[self.end :]:
            self.first = min(self.first, event.timestamp) if self.end else event.timestamp
            self.last = max(self.last, event.timestamp)
            self.size += counted(event.message)
            self.end += 1


class MotoEvents:
    """Satisfies `logs.events.Events`. Groups and log streams that are empty are there too: somebody has made them."""

    def __init__(self, state: MotoState) -> None:
        self._state = state
        self._sums: WeakKeyDictionary[Any, _Sums] = WeakKeyDictionary()

    def groups(self) -> Iterable[LogGroup]:
        """Return all groups."""
        found: dict[str, LogGroup] = {}
        for group in self._all():
            name = groups.resolve(group.name)
            size = sum(stream.size for stream in self._shown(group))
            created = _milliseconds(group.creation_time)
            old = found.get(name, LogGroup(name, created, 0))
            found[name] = LogGroup(name, min(old.created, created), old.size + size)
        return found.values()

    def streams(self, group: str) -> Sequence[LogStream]:
        """Return a group's log streams."""
        return [stream for each in self._named(group) for stream in self._shown(each)]

    def read(self, group: str, wanted: Wanted) -> Iterable[LogEvent]:
        """Return events by (timestamp, log stream, position). See Events."""
        found = [
            LogEvent(event.timestamp, stream.log_stream_name, position, event.message, event.ingestion_time)
            for each in self._named(group)
            for stream in list(each.streams.values())
            for position, event in enumerate(list(stream.events))
            if wanted.has(event.timestamp, stream.log_stream_name)
        ]
        found.sort(key=key, reverse=wanted.newest_first)
        return found

    def _all(self) -> list[Any]:
        """Return moto's groups, without importing moto for the answer when it was never asked for anything."""
        if self._state.is_new:
            return []
        self._state.load()
        regions = list(backends_of("logs")[self._state.account].values())
        return [group for backend in regions for group in list(backend.groups.values())]

    def _named(self, group: str) -> list[Any]:
        return [each for each in self._all() if groups.resolve(each.name) == group]

    def _shown(self, group: Any) -> Iterable[LogStream]:  # noqa: ANN401 - moto's
        for stream in list(group.streams.values()):
            sums = self._sums.setdefault(stream, _Sums())
            sums.take(list(stream.events))
            created = _milliseconds(stream.creation_time)
            times = (created, created, created)
            if sums.end:
                times = (sums.first, sums.last, _milliseconds(stream.last_ingestion_time))
            yield LogStream(stream.log_stream_name, created, *times, sums.size, sums.end, unordered=True)


def _milliseconds(at: datetime) -> int:
    return round(at.replace(tzinfo=UTC).timestamp() * 1000)  # moto's times are UTC and do not say so
