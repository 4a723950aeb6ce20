"""The 3.1.1 codec: what it reads, what it refuses, and that nothing else can happen."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import live
from ota_broker.front.codec import connecting, mqtt311
from ota_broker.front.codec.framing import packet_at
from ota_broker.front.codec.packets import (
    Connect,
    Message,
    PacketType,
    Publish,
    Subscribe,
    Unsubscribe,
    Violation,
    Will,
)

Decode = Callable[[int, bytes, int, int], Any]
HEAD = live.text("MQTT") + b"\x04"
topics = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0+#"), min_size=1, max_size=40)


def decode_puback(flags: int, data: bytes, start: int, end: int) -> int:
    return mqtt311.decode_ack(PacketType.PUBACK, flags, data, start, end)


def decode(function: Decode, body: bytes, flags: int = 0) -> Any:
    return function(flags, body, 0, len(body))


def test_ota34s_connect_is_read():
    packet = bytes.fromhex(
        "104f00044d5154540482003c000464657631003d3f53444b3d5562756e74752656657273696f6e3d31382e3034204c545326"
        "506c6174666f726d3d5043264f54414c69623d6f74616c696240312e302e30"
    )
    start, end = packet_at(packet, 0, 1000)
    assert connecting.decode_connect(0, packet, start, end) == Connect(
        "dev1", True, 60, None, "?SDK=Ubuntu&Version=18.04 LTS&Platform=PC&OTALib=otalib@1.0.0"
    )


def test_a_will_is_read():
    body = HEAD + b"\x2e\x00\x3c" + live.text("d") + live.text("w/t") + live.binary(b"gone")
    assert decode(connecting.decode_connect, body) == Connect("d", True, 60, Will(Message("w/t", b"gone", 1, True)))


NO_FLAGS = b"\x02\x00\x3c"
MALFORMED_CONNECTS = {
    "first byte with flags": (HEAD + NO_FLAGS + live.text("d"), 1),
    "reserved flag": (HEAD + b"\x03\x00\x3c" + live.text("d"), 0),
    "will QoS without will": (HEAD + b"\x0a\x00\x3c" + live.text("d"), 0),
    "will retain without will": (HEAD + b"\x22\x00\x3c" + live.text("d"), 0),
    "will QoS 3": (HEAD + b"\x1e\x00\x3c" + live.text("d") + live.text("w") + live.binary(b""), 0),
    "password without user name": (HEAD + b"\x42\x00\x3c" + live.text("d") + live.binary(b"p"), 0),
    "user name missing": (HEAD + b"\x82\x00\x3c" + live.text("d"), 0),
    "client id longer than the packet": (HEAD + NO_FLAGS + b"\x00\x09d", 0),
    "bytes after the last field": (HEAD + NO_FLAGS + live.text("d") + b"x", 0),
    "client id not UTF-8": (HEAD + NO_FLAGS + live.binary(b"\xff\xfe"), 0),
    "client id with a surrogate": (HEAD + NO_FLAGS + live.binary(b"\xed\xa0\x80"), 0),
    "client id with NUL": (HEAD + NO_FLAGS + live.text("a\0b"), 0),
    "empty": (b"", 0),
}


@pytest.mark.parametrize(("body", "flags"), MALFORMED_CONNECTS.values(), ids=MALFORMED_CONNECTS)
def test_a_malformed_connect_is_refused(body: bytes, flags: int):
    with pytest.raises(Violation):
        decode(connecting.decode_connect, body, flags)


@pytest.mark.parametrize(
    "head", [live.text("MQIsdp") + b"\x03", live.text("MQTT") + b"\x06", live.text("mqtt") + b"\x04"]
)
def test_another_protocol_or_level_is_told_apart(head: bytes):
    with pytest.raises(connecting.BadProtocol):
        decode(connecting.decode_connect, head + NO_FLAGS + live.text("d"))


MALFORMED: dict[str, tuple[Decode, int, bytes]] = {
    "PUBLISH QoS 3": (mqtt311.decode_publish, 6, live.text("t") + b"\0\1"),
    "PUBLISH DUP at QoS 0": (mqtt311.decode_publish, 8, live.text("t")),
    "PUBLISH packet id 0": (mqtt311.decode_publish, 2, live.text("t") + b"\0\0"),
    "PUBLISH without packet id": (mqtt311.decode_publish, 2, live.text("t") + b"\0"),
    "PUBLISH topic longer than the packet": (mqtt311.decode_publish, 0, b"\x00\x05abc"),
    "PUBLISH of one byte": (mqtt311.decode_publish, 0, b"\x00"),
    "PUBLISH empty": (mqtt311.decode_publish, 0, b""),
    "SUBSCRIBE flags 0": (mqtt311.decode_subscribe, 0, b"\0\1" + live.text("t") + b"\0"),
    "SUBSCRIBE without filter": (mqtt311.decode_subscribe, 2, b"\0\1"),
    "SUBSCRIBE packet id 0": (mqtt311.decode_subscribe, 2, b"\0\0" + live.text("t") + b"\0"),
    "SUBSCRIBE QoS 3": (mqtt311.decode_subscribe, 2, b"\0\1" + live.text("t") + b"\3"),
    "SUBSCRIBE QoS byte 0x80": (mqtt311.decode_subscribe, 2, b"\0\1" + live.text("t") + b"\x80"),
    "SUBSCRIBE without QoS": (mqtt311.decode_subscribe, 2, b"\0\1" + live.text("t")),
    "SUBSCRIBE 1,001 filters": (mqtt311.decode_subscribe, 2, b"\0\1" + (live.text("t") + b"\0") * 1001),
    "UNSUBSCRIBE 1,001 filters": (mqtt311.decode_unsubscribe, 2, b"\0\1" + live.text("t") * 1001),
    "UNSUBSCRIBE flags 0": (mqtt311.decode_unsubscribe, 0, b"\0\1" + live.text("t")),
    "UNSUBSCRIBE empty": (mqtt311.decode_unsubscribe, 2, b"\0\1"),
    "UNSUBSCRIBE packet id 0": (mqtt311.decode_unsubscribe, 2, b"\0\0" + live.text("t")),
    "PUBACK of one byte": (decode_puback, 0, b"\1"),
    "PUBACK with flags": (decode_puback, 2, b"\0\1"),
}


@pytest.mark.parametrize(("function", "flags", "body"), MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_packet_is_refused(function: Decode, flags: int, body: bytes):
    with pytest.raises(Violation):
        decode(function, body, flags)


@pytest.mark.parametrize(("flags", "body"), [(1, b""), (0, b"x")])
def test_a_ping_or_disconnect_is_empty(flags: int, body: bytes):
    with pytest.raises(Violation):
        mqtt311.decode_empty(flags, 0, len(body))


@given(
    st.sampled_from([function for function, _, _ in MALFORMED.values()] + [connecting.decode_connect]),
    st.binary(max_size=80),
    st.integers(0, 15),
)
def test_any_bytes_are_a_packet_or_a_violation(function: Decode, body: bytes, flags: int):
    with suppress(Violation):  # and nothing else
        decode(function, body, flags)


@given(topics, st.binary(max_size=300), st.integers(0, 1), st.booleans(), st.integers(1, 65_535), st.booleans())
def test_a_publish_is_read_as_it_was_written(
    topic: str, payload: bytes, qos: int, retain: bool, packet_id: int, duplicate: bool
):
    message = Message(topic, payload, qos, retain)
    packet = mqtt311.encode_publish(message, packet_id, duplicate=duplicate and bool(qos))
    start, end = packet_at(packet, 0, 1 << 20)
    assert end == len(packet)
    assert packet[0] >> 4 == PacketType.PUBLISH
    read = mqtt311.decode_publish(packet[0] & 15, packet, start, end)
    assert read == Publish(topic.encode(), payload, qos, retain, packet_id if qos else 0)


@given(st.integers(1, 65_535), st.lists(st.tuples(topics, st.integers(0, 2)), min_size=1, max_size=8))
def test_subscriptions_are_read(packet_id: int, filters: list[tuple[str, int]]):
    identity = packet_id.to_bytes(2, "big")
    body = identity + b"".join(live.text(text) + bytes((qos,)) for text, qos in filters)
    assert decode(mqtt311.decode_subscribe, body, 2) == Subscribe(packet_id, tuple(filters))
    body = identity + b"".join(live.text(text) for text, _ in filters)
    assert decode(mqtt311.decode_unsubscribe, body, 2) == Unsubscribe(packet_id, tuple(text for text, _ in filters))


def test_acknowledgements_are_written_as_the_standard_has_them():
    assert mqtt311.encode_ack(PacketType.PUBACK, 0x1234) == b"\x40\x02\x12\x34"
    assert mqtt311.encode_ack(PacketType.SUBACK, 1, b"\x00\x01\x80") == b"\x90\x05\x00\x01\x00\x01\x80"
    assert mqtt311.encode_ack(PacketType.UNSUBACK, 1) == b"\xb0\x02\x00\x01"
    assert mqtt311.encode_connack(0, session_present=True) == b"\x20\x02\x01\x00"
    assert mqtt311.PINGRESP == b"\xd0\x00"
