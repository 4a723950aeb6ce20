import pytest
from hypothesis import given
from hypothesis import strategies as st

from ota_broker.front.codec.framing import length_bytes, packet_at
from ota_broker.front.codec.packets import Violation

MAX = 1 << 20
bodies = st.binary(max_size=300) | st.integers(0, 70_000).map(bytes)


def framed(body: bytes) -> bytes:
    return b"\x30" + length_bytes(len(body)) + body


@given(st.lists(bodies, min_size=1, max_size=5))
def test_packets_in_a_row_are_found_one_after_the_other(packets: list[bytes]):
    data, position = b"".join(map(framed, packets)), 0
    for body in packets:
        start, end = packet_at(data, position, MAX)
        assert data[start:end] == body
        position = end
    assert position == len(data)


@given(bodies, st.data())
def test_a_packet_that_is_not_whole_is_never_mistaken_for_one(body: bytes, data: st.DataObject):
    whole = framed(body)
    part = whole[: data.draw(st.integers(1, len(whole) - 1))]
    start, end = packet_at(part, 0, MAX)
    assert (start, end) == (0, 0) or end == len(whole) > len(part)


@given(st.integers(0, 268_435_455))
def test_a_length_is_read_as_it_was_written(length: int):
    header = b"\x30" + length_bytes(length)
    assert packet_at(header, 0, 268_435_455) == (len(header), len(header) + length)


def test_a_packet_over_the_limit_is_refused_by_its_header_alone():
    assert packet_at(b"\x30" + length_bytes(100), 0, 100) == (2, 102)
    with pytest.raises(Violation, match="more than 100"):
        packet_at(b"\x30" + length_bytes(101), 0, 100)


@pytest.mark.parametrize("length", [b"\xff\xff\xff\xff", b"\x80\x80\x80\x80\x01", b"\xff\xff\xff\xff\x7f"])
def test_a_length_of_more_than_four_bytes_is_refused(length: bytes):
    with pytest.raises(Violation, match="four bytes"):
        packet_at(b"\x10" + length, 0, MAX)
