"""Retained messages: one per topic, bounded in number and bytes (MB-6)."""

from collections.abc import Iterator

from ota_broker.front import limits
from ota_broker.front.packets import Message
from ota_broker.front.topics import has_wildcard, matches


class RetainedMessages:
    """What a new subscriber is told at once.

    `on_wildcards` is the standard's rule; on AWS only exact filters get them (MB-6).
    """

    def __init__(self, *, on_wildcards: bool, hash_takes_parent: bool) -> None:
        self._on_wildcards = on_wildcards
        self._hash_takes_parent = hash_takes_parent
        self._messages: dict[str, Message] = {}
        self._bytes = 0

    def put(self, message: Message) -> bool:
        """Keep a message, or delete with an empty one. Returns False when there is no room."""
        old = self._messages.get(message.topic)
        grown = self._bytes + len(message.payload) - (len(old.payload) if old else 0)
        if message.payload and (
            grown > limits.RETAINED_BYTES_MAX or (old is None and len(self._messages) >= limits.RETAINED_MAX)
        ):
            return False
        self._bytes = grown
        if message.payload:
            self._messages[message.topic] = message
        elif old:
            del self._messages[message.topic]
        return True

    def find(self, topic_filter: str) -> Iterator[Message]:
        """Yield the messages a new subscription is due."""
        if not has_wildcard(topic_filter):
            if message := self._messages.get(topic_filter):
                yield message
        elif self._on_wildcards:
            for topic, message in self._messages.items():
                if matches(topic_filter, topic, hash_takes_parent=self._hash_takes_parent):
                    yield message
