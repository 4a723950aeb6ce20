"""Sessions against a client that keeps to the rules, on a line and a broker that break at any moment."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from front_desk import Client, Clock, on_disk, say, shelf
from ota_broker.front.codec.packets import Message
from ota_broker.front.delivery.kept import Rows
from ota_broker.front.delivery.sessions import Session, Sessions
from ota_broker.front.wheel import Wheel


class Delivery(RuleBasedStateMachine):
    """QoS 2 arrives exactly once and in order, QoS 1 at least once and first in order, whatever is lost between."""

    @initialize(in_flight_max=st.integers(1, 4))
    def begin(self, in_flight_max: int):
        self.client = Client()
        self.in_flight_max = in_flight_max
        self.wanted: list[bytes] = []
        self.qos: dict[bytes, int] = {}
        self.start(Rows())
        self.connect()

    def start(self, rows: Rows):
        """Begin the life of a broker."""
        self.shelf = shelf(rows, clock := Clock())
        self.sessions = Sessions(self.shelf, Wheel(clock.now), lambda _: None)
        self.sessions.restore()
        self.session: Session = self.sessions.find("d") or self.sessions.begin("d")
        if not rows.sessions:
            self.session.session_expiry = 100
            self.session.keep()

    @property
    def connected(self) -> bool:
        return self.session.link is not None

    @rule(qos=st.integers(1, 2))
    def publish(self, qos: int):
        payload = b"%d" % len(self.wanted)
        self.wanted.append(payload)
        self.qos[payload] = qos
        assert self.session.deliver(Message("t", payload, qos))

    @precondition(lambda self: self.client.inbox)
    @rule()
    def take(self):
        say(self.session, self.client.take())

    @precondition(lambda self: self.client.inbox)
    @rule()
    def take_and_lose_the_line_before_the_answer_is_there(self):
        self.client.take()
        self.disconnect()

    @precondition(lambda self: self.connected)
    @rule()
    def disconnect(self):
        self.client.inbox.clear()
        self.client.congested = False
        self.sessions.detach(self.session)

    @precondition(lambda self: not self.connected)
    @rule()
    def connect(self):
        self.session.in_flight_max = self.in_flight_max
        self.sessions.attach(self.session, self.client, 100)
        self.session.resume(mark_duplicates=True)

    @rule()
    def restart(self):
        """Die, and live on with what was written: all of it, as nothing leaves before that."""
        if self.connected:
            self.disconnect()
        self.start(on_disk(self.shelf.rows))

    @precondition(lambda self: self.connected)
    @rule(congested=st.booleans())
    def read(self, congested: bool):
        self.client.congested = congested
        self.session.pump()

    @invariant()
    def in_flight_is_bounded(self):
        messages = {packet_id for message, packet_id, _ in self.client.inbox if message is not None}
        assert len(messages) <= self.in_flight_max

    @invariant()
    def what_was_sent_twice_is_marked(self):
        for message, _, duplicate in self.client.inbox:
            assert duplicate or message is None or self.client.payloads.count(message.payload) == 0

    def teardown(self):
        if not hasattr(self, "session"):
            return
        if not self.connected:
            self.connect()
        self.read(congested=False)
        self.client.drain(self.session)
        got = self.client.payloads
        assert [payload for payload in got if self.qos[payload] == 2] == [p for p in self.wanted if self.qos[p] == 2]
        assert list(dict.fromkeys(got)) == self.wanted
        assert (self.shelf.bytes, self.shelf.rows.messages) == (0, {})


Delivery.TestCase.settings = settings(max_examples=60, stateful_step_count=40)
TestDelivery = Delivery.TestCase
