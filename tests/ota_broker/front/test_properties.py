"""The properties of MQTT 5: every row, the same table in paho, and that any bytes are properties or a violation."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties as PahoProperties

from ota_broker.front.codec import properties
from ota_broker.front.codec.fields import Reader
from ota_broker.front.codec.packets import Malformed, PacketType, Violation
from ota_broker.front.codec.properties import TABLE, WILL, Property

# (property, bytes after its number, value)
VECTORS: list[tuple[Property, str, Any]] = [
    (Property.PAYLOAD_FORMAT, "01", 1),
    (Property.MESSAGE_EXPIRY, "0000003c", 60),
    (Property.CONTENT_TYPE, "0003612f62", "a/b"),
    (Property.RESPONSE_TOPIC, "000172", "r"),
    (Property.CORRELATION_DATA, "000200ff", b"\0\xff"),
    (Property.SUBSCRIPTION_ID, "ffffff7f", [268_435_455]),
    (Property.SESSION_EXPIRY, "ffffffff", 0xFFFF_FFFF),
    (Property.ASSIGNED_CLIENT_ID, "000164", "d"),
    (Property.SERVER_KEEP_ALIVE, "04b0", 1200),
    (Property.AUTHENTICATION_METHOD, "00016d", "m"),
    (Property.AUTHENTICATION_DATA, "0001ff", b"\xff"),
    (Property.REQUEST_PROBLEM_INFORMATION, "00", 0),
    (Property.WILL_DELAY, "00000005", 5),
    (Property.REQUEST_RESPONSE_INFORMATION, "01", 1),
    (Property.RESPONSE_INFORMATION, "000172", "r"),
    (Property.SERVER_REFERENCE, "000173", "s"),
    (Property.REASON_STRING, "0002c3a9", "\u00e9"),
    (Property.RECEIVE_MAXIMUM, "0001", 1),
    (Property.TOPIC_ALIAS_MAXIMUM, "0000", 0),
    (Property.TOPIC_ALIAS, "0008", 8),
    (Property.MAXIMUM_QOS, "01", 1),
    (Property.RETAIN_AVAILABLE, "01", 1),
    (Property.USER, "00016b000176", [("k", "v")]),
    (Property.MAXIMUM_PACKET_SIZE, "00000001", 1),
    (Property.WILDCARDS_AVAILABLE, "01", 1),
    (Property.SUBSCRIPTION_IDS_AVAILABLE, "00", 0),
    (Property.SHARED_AVAILABLE, "01", 1),
]
PLACES = [WILL, *PacketType]


def decoded(data: bytes, place: int) -> dict[Property, Any]:
    reader = Reader(data, 0, len(data))
    found = properties.decode(reader, place)
    reader.end()
    return found


def written(number: int, value: bytes) -> bytes:
    return bytes((1 + len(value), number)) + value


@pytest.mark.parametrize(("known", "raw", "value"), VECTORS, ids=lambda each: getattr(each, "name", ""))
def test_a_property_is_read_and_written_where_it_may_stand_and_nowhere_else(known: Property, raw: str, value: Any):
    data = written(known, bytes.fromhex(raw))
    assert properties.encode({known: value}) == data
    for place in PLACES:
        if place in TABLE[known].places:
            assert decoded(data, place) == {known: value}
        else:
            with pytest.raises(Malformed):
                decoded(data, place)


def test_every_property_has_a_vector():
    assert [known for known, _, _ in VECTORS] == list(Property) == list(TABLE)


def test_paho_has_the_same_table():  # an independent reading of the standard's 2.2.2.2
    theirs = PahoProperties(PacketTypes.PUBLISH)
    for number, (_, places) in theirs.properties.items():
        mine = {PacketTypes.WILLMESSAGE if place == WILL else int(place) for place in TABLE[number].places}
        assert mine == set(places), Property(number).name
    assert set(theirs.properties) == set(TABLE)


MALFORMED: dict[str, tuple[int, bytes]] = {
    "longer than the packet": (PacketType.PUBLISH, b"\x05\x01\x01"),
    "a value cut by its length": (PacketType.PUBLISH, b"\x03\x02\0\0\0\0"),
    "unknown": (PacketType.PUBLISH, written(0x04, b"\0")),
    "number 0": (PacketType.PUBLISH, written(0, b"")),
    "text that is not UTF-8": (PacketType.PUBLISH, written(0x03, b"\0\1\xff")),
    "text with NUL": (PacketType.PUBLISH, written(0x03, b"\0\1\0")),
    "half a pair": (PacketType.PUBLISH, written(0x26, b"\0\1k")),
    "length of five bytes": (PacketType.PUBLISH, b"\xff\xff\xff\xff\x01"),
    "length longer than it needs": (PacketType.PUBLISH, b"\x80\x00"),
    "number longer than it needs": (PacketType.PUBLISH, b"\x03\x81\x00\x01"),
    "no length": (PacketType.PUBLISH, b""),
}
FORBIDDEN: dict[str, tuple[int, bytes]] = {
    "payload format 2 (3.3.2.3.2)": (PacketType.PUBLISH, written(0x01, b"\2")),
    "subscription identifier 0 (3.8.2.1.2)": (PacketType.SUBSCRIBE, written(0x0B, b"\0")),
    "receive maximum 0 (3.1.2.11.3)": (PacketType.CONNECT, written(0x21, b"\0\0")),
    "maximum packet size 0 (3.1.2.11.4)": (PacketType.CONNECT, written(0x27, b"\0\0\0\0")),
    "request problem information 2 (3.1.2.11.7)": (PacketType.CONNECT, written(0x17, b"\2")),
    "request response information 2 (3.1.2.11.6)": (PacketType.CONNECT, written(0x19, b"\2")),
    "one property twice (2.2.2.2)": (PacketType.CONNECT, b"\x06\x21\0\1\x21\0\1"),
}


@pytest.mark.parametrize(("place", "data"), MALFORMED.values(), ids=MALFORMED)
def test_what_is_no_property_is_malformed(place: int, data: bytes):
    with pytest.raises(Malformed):
        decoded(data, place)


@pytest.mark.parametrize(("place", "data"), FORBIDDEN.values(), ids=FORBIDDEN)
def test_a_value_that_cannot_be_is_a_protocol_error(place: int, data: bytes):
    with pytest.raises(Violation) as raised:
        decoded(data, place)
    assert raised.value.code == 0x82


def test_user_properties_keep_their_order_and_may_repeat():  # 3.3.2.3.7
    pairs = [("b", "1"), ("a", "2"), ("b", "1")]
    assert decoded(properties.encode({Property.USER: pairs}), PacketType.PUBLISH) == {Property.USER: pairs}


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
VALUES: dict[Property, st.SearchStrategy[Any]] = {
    Property.PAYLOAD_FORMAT: st.integers(0, 1),
    Property.MESSAGE_EXPIRY: st.integers(0, 0xFFFF_FFFF),
    Property.CONTENT_TYPE: texts,
    Property.RESPONSE_TOPIC: texts,
    Property.CORRELATION_DATA: st.binary(max_size=20),
    Property.SUBSCRIPTION_ID: st.lists(st.integers(1, 268_435_455), min_size=1, max_size=3),
    Property.TOPIC_ALIAS: st.integers(0, 65_535),
    Property.USER: st.lists(st.tuples(texts, texts), min_size=1, max_size=4),
}


@given(st.fixed_dictionaries({}, optional=VALUES))
def test_properties_are_read_as_they_were_written(values: dict[Property, Any]):
    assert decoded(properties.encode(values), PacketType.PUBLISH) == values


@given(st.sampled_from(PLACES), st.binary(max_size=60))
def test_any_bytes_are_properties_or_a_violation(place: int, data: bytes):
    with suppress(Violation):  # and nothing else
        decoded(data, place)


@given(st.sampled_from(PLACES), st.sampled_from(list(Property)), st.binary(max_size=12))
def test_any_bytes_after_a_known_number_are_a_property_or_a_violation(place: int, known: Property, value: bytes):
    with suppress(Violation):
        decoded(written(known, value), place)
