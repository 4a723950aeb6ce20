"""Two stores of log events read as one: ours, and what other people write."""

from collections.abc import Iterable, Sequence
from heapq import merge

from ota_stream.logs.events import Events, LogEvent, LogGroup, LogStream, Wanted, key


class JoinedEvents:
    """Satisfies `Events`. A group that both stores have has the log streams of both."""

    def __init__(self, first: Events, second: Events) -> None:
        self._stores = (first, second)

    def groups(self) -> Iterable[LogGroup]:
        """Return the groups of both."""
        found: dict[str, LogGroup] = {}
        for store in self._stores:
            for group in store.groups():
                old = found.get(group.name, group)
                size = group.size if old is group else old.size + group.size
                found[group.name] = LogGroup(group.name, min(old.created, group.created), size)
        return found.values()

    def streams(self, group: str) -> Sequence[LogStream]:
        """Return a group's log streams in both."""
        return [stream for store in self._stores for stream in store.streams(group)]

    def read(self, group: str, wanted: Wanted) -> Iterable[LogEvent]:
        """Return events of both in one order. See Events."""
        found = (store.read(group, wanted) for store in self._stores)
        return merge(*found, key=key, reverse=wanted.newest_first)
