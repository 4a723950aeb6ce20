"""Who gets a message: an exact topic is one look-up, wildcards are a tree walk that is remembered."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from ota_broker.front.topics import has_wildcard

if TYPE_CHECKING:
    from ota_broker.front.sessions import Session

REMEMBERED_MAX: Final = 20_000  # topics whose wildcard receivers are known

Receivers = Mapping["Session", int]
_NOBODY: Final[Receivers] = MappingProxyType({})


class _Level:
    """One level of the filter tree."""

    __slots__ = ("children", "receivers")

    def __init__(self) -> None:
        self.children: dict[str, _Level] = {}
        self.receivers: dict[Session, int] = {}


class Subscriptions:
    """All subscriptions of all sessions, with the QoS granted to each."""

    def __init__(self, *, hash_takes_parent: bool) -> None:
        self._hash_takes_parent = hash_takes_parent  # MB-2
        self._exact: dict[str, dict[Session, int]] = {}
        self._wildcards = _Level()
        self._wildcard_count = 0
        self._remembered: dict[str, dict[Session, int]] = {}

    def put(self, session: "Session", topic_filter: str, qos: int) -> None:
        """Subscribe a session, or change the QoS of what it has."""
        if not has_wildcard(topic_filter):
            self._exact.setdefault(topic_filter, {})[session] = qos
            return
        level = self._wildcards
        for name in topic_filter.split("/"):
            level = level.children.setdefault(name, _Level())
        self._wildcard_count += session not in level.receivers
        level.receivers[session] = qos
        self._remembered.clear()

    def delete(self, session: "Session", topic_filter: str) -> None:
        """End a subscription that exists."""
        if not has_wildcard(topic_filter):
            receivers = self._exact[topic_filter]
            del receivers[session]
            if not receivers:
                del self._exact[topic_filter]
            return
        names = topic_filter.split("/")
        path = [self._wildcards]
        for name in names:
            path.append(path[-1].children[name])
        del path[-1].receivers[session]
        for parent, name, level in zip(reversed(path[:-1]), reversed(names), reversed(path), strict=False):
            if level.receivers or level.children:
                break
            del parent.children[name]
        self._wildcard_count -= 1
        self._remembered.clear()

    def receivers(self, topic: str) -> Receivers:
        """Return who gets a message on this topic, once each, with the highest QoS of what overlaps."""
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
        return {session: max(exact.get(session, 0), wild.get(session, 0)) for session in {**exact, **wild}}

    def _walk(self, topic: str) -> dict["Session", int]:
        found: dict[Session, int] = {}
        for level in self._matching(topic.split("/"), dollar=topic.startswith("$")):
            for session, qos in level.receivers.items():
                found[session] = max(qos, found.get(session, 0))
        return found

    def _matching(self, names: list[str], *, dollar: bool) -> Iterator[_Level]:
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
