"""A session: order, acknowledgement, bounds, and what survives a connection."""

from collections import deque

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ota_broker.front import limits
from ota_broker.front.packets import Cause, Message
from ota_broker.front.sessions import Session, Sessions, at_qos


class Wire:
    """A link that remembers what was sent."""

    def __init__(self) -> None:
        self.sent: list[tuple[bytes, int, bool]] = []
        self.congested = False

    def send_message(self, message: Message, packet_id: int, *, duplicate: bool) -> None:
        self.sent.append((message.payload, packet_id, duplicate))

    def close(self, cause: Cause, reason: str) -> None:
        raise AssertionError((cause, reason))


def session(*, clean: bool = False, link: Wire | None = None) -> Session:
    made = Session("d", clean=clean)
    made.link = link
    return made


def test_qos_1_is_sent_again_after_a_reconnect_until_it_is_acknowledged():
    first, second = Wire(), Wire()
    kept = session(link=first)
    for payload in (b"1", b"2", b"3"):
        assert kept.deliver(Message("t", payload, 1))
    assert kept.acknowledge(2)
    kept.link = None
    assert kept.deliver(Message("t", b"4", 1))
    assert kept.deliver(Message("t", b"lost", 0)), "QoS 0 is not kept, and that is no loss to tell of"  # MB-4
    kept.link = second
    kept.resume(mark_duplicates=True)
    assert second.sent == [(b"1", 1, True), (b"3", 3, True), (b"4", 4, False)]
    assert not kept.acknowledge(2), "a late or wrong acknowledgement is harmless"


def test_aws_does_not_set_dup():  # MB-1
    kept = session(link=Wire())
    kept.deliver(Message("t", b"1", 1))
    kept.link = again = Wire()
    kept.resume(mark_duplicates=False)
    assert again.sent == [(b"1", 1, False)]


def test_a_clean_session_that_is_gone_keeps_nothing():
    gone = session(clean=True)
    assert gone.deliver(Message("t", b"1", 1))
    gone.link = wire = Wire()
    gone.resume(mark_duplicates=True)
    assert not wire.sent


def test_a_congested_reader_loses_qos_0_and_waits_for_qos_1():
    wire = Wire()
    slow = session(link=wire)
    wire.congested = True
    assert not slow.deliver(Message("t", b"0", 0))
    assert slow.deliver(Message("t", b"1", 1))
    assert not wire.sent
    wire.congested = False
    slow.pump()
    assert wire.sent == [(b"1", 1, False)]


def test_the_queue_is_bounded_in_number_and_bytes(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(limits, "QUEUE_MAX", 3)
    monkeypatch.setattr(limits, "QUEUE_BYTES_MAX", 10)
    away = session()
    assert [away.deliver(Message("t", b"x", 1)) for _ in range(4)] == [True, True, True, False]
    away = session()
    assert [away.deliver(Message("t", b"123456", 1)) for _ in range(2)] == [True, False]


@settings(max_examples=50)
@given(st.lists(st.one_of(st.just("deliver"), st.integers(0, 3)), max_size=60))
def test_in_flight_is_bounded_ids_are_never_shared_and_order_is_kept(steps: list[str | int]):
    wire = Wire()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(limits, "IN_FLIGHT_MAX", 4)
        patch.setattr("ota_broker.front.sessions._PACKET_ID_MAX", 7)
        kept, waiting, delivered = session(link=wire), deque[int](), 0
        for step in steps:
            before = len(wire.sent)
            if step == "deliver":
                kept.deliver(Message("t", str(delivered).encode(), 1))
                delivered += 1
            elif waiting:
                packet_id = waiting[int(step) % len(waiting)]
                waiting.remove(packet_id)
                assert kept.acknowledge(packet_id)
            for _, packet_id, _ in wire.sent[before:]:
                assert 1 <= packet_id <= 7
                assert packet_id not in waiting
                waiting.append(packet_id)
            assert len(waiting) <= 4
        assert [int(payload) for payload, _, _ in wire.sent] == list(range(len(wire.sent)))


def test_a_session_is_deleted_only_by_itself():
    sessions, old, new = Sessions(), Session("d", clean=True), Session("d", clean=True)
    sessions.put(old)
    sessions.put(new)
    sessions.delete(old)
    assert sessions.find("d") is new
    sessions.delete(new)
    assert not len(sessions)


def test_delivery_is_at_the_lower_qos():
    assert [at_qos(Message("t", b"", qos), granted).qos for qos in (0, 1) for granted in (0, 1)] == [0, 0, 0, 1]
