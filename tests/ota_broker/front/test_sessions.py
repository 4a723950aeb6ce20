"""A session: order, acknowledgement, bounds, and what survives a connection."""

import pytest

from front_desk import Client, Clock, on_disk, shelf
from ota_broker.front import limits
from ota_broker.front.codec.packets import Message, PacketType, Violation
from ota_broker.front.delivery.kept import Rows, Shelf
from ota_broker.front.delivery.sessions import Session, Sessions, at_qos
from ota_broker.front.wheel import Wheel

PUBACK, PUBREC, PUBCOMP = PacketType.PUBACK, PacketType.PUBREC, PacketType.PUBCOMP


def session(*, clean: bool = False, link: Client | None = None, on: Shelf | None = None) -> Session:
    made = Session("d", on or shelf(), session_expiry=0 if clean else 3600)
    made.link = link
    return made


def sent(client: Client) -> list[tuple[bytes | None, int, bool]]:
    """Return payload (None: a PUBREL), packet id and DUP of everything that came."""
    return [(message and message.payload, packet_id, dup) for message, packet_id, dup in client.inbox]


# QoS 1


def test_qos_1_is_sent_again_after_a_reconnect_until_it_is_acknowledged():
    first, second = Client(), Client()
    kept = session(link=first)
    for payload in (b"1", b"2", b"3"):
        assert kept.deliver(Message("t", payload, 1))
    assert kept.acknowledge(PUBACK, 2)
    kept.link = None
    assert kept.deliver(Message("t", b"4", 1))
    assert kept.deliver(Message("t", b"lost", 0)), "QoS 0 is not kept, and that is no loss to tell of"  # MB-4
    kept.link = second
    kept.resume(mark_duplicates=True)
    assert sent(second) == [(b"1", 1, True), (b"3", 3, True), (b"4", 4, False)]
    assert not kept.acknowledge(PUBACK, 2), "a late or wrong acknowledgement is harmless"


def test_aws_does_not_set_dup():  # MB-1
    kept = session(link=Client())
    kept.deliver(Message("t", b"1", 1))
    kept.link = again = Client()
    kept.resume(mark_duplicates=False)
    assert sent(again) == [(b"1", 1, False)]


def test_a_clean_session_that_is_gone_keeps_nothing():
    gone = session(clean=True)
    assert gone.deliver(Message("t", b"1", 1))
    gone.link = client = Client()
    gone.resume(mark_duplicates=True)
    assert not client.inbox


def test_what_waited_comes_first_and_what_is_new_passes_it_when_it_is_held_back():
    kept = session(link=Client())
    for payload in (b"1", b"2", b"3", b"4"):
        kept.deliver(Message("t", payload, 1))
        if payload == b"2":
            kept.link = None
    kept.link = again = Client()
    again.stored_max = 3
    kept.resume(mark_duplicates=False)
    kept.deliver(Message("t", b"new", 1))
    again.drain(kept)
    assert again.payloads == [b"1", b"2", b"3", b"new"]
    again.stored_max = 1
    kept.pump()
    again.drain(kept)
    assert again.payloads[4:] == [b"4"]


def test_a_congested_reader_loses_qos_0_and_waits_for_qos_1():
    client = Client()
    slow = session(link=client)
    client.congested = True
    assert not slow.deliver(Message("t", b"0", 0))
    assert slow.deliver(Message("t", b"1", 1))
    assert not client.inbox
    client.congested = False
    slow.pump()
    assert sent(client) == [(b"1", 1, False)]


def test_a_client_that_comes_back_and_takes_fewer_gets_the_first_of_them_first():  # MQTT 5, 4.9
    kept = session(link=Client())
    for payload in (b"1", b"2", b"3"):
        kept.deliver(Message("t", payload, 1))
    kept.link, kept.in_flight_max = again, _ = Client(), 2
    kept.resume(mark_duplicates=False)
    assert [payload for payload, _, _ in sent(again)] == [b"1", b"2"]
    again.drain(kept)
    assert again.payloads == [b"1", b"2", b"3"]


def test_a_message_that_the_link_will_never_send_is_forgotten():  # MQTT 5, 3.1.2.11.4, 3.3.2.3.3
    class Narrow(Client):
        def send_message(self, message: Message, packet_id: int, *, duplicate: bool) -> bool:
            return len(message.payload) == 1 and super().send_message(message, packet_id, duplicate=duplicate)

    client = Narrow()
    on = shelf()
    kept = session(link=client, on=on)
    for payload in (b"too large", b"1", b"too large", b"2"):
        assert kept.deliver(Message("t", payload, 1))
    client.drain(kept)
    assert client.payloads == [b"1", b"2"]
    assert (on.bytes, on.rows.messages) == (0, {})


