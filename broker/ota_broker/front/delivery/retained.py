"""Retained messages: one per topic, bounded in number and bytes, kept over a restart (MB-6)."""

from collections.abc import Iterator

from ota_broker.front import limits
from ota_broker.front.codec.packets import Message
from ota_broker.front.delivery.kept import Shelf
from ota_broker.front.delivery.topics import has_wildcard, matches


class RetainedMessages:
    """What a new subscriber is told at once.

    `on_wildcards` is the standard's rule; on AWS only exact filters get them (MB-6).
    """

    def __init__(self, shelf: Shelf, *, on_wildcards: bool, hash_takes_parent: bool) -> None:
        self._on_wildcards = on_wildcards
        self._hash_takes_parent = hash_takes_parent
        self._shelf = shelf
        self._rows = shelf.rows.retained
        self._bytes = sum(len(message.payload) for message in self._rows.values())

    def put(self, message: Message) -> bool:
        """Keep a message, or delete with an empty one. Returns False when there is no room."""
        old = self._rows.get(message.topic)
        grown = self._bytes + len(message.payload) - (len(old.payload) if old else 0)
        if message.payload and (
            grown > limits.RETAINED_BYTES_MAX or (old is None and len(self._rows) >= limits.RETAINED_MAX)
        ):
            return False
        self._bytes = grown
        if message.payload:
            self._rows[message.topic] = self._shelf.on_wall(message)
        elif old:
            del self._rows[message.topic]
        return True

    def find(self, topic_filter: str) -> Iterator[Message]:
        """Yield the messages a new subscription is due."""
        if not has_wildcard(topic_filter):
            topics = [topic_filter] if topic_filter in self._rows else []
        elif self._on_wildcards:
            takes_parent = self._hash_takes_parent
            topics = [topic for topic in self._rows if matches(topic_filter, topic, hash_takes_parent=takes_parent)]
        else:
            topics = []
        for topic in topics:
            message = self._shelf.off_wall(self._rows[topic])
            if message.expires_at is None or self._shelf.now() < message.expires_at:
                yield message
            else:  # MQTT 5, 3.3.2.3.3
                self._bytes -= len(message.payload)
                del self._rows[topic]
