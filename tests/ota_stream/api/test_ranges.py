import pytest
from hypothesis import given
from hypothesis import strategies as st

from ota_stream.api.ranges import span


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, None),
        ("bytes=0-4095", (0, 4096)),
        ("bytes=8192-9999", (8192, 10_000)),
        ("bytes=9999-9999", (9999, 10_000)),
        ("bytes=9000-", (9000, 10_000)),
        ("bytes=0-99999", (0, 10_000)),
        ("bytes=-100", (9900, 10_000)),
        ("bytes=-99999", (0, 10_000)),
        ("bytes=5-1", None),
        ("bytes=-", None),
        ("bytes=0-1,5-6", None),
        ("lines=0-1", None),
        ("bytes=a-b", None),
    ],
)
def test_a_range_is_read_as_the_http_agents_send_it(header: str | None, expected: tuple[int, int] | None):
    assert span(header, 10_000) == expected


@pytest.mark.parametrize("header", ["bytes=10000-", "bytes=10000-10001", "bytes=-0"])
def test_a_range_outside_the_file_is_told(header: str):
    with pytest.raises(ValueError, match="of 10000"):
        span(header, 10_000)


@given(st.text() | st.from_regex(r"bytes=[0-9]*-[0-9]*", fullmatch=True), st.integers(0, 1000))
def test_any_header_is_a_part_of_the_file_or_nothing(header: str, size: int):
    try:
        asked = span(header, size)
    except ValueError:
        return
    assert asked is None or 0 <= asked[0] < asked[1] <= size
