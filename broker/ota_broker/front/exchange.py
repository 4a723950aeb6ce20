"""Where messages go: requests to the cloud, its answers back, ordinary messages to whoever subscribed."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Final, Protocol

from msgspec.structs import replace

from ota_broker.front import limits
from ota_broker.front.access import ANONYMOUS, Access, Denial, Refusals
from ota_broker.front.codec import grants
from ota_broker.front.codec.fields import text_of
from ota_broker.front.codec.packets import (
    Cause,
    Connect,
    Declined,
    Denied,
    Message,
    Properties,
    Refused,
    Violation,
    Will,
)
from ota_broker.front.codec.reasons import Reason
from ota_broker.front.connections import Connections
from ota_broker.front.delivery import shared
from ota_broker.front.delivery.kept import Rows, Shelf
from ota_broker.front.delivery.link import Link
from ota_broker.front.delivery.receivers import Receivers
from ota_broker.front.delivery.retained import RetainedMessages
from ota_broker.front.delivery.sessions import Session, Sessions, at_qos
from ota_broker.front.delivery.shared import Chance
from ota_broker.front.delivery.topics import check_filter, check_name
from ota_broker.front.delivery.wills import DelayedWill
from ota_broker.front.notices import Later, Notices
from ota_broker.front.options import MqttOptions
from ota_broker.front.profile import Profile
from ota_broker.front.wheel import Wheel
from ota_stream.answers import Answer, Audience, Effect, Refusal, Reply
from ota_stream.clock import Clock
from ota_stream.faults.late import LateAnswer, LateReply, LateRequest

NAMES_MAX: Final = 50_000  # topic names already checked
_EVERYONE: Final = Audience.EVERYONE  # looking up a member takes as long as sending to it, in Python 3.11
_SUBSCRIBERS: Final = Audience.SUBSCRIBERS

Way = Callable[[Message], object]
"""How a message gets where it belongs."""


class Answering(Protocol):
    """The cloud, as seen from the front door."""

    def answer(self, topic: str, payload: bytes, client_id: str, now: float) -> Answer | Effect | Refusal | None:
        """Answer a publish to a reserved topic. None when no service listens there; an Effect keeps its own records."""
        ...


class Exchange:
    """Sessions, subscriptions and retained messages, and the way a message takes through them."""

    def __init__(  # noqa: PLR0913 - what the listener puts together
        self,
        cloud: Answering,
        profile: Profile,
        clock: Clock,
        notices: Notices,
        wheel: Wheel,
        *,
        options: MqttOptions,
        rows: Rows,
        chance: Chance,
        refusals: Refusals,
        call_later: Later,
    ) -> None:
        self.profile = profile
        self.options = options
        self.notices = notices
        self.refusals = refusals
        self.cloud = cloud
        self.chance = chance
        self._clock = clock
        self._call_later = call_later
        self._wheel = wheel
        shelf = Shelf(rows, clock)
        self._retained = RetainedMessages(
            shelf, on_wildcards=profile.retained_on_wildcards, hash_takes_parent=profile.hash_takes_parent
        )
        self._names: dict[bytes, str] = {}
        self._sessions = Sessions(shelf, wheel, self._on_end)
        self._sessions.restore()
        self._receivers = Receivers(self._sessions, profile, chance)
        self.connections = Connections(self._sessions)

    # Sessions

    def open(self, connect: Connect, link: Link, access: Access) -> tuple[Session, bool]:
        """Return the session of a client that comes in, and whether it was there. An older link is closed (MB-5)."""
        if connect.will is not None:
            self._check_will(connect.will.message, connect.client_id, link, access)
        old = self._sessions.find(connect.client_id)
        if old is not None and old.link is not None:
            old.link.close(Cause.DUPLICATE_CLIENT_ID, "the same client id connected again")
            old = self._sessions.find(connect.client_id)
        if old is not None and connect.clean_start:
            self._sessions.end(old)
            old = None
        session = old or self._sessions.begin(connect.client_id)
        session.access = access
        session.in_flight_max = min(connect.receive_max, limits.IN_FLIGHT_MAX)
        self._sessions.attach(session, link, connect.session_expiry)
        return session, old is not None

    def leave(self, session: Session, link: Link, will: Will | None) -> None:
        """End a connection's part in its session; a will goes out unless the client took leave (3.1.2.5)."""
        if session.link is link:
            self._sessions.detach(session)
        if will is None:
            return
        if will.delay and session.ending is not None:
            due = self._clock.monotonic() + will.delay
            session.will = DelayedWill(will, due, self._wheel, self._publish_will)
        else:
            self._publish_will(will)

    def _publish_will(self, will: Will) -> None:
        message = will.message
        if will.lasts is not None:
            message = replace(message, expires_at=self.expiry(will.lasts))
        self._ordinary(message, None)

    def expiry(self, lasts: int) -> float:
        """Return when a message that is published now and lasts for some seconds ends (M5-1)."""
        kept = min(max(lasts, limits.MESSAGE_EXPIRY_MIN), limits.MESSAGE_EXPIRY_MAX)
        return self._clock.monotonic() + kept

    def _check_will(self, will: Message, client_id: str, link: Link, access: Access) -> None:
        if check_name(will.topic).startswith("$"):  # a will is a publish like any other (MB-8)
            raise Violation("a will on a reserved topic", Cause.FORBIDDEN)
        rule = access.publish(will.topic, retain=will.retain)
        if rule is not None:
            raise self.denied(
                _denial(client_id, link, "iot:Publish", f"topic/{will.topic}", f"{rule} (it is the will)")
            )

    def _on_end(self, session: Session) -> None:
        for topic_filter in list(session.filters):
            self._receivers.delete(session, topic_filter)
        if session.will is not None:
            session.will.send()

    @property
    def sessions(self) -> Sessions:
        """All sessions, to look at."""
        return self._sessions

    # Subscriptions

    def subscribe(self, session: Session, topic_filter: str, asked: int) -> int:
        """Subscribe and return the QoS granted. `asked` is as `grants` has it.

        Raises:
            Declined: what both versions answer in the SUBACK.
            Refused: what MQTT 5 answers, and AWS closes a connection of MQTT 3.1.1 for.
            Violation: what ends a connection of either.
        """
        share = shared.parse(topic_filter)
        if share is None:
            check_filter(topic_filter)
        rule = session.access.subscribe(topic_filter)
        if rule is not None:  # MU-2
            raise self.denied(
                _denial(session.client_id, session.link, "iot:Subscribe", f"topicfilter/{topic_filter}", rule)
            )
        if asked & grants.QOS > self.profile.qos_max:
            reason = "SUBSCRIBE with QoS 2; QoS 0 and 1 exist here"
            raise Violation(reason, Cause.FORBIDDEN, Reason.QOS_NOT_SUPPORTED)  # MU-5
        if share is not None and share.topic_filter.startswith("$"):  # ours: AWS does not say
            why = "what is sent there is for one thing, not for any member of a group"
            raise Declined(f"shared subscription {topic_filter}: {why}", code=Reason.TOPIC_FILTER_INVALID)
        if topic_filter not in session.filters and len(session.filters) >= limits.FILTERS_MAX:
            raise Declined(f"more than {limits.FILTERS_MAX} subscriptions", code=Reason.QUOTA_EXCEEDED)
        self._receivers.put(session, topic_filter, asked)
        return asked & grants.QOS

    def unsubscribe(self, session: Session, topic_filter: str) -> bool:
        """End a subscription. False when there is none."""
        if topic_filter not in session.filters:
            return False
        self._receivers.delete(session, topic_filter)
        return True

    def send_retained(self, session: Session, topic_filter: str) -> None:
        """Send a new subscriber what is retained for its filter (MB-6); who shares gets nothing (MQTT 5, 4.8.2)."""
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

    def check_publish(self, sender: Session, topic: str, size: int, *, retain: bool) -> None:
        """Raise Refused for a PUBLISH that is not taken (MU-3), Violation for one that ends its connection."""
        if size > limits.PAYLOAD_MAX:
            reason = f"a payload of {size} bytes, more than {limits.PAYLOAD_MAX}"
            raise Violation(reason, code=Reason.PACKET_TOO_LARGE)  # Q-28, MU-7
        if topic[0] == "$":
            if retain:
                raise self._refused(sender, topic, f"a retained PUBLISH to the reserved topic {topic}")  # MU-6
            if not topic.startswith("$aws/"):
                reason = f"a PUBLISH to {topic}; topics beginning with $ are reserved"
                raise self._refused(sender, topic, reason, Reason.TOPIC_NAME_INVALID)  # MB-8
        rule = sender.access.publish(topic, retain=retain)
        if rule is not None:
            raise self.denied(_denial(sender.client_id, sender.link, "iot:Publish", f"topic/{topic}", rule))

    def publish(self, sender: Session, message: Message) -> None:
        """Take a checked PUBLISH to where it belongs."""
        if message.topic[0] == "$":
            self._request(sender, message)
        else:
            self._ordinary(message, sender)

    def _request(self, sender: Session, message: Message) -> None:
        topic = message.topic
        outcome = self.cloud.answer(topic, message.payload, sender.client_id, self._clock.wall())
        if self._receivers.of(topic):
            self._spread(sender, message)
        if outcome is None:
            self.notices.say("no service", f"{sender.client_id} published to {topic}, which nothing answers")
            return
        asked = message.properties
        echoed = None
        if asked is not None and asked.correlation_data is not None:
            echoed = Properties(correlation_data=asked.correlation_data)
        if outcome.__class__ is Answer:
            self._answer(sender, outcome.replies, echoed)
        else:
            self._settle(sender, topic, outcome, echoed)

    def _settle(
        self, sender: Session, topic: str, outcome: Answer | Effect | Refusal, echoed: Properties | None
    ) -> None:
        """Send an answer that is no common one: refused, or with something that is late."""
        if isinstance(outcome, Refusal):
            self.notices.say("invalid topic", f"{sender.client_id} published to {topic}: {outcome.reason}")
        elif isinstance(outcome, LateAnswer):
            for reply in outcome.late:
                self._call_later(reply.after, partial(self._answer, sender, (reply,), echoed))
            for request in outcome.requests:
                self._call_later(request.after, partial(self._ask_late, sender, topic, request, echoed))
        self._answer(sender, outcome.replies, echoed)

    def _ask_late(self, sender: Session, topic: str, request: LateRequest, echoed: Properties | None) -> None:
        outcome = request.ask(self._clock.wall())
        if outcome is not None:
            self._settle(sender, topic, outcome, echoed)

    def send(self, replies: Iterable[Reply], client_id: str | None = None) -> None:
        """Send what no device asked for to whoever subscribed; what a client did, as an answer to it."""
        if client_id is not None and (asker := self._sessions.find(client_id)) is not None:
            self._answer(asker, replies, None)
            return
        for reply in replies:
            copies = partial(self._spread, None, Message(reply.topic, reply.payload, reply.qos))
            if isinstance(reply, LateReply):
                self._call_later(reply.after, copies)
            else:
                copies()

    def _answer(self, sender: Session, replies: Iterable[Reply], echoed: Properties | None) -> None:
        """Send what a request is answered. Only the requester's copies carry what is `echoed` of the request."""
        before: Reply | None = None
        own: Way | None = None
        others: Way | None = None
        for reply in replies:
            if before is None or reply.topic is not before.topic or reply.to is not before.to:
                own, others = self._ways(sender, reply)  # the blocks of an answer go the same way, all of them
                before = reply
            message = Message(reply.topic, reply.payload, reply.qos)
            if others is not None:
                others(message)
            if own is not None:
                own(message if echoed is None else replace(message, properties=echoed))

    def _ways(self, sender: Session, reply: Reply) -> tuple[Way | None, Way | None]:
        """Return how the requester gets its copy, subscribed or not, and how others who subscribed, as `to` says."""
        if reply.to is _SUBSCRIBERS:  # JT-10
            return None, partial(self._spread, None)
        own: Way | None = None
        receivers = self._receivers.of(reply.topic)
        if reply.qos and receivers.get(sender, 0) & grants.QOS:  # SR-9, JT-13
            own = partial(self._deliver, sender, lasting=False)  # who has lost its answer asks again
        elif sender.access.receive(reply.topic) is not None:
            own = partial(self.may_receive, sender)  # no: every message that is not sent is recorded (MP-3)
        elif sender.link is not None:
            own = sender.link.send_answer  # never dropped: its requests wait while it is slow
        if reply.to is _EVERYONE and (len(receivers) > 1 or (receivers and sender not in receivers)):
            return own, partial(self._spread, sender)
        return own, None

    def _ordinary(self, message: Message, sender: Session | None) -> None:
        live = message
        if message.retain:
            if not self._retained.put(message):
                self.notices.say("retained", f"no room to retain a message on {message.topic}; it was only delivered")
            live = replace(message, retain=False)  # live copies have RETAIN 0 (3.3.1.3)
        for session, granted in self._receivers.of(message.topic).items():
            if granted & grants.NO_LOCAL and session is sender:
                continue
            copy = message if granted & grants.RETAIN_AS_PUBLISHED else live
            self._deliver(session, at_qos(copy, granted))
        if self._receivers.shared:
            for session, granted, topic_filter in self._receivers.shared.receivers(message.topic, message.qos):
                copy = message if granted & grants.RETAIN_AS_PUBLISHED else live
                self._deliver(session, at_qos(copy, granted), shared_filter=topic_filter)

    def _spread(self, sender: Session | None, message: Message) -> None:
        for session, granted in self._receivers.of(message.topic).items():
            if session is not sender:
                self._deliver(session, at_qos(message, granted))

    def _deliver(
        self, session: Session, message: Message, *, lasting: bool = True, shared_filter: str | None = None
    ) -> None:
        if not self.may_receive(session, message):
            return
        if session.subscription_ids:
            message = self._receivers.identified(session, message, shared_filter)
        if not session.deliver(message, lasting=lasting):
            why = "it reads too slowly, or too much waits already"
            self.notices.say("dropped", f"a message on {message.topic} for {session.client_id}: {why}")

    # Refusals

    def denied(self, denial: Denial) -> Denied:
        """Have a denial recorded, and return what it means for the connection (MU-1..MU-3, MU-8)."""
        self.refusals.denied(denial)
        return Denied(denial.action, denial.resource, denial.rule)

    def may_receive(self, session: Session, message: Message) -> bool:
        """Tell whether a client may be sent a message; that it may not is recorded (MP-3)."""
        rule = session.access.receive(message.topic)
        if rule is None:
            return True
        self.refusals.denied(_denial(session.client_id, session.link, "iot:Receive", f"topic/{message.topic}", rule))
        self.notices.say("withheld", f"a message on {message.topic} from {session.client_id}: {rule}")
        return False

    def _refused(self, sender: Session, topic: str, reason: str, code: Reason | None = None) -> Refused:
        """Have a PUBLISH that no policy could allow recorded like one that none allows."""
        self.refusals.denied(_denial(sender.client_id, sender.link, "iot:Publish", f"topic/{topic}", reason))
        return Refused(reason, Cause.FORBIDDEN, code)


def _denial(client_id: str, link: Link | None, action: str, resource: str, rule: str) -> Denial:
    peer, identity = ("", ANONYMOUS) if link is None else (link.peer, link.identity)
    return Denial(action, resource, rule, client_id, peer, identity)