# Bounds


def test_the_queue_is_bounded_in_number_and_bytes(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("ota_broker.front.delivery.kept.OVERHEAD", 0)
    monkeypatch.setattr(limits, "QUEUE_MAX", 3)
    monkeypatch.setattr(limits, "QUEUE_BYTES_MAX", 10)
    away = session()
    assert [away.deliver(Message("t", b"x", 1)) for _ in range(4)] == [True, True, True, False]
    away = session()
    assert [away.deliver(Message("t", b"123456", 1)) for _ in range(2)] == [True, False]


def test_all_queues_together_are_bounded_and_room_comes_back(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("ota_broker.front.delivery.kept.OVERHEAD", 0)
    monkeypatch.setattr(limits, "QUEUES_BYTES_MAX", 10)
    on = shelf()
    one, other = session(on=on), session(on=on)
    assert one.deliver(Message("t", b"123456", 1))
    assert not other.deliver(Message("t", b"123456", 1))
    one.forget()
    assert other.deliver(Message("t", b"123456", 1))


def test_packet_ids_are_used_again_but_never_two_at_a_time(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("ota_broker.front.delivery.outgoing.PACKET_ID_MAX", 3)
    client = Client()
    kept = session(link=client)
    for payload in (b"1", b"2", b"3"):
        kept.deliver(Message("t", payload, 1))
    assert kept.acknowledge(PUBACK, 2)
    kept.deliver(Message("t", b"4", 1))
    assert sent(client)[-1] == (b"4", 2, False)


# QoS 2


def test_qos_2_goes_through_its_three_answers():  # 4.3.3
    client = Client()
    kept = session(link=client)
    kept.deliver(Message("t", b"1", 2))
    assert not kept.acknowledge(PUBACK, 1), "the wrong kind of answer"
    assert not kept.acknowledge(PUBCOMP, 1), "too early"
    assert kept.acknowledge(PUBREC, 1)
    kept.link = again = Client()
    kept.resume(mark_duplicates=True)
    assert sent(again) == [(None, 1, False)], "the message has arrived: only its PUBREL is sent again"
    assert kept.acknowledge(PUBREC, 1), "a client that lost our PUBREL may say so again"
    assert kept.acknowledge(PUBCOMP, 1)
    assert not kept.acknowledge(PUBCOMP, 1)


def test_a_client_may_refuse_a_message_of_qos_2():  # MQTT 5, 4.3.3
    on = shelf()
    kept = session(link=Client(), on=on)
    kept.in_flight_max = 1
    kept.deliver(Message("t", b"1", 2))
    kept.deliver(Message("t", b"waits", 2))
    kept.drop(2)
    kept.drop(9)
    assert len(on.rows.messages) == 2, "only what was sent can be refused"
    kept.link = None
    kept.drop(1)
    kept.link = again = Client()
    kept.resume(mark_duplicates=True)
    assert sent(again) == [(b"waits", 2, False)]


def test_what_comes_with_qos_2_is_taken_once_until_it_is_released():  # 4.3.3
    kept = session()
    assert kept.receive(7)
    assert not kept.receive(7)
    assert kept.release(7)
    assert not kept.release(7)
    assert kept.receive(7), "a new message may have the id"


def test_messages_that_are_not_released_are_bounded(monkeypatch: pytest.MonkeyPatch):  # MQTT 5, 3.3.4
    monkeypatch.setattr(limits, "RECEIVE_MAX", 2)
    kept = session()
    assert [kept.receive(packet_id) for packet_id in (1, 2, 1)] == [True, True, False]
    with pytest.raises(Violation, match="not released"):
        kept.receive(3)


def test_delivery_is_at_the_lower_qos():
    lower = [at_qos(Message("t", b"", qos), granted).qos for qos in (0, 1, 2) for granted in (0, 1, 2)]
    assert lower == [0, 0, 0, 0, 1, 1, 0, 1, 2]


# All sessions


class House:
    """All sessions of one process after another, over the same rows."""

    def __init__(self, rows: Rows | None = None, clock: Clock | None = None) -> None:
        self.clock = clock or Clock()
        self.rows = rows or Rows()
        self.wheel = Wheel(self.clock.now)
        self.ended: list[str] = []
        self.sessions = Sessions(
            shelf(self.rows, self.clock), self.wheel, lambda session: self.ended.append(session.client_id)
        )
        self.sessions.restore()

    def come(self, client_id: str, expiry: float = 100.0) -> tuple[Session, Client]:
        found, client = self.sessions.find(client_id) or self.sessions.begin(client_id), Client()
        self.sessions.attach(found, client, expiry)
        return found, client

    def move(self, seconds: float) -> None:
        self.clock.move(seconds)
        self.wheel.turn(self.clock.now)

    def restarted(self) -> "House":
        return House(on_disk(self.rows), self.clock)


def test_a_session_waits_as_long_as_was_said_and_no_connection_ends_it_by_an_old_deadline():
    house = House()
    for _ in range(3):
        kept, _ = house.come("d")
        house.move(1000)
        house.sessions.detach(kept)
        house.move(99)
        assert house.sessions.find("d") is kept
    house.move(2)
    assert house.ended == ["d"]
    assert (len(house.sessions), house.rows.sessions) == (0, {})


def test_a_storm_of_take_overs_leaves_no_deadlines_behind():
    house = House()
    for _ in range(1000):
        kept, _ = house.come("d")
        house.sessions.detach(kept)
    house.come("d")
    assert not house.wheel._buckets


def test_a_session_that_ends_with_its_connection_costs_no_row():
    house = House()
    kept, client = house.come("d", expiry=0)
    kept.filters["t"] = 1
    kept.keep()
    kept.deliver(Message("t", b"1", 1))
    assert client.inbox
    assert house.rows == Rows()
    house.sessions.detach(kept)
    assert house.ended == ["d"]


def test_sessions_are_bounded(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(limits, "SESSIONS_MAX", 2)
    house = House()
    house.come("a")
    house.come("b")
    with pytest.raises(Violation, match="more than 2 sessions"):
        house.come("c")


def test_a_restart_finds_filters_messages_and_states():  # MB-3
    house = House()
    kept, _ = house.come("d")
    kept.filters.update({"t": 1, "u/#": 2})
    kept.subscription_ids = {"t": 5}
    kept.receive(9)
    for payload, qos in ((b"1", 1), (b"2", 2), (b"3", 2), (b"gone", 0)):
        kept.deliver(Message("t", payload, qos))
    kept.acknowledge(PUBREC, 2)
    house.sessions.detach(kept)
    kept.deliver(Message("t", b"4", 1))
    again, client = house.restarted().come("d")
    assert (again.filters, again.subscription_ids) == ({"t": 1, "u/#": 2}, {"t": 5})
    assert not again.receive(9)
    again.resume(mark_duplicates=True)
    assert sent(client) == [(b"1", 1, True), (None, 2, False), (b"3", 3, True), (b"4", 4, False)]
    again.deliver(Message("t", b"5", 1))
    assert sent(client)[-1] == (b"5", 5, False), "new messages go on after the old ones"


def test_the_time_of_a_session_goes_on_while_we_are_down():
    house = House()
    left, _ = house.come("left")
    house.sessions.detach(left)
    house.come("connected")
    house.move(50)
    house.clock.move(40)
    again = house.restarted()
    again.move(11)
    assert again.ended == ["left"], "it left 101 s ago"
    again.move(90)
    assert again.ended == ["left", "connected"], "its time began when we came back"
    assert again.rows == Rows()


@pytest.mark.parametrize(("jump", "left"), [(-1e6, 1), (1e6, 0)])
def test_a_wall_clock_that_jumped_while_we_were_down_never_lengthens_a_session(jump: float, left: int):
    house = House()
    kept, _ = house.come("d")
    house.sessions.detach(kept)
    house.clock.wall_now += jump
    again = house.restarted()
    again.move(2)
    assert len(again.sessions) == left
    again.move(99)
    assert not len(again.sessions)


def test_a_message_that_has_expired_while_we_were_down_is_known_to_have():
    house = House()
    kept, _ = house.come("d", 1e6)
    house.sessions.detach(kept)
    kept.deliver(Message("t", b"1", 1, expires_at=house.clock.now + 60))
    house.clock.wall_now += 1000
    house.clock.now = 3.0  # another boot of the machine
    again, client = house.restarted().come("d")
    again.resume(mark_duplicates=False)
    ((message, _, _),) = client.inbox
    assert message is not None
    assert message.expires_at == 3.0 + 60 - 1000


def test_messages_of_a_session_that_no_longer_lasts_do_not_come_back():
    house = House()
    kept, _ = house.come("d")
    kept.deliver(Message("t", b"1", 1))
    house.come("d", expiry=0)
    assert not house.rows.sessions
    again = house.restarted()
    assert (len(again.sessions), again.rows.messages) == (0, {})


def test_answers_are_not_kept_over_a_restart():
    house = House()
    kept, _ = house.come("d")
    kept.deliver(Message("t", b"answer", 1), lasting=False)
    kept.deliver(Message("t", b"message", 1))
    again, client = house.restarted().come("d")
    again.resume(mark_duplicates=False)
    assert [payload for payload, _, _ in sent(client)] == [b"message"]
