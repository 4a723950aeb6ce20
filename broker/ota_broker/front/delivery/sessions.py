"""What the broker remembers of a client: filters, messages until they are acknowledged, and when that ends."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING

from msgspec.structs import replace

from ota_broker.front import limits
from ota_broker.front.access import ANYTHING, Access
from ota_broker.front.codec import grants
from ota_broker.front.codec.packets import Cause, Message, PacketType, Violation
from ota_broker.front.codec.reasons import Reason
from ota_broker.front.delivery.kept import KeptMessage, KeptSession, Shelf
from ota_broker.front.delivery.link import Link
from ota_broker.front.delivery.outgoing import Outgoing
from ota_broker.front.wheel import Deadline, Wheel

if TYPE_CHECKING:
    from ota_broker.front.delivery.wills import DelayedWill


class Session:
    """One client id's state. It lasts `session_expiry` seconds longer than its connection (MB-3, M5-1).

    Such a session is kept in rows (`kept`); one that ends with its connection costs none.
    """

    __slots__ = (
        "_outgoing", "_received", "_shelf",
        "access", "client_id", "ending", "filters", "in_flight_max", "link", "session_expiry", "subscription_ids",
        "will",
    )  # fmt: skip

    def __init__(self, client_id: str, shelf: Shelf, *, session_expiry: float = 0.0) -> None:
        self.client_id = client_id
        self.access: Access = ANYTHING  # of the connection it has now, or had last
        self.session_expiry = session_expiry
        self.in_flight_max = limits.IN_FLIGHT_MAX  # or fewer, if the client says so
        self.subscription_ids: dict[str, int] | None = None  # by filter; made when a client uses them
        self.filters: dict[str, int] = {}  # and what each grants
        self.will: DelayedWill | None = None
        self.link: Link | None = None
        self.ending: Deadline | None = None  # while nobody is connected
        self._shelf = shelf
        self._outgoing: Outgoing | None = None  # made when needed: most sessions never use them
        self._received: set[int] | None = None

    def identify(self, topic_filter: str, subscription_id: int) -> None:
        """Give a subscription the number that its messages carry; 0 takes it away (MQTT 5, 3.8.2.1.2)."""
        if subscription_id:
            if self.subscription_ids is None:
                self.subscription_ids = {}
            self.subscription_ids[topic_filter] = subscription_id
            self.keep()
        elif self.subscription_ids is not None and topic_filter in self.subscription_ids:
            del self.subscription_ids[topic_filter]
            self.keep()

    # To the client

    @property
    def ready(self) -> bool:
        """Whether a message would be sent at once."""
        return self.link is not None and not self.link.congested

    def deliver(self, message: Message, *, lasting: bool = True) -> bool:
        """Send or keep a message at its own QoS; a lasting one is kept over a restart, if the session is.

        Returns False when it was dropped (slow reader, full queue).
        """
        link = self.link
        if message.qos == 0:  # MB-4: nothing of QoS 0 is kept
            if link is None:
                return True
            if link.congested:
                return False
            link.send_message(message, 0, duplicate=False)
            return True
        if link is None and not self.session_expiry:
            return True
        outgoing = self._outgoing
        if outgoing is None:
            outgoing = self._outgoing = Outgoing(self.client_id, self._shelf)
        if not outgoing.put(message, lasting=lasting and self.session_expiry > 0):
            return False
        if link is not None:
            outgoing.pump(link, self.in_flight_max)
        return True

    def pump(self) -> None:
        """Send what waits, as far as the client keeps up."""
        if self._outgoing is not None and self.link is not None:
            self._outgoing.pump(self.link, self.in_flight_max)

    def acknowledge(self, kind: PacketType, packet_id: int) -> bool:
        """Take a PUBACK, PUBREC or PUBCOMP. Returns False when nothing waits for it."""
        if self._outgoing is None or not self._outgoing.acknowledge(kind, packet_id):
            return False
        self.pump()
        return True

    def drop(self, packet_id: int) -> None:
        """Take a PUBREC that says no: the client does not want the message (MQTT 5, 4.3.3)."""
        if self._outgoing is not None:
            self._outgoing.drop(packet_id)
            self.pump()

    def resume(self, *, mark_duplicates: bool) -> None:
        """Send again what was not acknowledged, then what waits."""
        if self._outgoing is not None and self.link is not None:
            self._outgoing.resume(self.link, self.in_flight_max, mark_duplicates=mark_duplicates)

    # From the client, with QoS 2

    def receive(self, packet_id: int) -> bool:
        """Take the packet id of a PUBLISH with QoS 2. Returns False when that message came before (4.3.3).

        Raises:
            Violation: more of them are not released than the client may have under way (MQTT 5, 3.3.4).
        """
        received = self._received
        if received is None:
            received = self._received = set()
        if packet_id in received:
            return False
        if len(received) >= limits.RECEIVE_MAX:
            reason = f"more than {limits.RECEIVE_MAX} messages of QoS 2 that are not released"
            raise Violation(reason, code=Reason.RECEIVE_MAXIMUM_EXCEEDED)
        received.add(packet_id)
        self.keep()
        return True

    def release(self, packet_id: int) -> bool:
        """Take a PUBREL: the packet id may be used again. Returns False when it was free."""
        if not self._received or packet_id not in self._received:
            return False
        self._received.remove(packet_id)
        self.keep()
        return True

    # Over a restart

    def keep(self) -> None:
        """Keep what has changed, in a session that lasts; forget one that no longer does."""
        if not self.session_expiry:
            self._shelf.rows.sessions.pop(self.client_id, None)
            return
        ends_at = None if self.ending is None else self._shelf.to_wall(self.ending.due)
        self._shelf.rows.sessions[self.client_id] = KeptSession(
            self.session_expiry, ends_at, self.filters, self.subscription_ids, self._received
        )

    def restore(self, kept: KeptSession) -> None:
        """Become what was kept; the subscriptions of its filters are the caller's."""
        self.filters, self.subscription_ids, self._received = kept.filters, kept.subscription_ids, kept.received

    def restore_message(self, row: KeptMessage) -> None:
        """Take in a message that was kept: in order, before anything else."""
        if self._outgoing is None:
            self._outgoing = Outgoing(self.client_id, self._shelf)
        self._outgoing.restore(row)

    def forget(self) -> None:
        """Let go of all messages and of what is kept."""
        if self._outgoing is not None:
            self._outgoing.clear()
        self._shelf.rows.sessions.pop(self.client_id, None)


