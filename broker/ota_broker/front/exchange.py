"""Where messages go: requests to the cloud, its answers back, ordinary messages to whoever subscribed."""

from collections.abc import Callable, Iterable
from typing import Final, Protocol

from ota_broker.front import limits
from ota_broker.front.mqtt311 import SUBSCRIBE_FAILED, text_of
from ota_broker.front.notices import Notices
from ota_broker.front.packets import Cause, Connect, Message, Violation
from ota_broker.front.profile import Profile
from ota_broker.front.retained import RetainedMessages
from ota_broker.front.sessions import Link, Session, Sessions, at_qos
from ota_broker.front.subscriptions import Subscriptions
from ota_broker.front.topics import check_filter, check_name
from ota_broker.front.wheel import Wheel
from ota_stream.answers import Answer, Audience, Refusal, Reply
from ota_stream.clock import Clock

NAMES_MAX: Final = 50_000  # topic names already checked
_SHARED: Final = "$share/"


class Answering(Protocol):
    """The cloud, as seen from the front door."""

    def answer(self, topic: str, payload: bytes, client_id: str, now: float) -> Answer | Refusal | None:
        """Answer a publish to a reserved topic. None when no service listens there."""
        ...


class Exchange:
    """Sessions, subscriptions and retained messages, and the way a message takes through them."""

    def __init__(self, cloud: Answering, profile: Profile, clock: Clock, notices: Notices, wheel: Wheel) -> None:
        self.profile = profile
        self.notices = notices
        self._cloud = cloud
        self._clock = clock
        self._wheel = wheel
        self._sessions = Sessions()
        self._subscriptions = Subscriptions(hash_takes_parent=profile.hash_takes_parent)
        self._retained = RetainedMessages(
            on_wildcards=profile.retained_on_wildcards, hash_takes_parent=profile.hash_takes_parent
        )
        self._names: dict[bytes, str] = {}

    # Sessions

    def open(self, connect: Connect, link: Link) -> tuple[Session, bool]:
        """Return the session of a client that comes in, and whether it was there. An older link is closed (MB-5)."""
        if connect.will is not None:
            self._check_will(connect.will)
        old = self._sessions.find(connect.client_id)
        if old is not None and old.link is not None:
            old.link.close(Cause.DUPLICATE_CLIENT_ID, "the same client id connected again")
        if old is not None and not old.clean and not connect.clean_session:
            old.link, old.expires_at = link, None
            return old, True
        if old is not None:
            self._forget(old)
        elif len(self._sessions) >= limits.SESSIONS_MAX:
            raise Violation(f"more than {limits.SESSIONS_MAX} sessions", Cause.THROTTLED)
        session = Session(connect.client_id, clean=connect.clean_session)
        session.link = link
        self._sessions.put(session)
        return session, False

    def leave(self, session: Session, link: Link, will: Message | None) -> None:
        """End a connection's part in its session; a will goes out unless the client took leave (3.1.2.5)."""
        if session.link is link:
            session.link = None
            if session.clean:
                self._forget(session)
            else:
                session.expires_at = self._clock.monotonic() + limits.SESSION_EXPIRY
                self._wheel.put(Expiry(session, self._forget), session.expires_at)
        if will is not None:
            self._ordinary(will)

    def _check_will(self, will: Message) -> None:
        if check_name(will.topic).startswith("$"):  # a will is a publish like any other (MB-8)
            raise Violation("a will on a reserved topic", Cause.FORBIDDEN)

    def _forget(self, session: Session) -> None:
        for topic_filter in session.filters:
            self._subscriptions.delete(session, topic_filter)
        session.filters.clear()
        self._sessions.delete(session)

    def peer_of(self, client_id: str) -> str | None:
        """Return where a client is connected from, as `host:port`, or None when it is not connected."""
        session = self._sessions.find(client_id)
        return None if session is None or session.link is None else session.link.peer

    # Subscriptions

    def subscribe(self, session: Session, topic_filter: str, qos: int) -> int:
        """Subscribe and return the code for the SUBACK. Raises Violation for what AWS closes a connection for."""
        check_filter(topic_filter)
        if qos > 1:
            if not self.profile.grants_qos_2:
                raise Violation("SUBSCRIBE with QoS 2; QoS 0 and 1 exist here", Cause.FORBIDDEN)  # MU-5
            qos = 1
        if topic_filter.startswith(_SHARED):
            self.notices.say("refused", f"{session.client_id}: shared subscription {topic_filter} is not supported")
            return SUBSCRIBE_FAILED
        if topic_filter not in session.filters and len(session.filters) >= limits.FILTERS_MAX:
            self.notices.say("refused", f"{session.client_id}: more than {limits.FILTERS_MAX} subscriptions")
            return SUBSCRIBE_FAILED
        session.filters[topic_filter] = qos
        self._subscriptions.put(session, topic_filter, qos)
        return qos

    def unsubscribe(self, session: Session, topic_filter: str) -> None:
        """End a subscription, if there is one."""
        if session.filters.pop(topic_filter, None) is not None:
            self._subscriptions.delete(session, topic_filter)

    def send_retained(self, session: Session, topic_filter: str) -> None:
        """Send a new subscriber what is retained for its filter (MB-6)."""
        for message in self._retained.find(topic_filter):
            self._deliver(session, at_qos(message, session.filters.get(topic_filter, 0)))

    # Messages

    def topic_name(self, raw: bytes) -> str:
        """Return the topic of a PUBLISH. Raises Violation."""
        topic = self._names.get(raw)
        if topic is None:
            topic = check_name(text_of(raw))
            if len(self._names) >= NAMES_MAX:
                self._names.clear()
            self._names[raw] = topic
        return topic

    def check_publish(self, topic: str, size: int, *, retain: bool) -> None:
        """Raise Violation for a PUBLISH that ends its connection without a PUBACK (MU-3)."""
        if size > limits.PAYLOAD_MAX:
            raise Violation(f"a payload of {size} bytes, more than {limits.PAYLOAD_MAX}")
        if topic[0] == "$":
            if retain:
                raise Violation(f"a retained PUBLISH to the reserved topic {topic}", Cause.FORBIDDEN)  # MU-6
            if not topic.startswith("$aws/"):
                raise Violation(f"a PUBLISH to {topic}; topics beginning with $ are reserved", Cause.FORBIDDEN)  # MB-8

    def publish(self, sender: Session, message: Message) -> None:
        """Take a checked PUBLISH to where it belongs."""
        if message.topic[0] == "$":
            self._request(sender, message)
        else:
            self._ordinary(message)

    def _request(self, sender: Session, message: Message) -> None:
        topic = message.topic
        outcome = self._cloud.answer(topic, message.payload, sender.client_id, self._clock.wall())
        self._spread(message, sender)
        if outcome is None:
            self.notices.say("no service", f"{sender.client_id} published to {topic}, which nothing answers")
            return
        if isinstance(outcome, Refusal):
            self.notices.say("invalid topic", f"{sender.client_id} published to {topic}: {outcome.reason}")
        for reply in outcome.replies:
            self._reply(sender, reply)

    def send(self, replies: Iterable[Reply]) -> None:
        """Send what no device asked for to whoever subscribed: notifications, events."""
        for reply in replies:
            self._spread(Message(reply.topic, reply.payload, reply.qos), None)

    def _reply(self, sender: Session, reply: Reply) -> None:
        """Send the requester its copy, subscribed or not, and everybody else who subscribed theirs, as `to` says."""
        message = Message(reply.topic, reply.payload, reply.qos)
        if reply.to is Audience.SUBSCRIBERS:  # JT-10
            self._spread(message, None)
            return
        receivers = self._subscriptions.receivers(message.topic)
        if reply.to is Audience.EVERYONE and (len(receivers) > 1 or (receivers and sender not in receivers)):
            self._spread(message, sender)
        if message.qos and receivers.get(sender):  # SR-9, JT-13
            self._deliver(sender, message)
        elif sender.link is not None:  # never dropped: its requests wait while it is slow
            sender.link.send_message(at_qos(message, 0), 0, duplicate=False)

    def _ordinary(self, message: Message) -> None:
        if message.retain:
            if not self._retained.put(message):
                self.notices.say("retained", f"no room to retain a message on {message.topic}; it was only delivered")
            message = Message(message.topic, message.payload, message.qos)  # live copies have RETAIN 0 (3.3.1.3)
        self._spread(message, None)

    def _spread(self, message: Message, sender: Session | None) -> None:
        for session, granted in self._subscriptions.receivers(message.topic).items():
            if session is not sender:
                self._deliver(session, at_qos(message, granted))

    def _deliver(self, session: Session, message: Message) -> None:
        if not session.deliver(message):
            self.notices.say("dropped", f"a message on {message.topic} for {session.client_id}, which reads too slowly")


class Expiry:
    """The end of a session nobody came back for."""

    def __init__(self, session: Session, forget: Callable[[Session], None]) -> None:
        self._session = session
        self._forget = forget

    def on_deadline(self, now: float) -> None:
        """Forget the session if it is still alone and its hour is over."""
        expires_at = self._session.expires_at
        if expires_at is not None and now >= expires_at:
            self._forget(self._session)
