"""Shared subscriptions: every message to one member of a group, picked at random (MQTT 5, 4.8.2; M5-1)."""

from collections.abc import Callable, Iterator
from typing import Final

from msgspec import Struct

from ota_broker.front import limits
from ota_broker.front.codec import grants
from ota_broker.front.codec.packets import Refused, Violation
from ota_broker.front.codec.reasons import Reason
from ota_broker.front.delivery.sessions import Session
from ota_broker.front.delivery.subscriptions import Subscriptions
from ota_broker.front.delivery.topics import check_filter, has_wildcard

PREFIX: Final = "$share/"

Chance = Callable[[int], int]
"""Returns a whole number from 0 up to, but not, its argument."""


class SharedFilter(Struct, frozen=True):
    """`$share/name/topic_filter`, taken apart."""

    name: str
    topic_filter: str


def parse(text: str) -> SharedFilter | None:
    """Take a filter apart. None when it is not shared. Raises Violation."""
    if not text.startswith(PREFIX):
        return None
    name, slash, topic_filter = text[len(PREFIX) :].partition("/")
    if not name or not slash or has_wildcard(name):
        raise Violation("a shared subscription that is not $share/name/filter", code=Reason.TOPIC_FILTER_INVALID)
    if len(name.encode()) > limits.SHARE_NAME_MAX:  # M5-1
        reason = f"a shared subscription with a name of more than {limits.SHARE_NAME_MAX} bytes"
        raise Refused(reason, code=Reason.TOPIC_FILTER_INVALID)
    return SharedFilter(name, check_filter(topic_filter))


class Group:
    """The members of one shared subscription, each with what was granted to it."""

    __slots__ = ("grants", "members", "text")

    def __init__(self, shared: SharedFilter) -> None:
        self.text = f"{PREFIX}{shared.name}/{shared.topic_filter}"
        self.grants: dict[Session, int] = {}
        self.members: list[Session] = []  # the same, to pick from

    def pick(self, topic: str, qos: int, chance: Chance) -> Session | None:
        """Return who takes a message now; if nobody can, who keeps it for later; None when nobody does.

        From a random member on, the first that can: nearly always that one. When rights forbid it to all, one of them:
        so that it is told of.
        """
        members, start = self.members, chance(len(self.members))
        later = forbidden = None
        for step in range(len(members)):
            member = members[start + step - len(members)]
            if member.access.receive(topic) is not None:
                forbidden = member
            elif member.ready:
                return member
            elif later is None and (member.link is not None or self._is_kept_by(member, qos)):
                later = member
        return later or forbidden

    def _is_kept_by(self, member: Session, qos: int) -> bool:
        return member.session_expiry > 0 and min(qos, self.grants[member] & grants.QOS) > 0


class SharedSubscriptions:
    """All groups, by name and filter."""

    def __init__(self, *, hash_takes_parent: bool, chance: Chance) -> None:
        self._groups: dict[SharedFilter, Group] = {}
        self._index: Subscriptions[Group] = Subscriptions(hash_takes_parent=hash_takes_parent)
        self._chance = chance

    def __len__(self) -> int:
        return len(self._groups)

    def put(self, session: Session, shared: SharedFilter, grant: int) -> None:
        """Make a session a member, or change what is granted to it."""
        group = self._groups.get(shared)
        if group is None:
            group = self._groups[shared] = Group(shared)
            self._index.put(group, shared.topic_filter, 0)
        if session not in group.grants:
            group.members.append(session)
        group.grants[session] = grant

    def delete(self, session: Session, shared: SharedFilter) -> None:
        """End a membership that exists."""
        group = self._groups[shared]
        del group.grants[session]
        group.members.remove(session)
        if not group.members:
            del self._groups[shared]
            self._index.delete(group, shared.topic_filter)

    def receivers(self, topic: str, qos: int) -> Iterator[tuple[Session, int, str]]:
        """Yield who gets a message on this topic: one member of every group, with its grant and the whole filter."""
        for group in self._index.receivers(topic):
            member = group.pick(topic, qos, self._chance)
            if member is not None:
                yield member, group.grants[member], group.text
