"""Who gets a message: an exact topic is one look-up, wildcards are a tree walk that is remembered."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final, Generic, TypeVar

from ota_broker.front.codec.grants import merged
from ota_broker.front.delivery.topics import has_wildcard

REMEMBERED_MAX: Final = 20_000  # topics whose wildcard receivers are known

R = TypeVar("R")
"""Who subscribes: a session, or a group of sessions that share."""

_NOBODY: Final[Mapping[Any, int]] = MappingProxyType({})


class _Level(Generic[R]):
    """One level of the filter tree."""

    __slots__ = ("children", "receivers")

    def __init__(self) -> None:
        self.children: dict[str, _Level[R]] = {}
        self.receivers: dict[R, int] = {}


class Subscriptions(Generic[R]):
    """All subscriptions, with what each grants (`grants`)."""

    def __init__(self, *, hash_takes_parent: bool) -> None:
        self._hash_takes_parent = hash_takes_parent  # MB-2
        self._exact: dict[str, dict[R, int]] = {}
        self._wildcards = _Level[R]()
        self._wildcard_count = 0
        self._remembered: dict[str, dict[R, int]] = {}

    def put(self, receiver: R, topic_filter: str, granted: int) -> None:
        """Subscribe somebody, or change what its subscription grants."""
        if not has_wildcard(topic_filter):
            self._exact.setdefault(topic_filter, {})[receiver] = granted
            return
        level = self._wildcards
        for name in topic_filter.split("/"):
            level = level.children.setdefault(name, _Level[R]())
        self._wildcard_count += receiver not in level.receivers
        level.receivers[receiver] = granted
        self._remembered.clear()

    def delete(self, receiver: R, topic_filter: str) -> None:
        """End a subscription that exists."""
        if not has_wildcard(topic_filter):
            receivers = self._exact[topic_filter]
            del receivers[receiver]
            if not receivers:
                del self._exact[topic_filter]
            return
        names = topic_filter.split("/")
        path = [self._wildcards]
        for name in names:
            path.append(path[-1].children[name])
        del path[-1].receivers[receiver]
        for parent, name, level in zip(reversed(path[:-1]), reversed(names), reversed(path), strict=False):
            if level.receivers or level.children:
                break
            del parent.children[name]
        self._wildcard_count -= 1
        self._remembered.clear()

    def receivers(self, topic: str) -> Mapping[R, int]:
        """Return who gets a message on this topic, once each, with what all that overlaps grants."""
        exact = self._exact.get(topic)
        if not self._wildcard_count:
            return exact or _NOBODY
        wild = self._remembered.get(topic)
        if wild is None:
            wild = self._walk(topic)
            if len(self._remembered) >= REMEMBERED_MAX:
                self._remembered.clear()
            self._remembered[topic] = wild
        if not exact or not wild:
            return exact or wild
        both = dict(wild)
        for receiver, granted in exact.items():
            both[receiver] = merged(granted, both.get(receiver, granted))
        return both

    def _walk(self, topic: str) -> dict[R, int]:
        found: dict[R, int] = {}
        for level in self._matching(topic.split("/"), dollar=topic.startswith("$")):
            for receiver, granted in level.receivers.items():
                found[receiver] = merged(granted, found.get(receiver, granted))
        return found

    def _matching(self, names: list[str], *, dollar: bool) -> Iterator[_Level[R]]:
        """Yield the levels whose filters take the topic. At most 2 to the 8th: topics have 7 slashes at most (Q-30)."""
        open_ends = [(self._wildcards, 0)]
        while open_ends:
            level, depth = open_ends.pop()
            wild_allowed = not (dollar and depth == 0)  # MB-7
            if wild_allowed and "#" in level.children and (depth < len(names) or self._hash_takes_parent):
                yield level.children["#"]
            if depth == len(names):
                yield level
                continue
            nexts = (names[depth], "+") if wild_allowed else (names[depth],)
            open_ends.extend((level.children[name], depth + 1) for name in nexts if name in level.children)
