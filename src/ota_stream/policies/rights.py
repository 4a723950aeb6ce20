"""The rights of one connection: judged once for each topic, then one look-up a message."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from msgspec import Struct

from ota_stream.policies.actions import Action
from ota_stream.policies.judgement import Asker, judge
from ota_stream.policies.principals import Policy

JUDGED_MAX: Final = 64  # topics a connection's rulings are remembered for, publishing and receiving each

_ASK: Final = "not judged yet"

Noted = Callable[[str, Action, str], None]
"""Told what a client did and may do: client id, action, and name of client, topic or filter."""


class Standing(Struct, frozen=True):
    """Where a client stands: who it is for the policies, and which are its own."""

    asker: Asker
    policies: tuple[Policy, ...]


class Generation:
    """Grows whenever a ruling may have become another one."""

    __slots__ = ("number",)

    def __init__(self) -> None:
        self.number = 0


class Rights:
    """What a client may do, by its policies as they are now (MP-3). Each answer is None for yes, or the rule.

    `stand` gives its standing, or the rule that keeps it out altogether; it is asked again when `generation` has grown.
    """

    __slots__ = ("_connected", "_generation", "_noted", "_published", "_received", "_seen", "_stand", "_standing")

    def __init__(self, stand: Callable[[], Standing | str], generation: Generation, noted: Noted) -> None:
        self._stand = stand
        self._generation = generation
        self._noted = noted
        self._seen = generation.number
        self._standing = stand()
        self._connected = self._connect()
        self._published: dict[str, str | None] = {}
        self._received: dict[str, str | None] = {}

    def stay(self) -> str | None:
        """May it be connected? (iot:Connect)."""
        self._renew()
        return self._connected

    def publish(self, topic: str, *, retain: bool) -> str | None:
        """May it publish to this topic? (iot:Publish, and iot:RetainPublish for a message to keep)."""
        if self._seen != self._generation.number:
            self._renew()
        rule = self._published.get(topic, _ASK)
        if rule is _ASK:
            rule = self._remember(self._published, Action.PUBLISH, topic)
        return self._judge(Action.RETAIN_PUBLISH, topic) if retain and rule is None else rule

    def subscribe(self, topic_filter: str) -> str | None:
        """May it subscribe with this filter, word for word? (iot:Subscribe, MP-5)."""
        self._renew()
        return self._judge(Action.SUBSCRIBE, topic_filter)

    def receive(self, topic: str) -> str | None:
        """May it be sent a message on this topic? (iot:Receive)."""
        if self._seen != self._generation.number:
            self._renew()
        rule = self._received.get(topic, _ASK)
        return self._remember(self._received, Action.RECEIVE, topic) if rule is _ASK else rule

    def _renew(self) -> None:
        if self._seen == self._generation.number:
            return
        self._seen = self._generation.number
        standing = self._stand()
        if standing != self._standing:
            self._standing = standing
            self._connected = self._connect()
            self._published.clear()
            self._received.clear()

    def _connect(self) -> str | None:
        standing = self._standing
        return standing if isinstance(standing, str) else self._judge(Action.CONNECT, standing.asker.client_id)

    def _remember(self, judged: dict[str, str | None], action: Action, topic: str) -> str | None:
        if len(judged) >= JUDGED_MAX:
            judged.clear()
        rule = judged[topic] = self._judge(action, topic)
        return rule

    def _judge(self, action: Action, name: str) -> str | None:
        standing = self._standing
        if isinstance(standing, str):
            return standing
        rule = judge(standing.policies, action, name, standing.asker)
        if rule is None:
            self._noted(standing.asker.client_id, action, name)
        return rule


_NO_TOPICS: Final[Mapping[str, None]] = MappingProxyType({})


class AllRights:
    """All rights. What is done with them is told once for each topic, for the first topics of a connection."""

    __slots__ = ("_client_id", "_noted", "_published", "_received")

    def __init__(self, client_id: str, noted: Noted) -> None:
        self._client_id = client_id
        self._noted = noted
        self._published: Mapping[str, None] = _NO_TOPICS  # its own when it needs them: most connections are idle
        self._received: Mapping[str, None] = _NO_TOPICS

    def stay(self) -> str | None:
        """Yes."""
        return None

    def publish(self, topic: str, *, retain: bool) -> str | None:
        """Yes."""
        if topic not in self._published:
            self._published = self._seen(self._published, Action.PUBLISH, topic)
        if retain:
            self._noted(self._client_id, Action.RETAIN_PUBLISH, topic)
        return None

    def subscribe(self, topic_filter: str) -> str | None:
        """Yes."""
        self._noted(self._client_id, Action.SUBSCRIBE, topic_filter)
        return None

    def receive(self, topic: str) -> str | None:
        """Yes."""
        if topic not in self._received:
            self._received = self._seen(self._received, Action.RECEIVE, topic)
        return None

    def _seen(self, topics: Mapping[str, None], action: Action, topic: str) -> Mapping[str, None]:
        if len(topics) >= JUDGED_MAX:
            return topics
        self._noted(self._client_id, action, topic)
        if isinstance(topics, dict):  # half the size of a set
            topics[topic] = None
            return topics
        return {topic: None}
