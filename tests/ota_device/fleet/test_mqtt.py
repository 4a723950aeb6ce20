"""The fleet's MQTT: bytes by hand, and nothing a broker sends breaks it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ota_device.fleet import mqtt
from ota_device.fleet.mqtt import BadPacket, Level

V3, V5 = Level.V311, Level.V5


def test_connect_is_that_of_the_standards():
    assert mqtt.connect(V3, "dev1", 60).hex() == "101000044d5154540402003c000464657631"
    assert mqtt.connect(V5, "dev1", 60).hex() == "101100044d5154540502003c00000464657631"


@pytest.mark.parametrize(
    ("packet", "level", "expected"),
    [
        (mqtt.subscribe(V3, 1, {"a/b": 0, "c": 1}), V3, "820c 0001 0003612f6200 00016301"),
        (mqtt.subscribe(V5, 1, {"a/b": 0}), V5, "8209 0001 00 0003612f6200"),
        (mqtt.unsubscribe(V3, 2, "a"), V3, "a205 0002 000161"),
        (mqtt.unsubscribe(V5, 2, "a"), V5, "a206 0002 00 000161"),
        (mqtt.publish(V3, "a", b"xy"), V3, "3005 000161 7879"),
        (mqtt.publish(V5, "a", b"xy", 7), V5, "3208 000161 0007 00 7879"),
        (mqtt.puback(7), V3, "4002 0007"),
    ],
)
def test_packets_are_those_of_the_standards(packet: bytes, level: Level, expected: str):
    del level
    assert packet == bytes.fromhex(expected)


@given(
    level=st.sampled_from(Level),
    topic=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40),
    payload=st.binary(max_size=300),
    packet_id=st.integers(0, 0xFFFF),
    after=st.binary(max_size=10),
)
def test_what_is_published_is_received(level: Level, topic: str, payload: bytes, packet_id: int, after: bytes):
    data = mqtt.publish(level, topic, payload, packet_id) + after
    start, end = mqtt.packet_at(data, 0)
    assert data[end:] == after
    message = mqtt.received(level, data[0], data, start, end)
    assert (message.topic, message.payload, message.packet_id) == (topic.encode(), payload, packet_id)


def test_properties_of_a_publish_are_skipped():
    data = bytes.fromhex("300a 000161 05 2600016100 78")
    assert mqtt.received(V5, data[0], data, *mqtt.packet_at(data, 0)).payload == b"x"


@given(data=st.binary(max_size=40), level=st.sampled_from(Level))
def test_any_bytes_are_a_packet_or_none(data: bytes, level: Level):
    try:
        start, end = mqtt.packet_at(data, 0)
        if start and end <= len(data):
            mqtt.received(level, data[0], data, start, end)
    except BadPacket:
        pass


def test_a_length_of_five_bytes_or_above_the_limit_is_refused():
    for length in (b"\xff\xff\xff\xff\x01", b"\xff\xff\xff\x7f"):
        with pytest.raises(BadPacket):
            mqtt.packet_at(b"\x30" + length, 0)


def test_a_length_that_is_not_there_yet_is_waited_for():
    assert mqtt.packet_at(b"\x30\x80", 0) == (0, 0)


def test_refusals_are_told_in_words():
    assert mqtt.refusal(5) == "not authorized"
    assert mqtt.refusal(0x87) == "not authorized"
    assert mqtt.refusal(0x42) == "code 0x42"