class Sessions:
    """All sessions by client id: how they begin, wait for their client, and end. `on_end` is told of each that ends."""

    def __init__(self, shelf: Shelf, wheel: Wheel, on_end: Callable[[Session], None]) -> None:
        self._sessions: dict[str, Session] = {}
        self._shelf = shelf
        self._wheel = wheel
        self._on_end = on_end
        self.find = self._sessions.get

    def __len__(self) -> int:
        return len(self._sessions)

    def __iter__(self) -> Iterator[Session]:
        return iter(self._sessions.values())

    def begin(self, client_id: str) -> Session:
        """Return a new session. Raises Violation when there are too many."""
        if len(self._sessions) >= limits.SESSIONS_MAX:
            raise Violation(f"more than {limits.SESSIONS_MAX} sessions", Cause.THROTTLED)
        session = self._sessions[client_id] = Session(client_id, self._shelf)
        return session

    def attach(self, session: Session, link: Link, session_expiry: float) -> None:
        """Give a session its client."""
        for waiting in (session.ending, session.will):
            if waiting is not None:
                waiting.cancel()
        session.link, session.ending, session.will = link, None, None
        session.session_expiry = session_expiry
        session.keep()

    def detach(self, session: Session) -> None:
        """Take a session's client from it: it ends now, or waits (Q-31, M5-1)."""
        session.link = None
        if not session.session_expiry:
            self.end(session)
            return
        session.ending = self._ending(session, self._shelf.now() + session.session_expiry)
        session.keep()

    def end(self, session: Session) -> None:
        """Forget a session."""
        if session.ending is not None:
            session.ending.cancel()
        self._on_end(session)
        session.forget()
        del self._sessions[session.client_id]

    def restore(self) -> None:
        """Take up the sessions of an earlier process. Their time went on; those that were connected wait from now."""
        shelf, rows = self._shelf, self._shelf.rows
        for client_id, kept in rows.sessions.items():
            session = self._sessions[client_id] = Session(client_id, shelf, session_expiry=kept.expiry)
            session.restore(kept)
            due = shelf.now() + kept.expiry if kept.ends_at is None else shelf.from_wall(kept.ends_at, kept.expiry)
            session.ending = self._ending(session, due)
        for key, row in sorted(rows.messages.items(), key=lambda item: item[1].order):
            if row.client_id in self._sessions:
                self._sessions[row.client_id].restore_message(row)
            else:  # of a session that had stopped to last, and whose connection went down with us
                del rows.messages[key]

    def _ending(self, session: Session, due: float) -> Deadline:
        return Deadline(self._wheel, due, partial(self.end, session))


def at_qos(message: Message, granted: int) -> Message:
    """Return the message at min(published, granted). `granted` is as `grants` has it."""
    qos = granted & grants.QOS
    return message if message.qos <= qos else replace(message, qos=qos)
