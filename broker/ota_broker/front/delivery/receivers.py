"""Who gets a message: the sessions that subscribed for themselves, and one of each group that shares."""

from collections.abc import Iterable

from msgspec.structs import replace

from ota_broker.front.codec.packets import Message, Properties
from ota_broker.front.delivery import shared
from ota_broker.front.delivery.sessions import Session
from ota_broker.front.delivery.shared import Chance, SharedSubscriptions
from ota_broker.front.delivery.subscriptions import Subscriptions
from ota_broker.front.delivery.topics import matches
from ota_broker.front.profile import Profile


class Receivers:
    """The subscriptions of all sessions. `of` tells who gets a message on a topic, and what was granted to each."""

    def __init__(self, sessions: Iterable[Session], profile: Profile, chance: Chance) -> None:
        self._hash_takes_parent = profile.hash_takes_parent
        self._alone: Subscriptions[Session] = Subscriptions(hash_takes_parent=profile.hash_takes_parent)
        self.shared = SharedSubscriptions(hash_takes_parent=profile.hash_takes_parent, chance=chance)
        self.of = self._alone.receivers
        for session in sessions:
            for topic_filter, grant in session.filters.items():
                self._index(session, topic_filter, grant)

    def put(self, session: Session, topic_filter: str, grant: int) -> None:
        """Subscribe a session, or change what its subscription grants."""
        session.filters[topic_filter] = grant
        self._index(session, topic_filter, grant)
        session.keep()

    def _index(self, session: Session, topic_filter: str, grant: int) -> None:
        share = shared.parse(topic_filter)
        if share is None:
            self._alone.put(session, topic_filter, grant)
        else:
            self.shared.put(session, share, grant)

    def delete(self, session: Session, topic_filter: str) -> None:
        """End a subscription that exists."""
        share = shared.parse(topic_filter)
        if share is None:
            self._alone.delete(session, topic_filter)
        else:
            self.shared.delete(session, share)
        del session.filters[topic_filter]
        session.identify(topic_filter, 0)
        session.keep()

    def identified(self, session: Session, message: Message, shared_filter: str | None) -> Message:
        """Return the message with the identifiers of the subscriptions that brought it (MQTT 5, 3.3.4).

        That is the one with the shared filter, if there is one, else all of its own that take the topic.
        """
        to_parent = self._hash_takes_parent
        found = tuple(
            number
            for topic_filter, number in (session.subscription_ids or {}).items()
            if topic_filter == shared_filter
            or (shared_filter is None and matches(topic_filter, message.topic, hash_takes_parent=to_parent))
        )
        return replace(message, properties=replace(message.properties or Properties(), subscription_ids=found))
