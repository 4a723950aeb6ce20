import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ota_stream.logs.entries import EntryWriter, timestamp
from ota_stream.records import Action, RequestRecord
from ota_stream.stores.log_lines import RAW, dated, join, latest, split

AT = 1_532_556_542_678
DATE = b'{"timestamp":"2018-07-25 22:09:02.678"'


def entry(token: str | None = None, at: float = AT / 1000, failure: str | None = None) -> bytes:
    record = RequestRecord(at, Action.GET_STREAM, "d", "$aws/things/d/streams/s/get/json", "s", token, failure)
    return EntryWriter().entry(record)


def there_and_back(lines: list[bytes]) -> list[bytes]:
    return [join(time or 0, *split(line, own=own)) for time, own, line in dated(lines, None)]


def times(*lines: bytes, last: int | None = None) -> list[tuple[int | None, bool]]:
    return [(time, own) for time, own, _ in dated(lines, last)]


PIECES = st.sampled_from(
    [DATE, b'"clientToken":"', b'"', b"\\", b"tok", b",", b"}", b"\xff", b"\r", b"\0", b'{"timestamp":"']
)
LINES = st.one_of(
    st.binary(max_size=80).map(lambda line: line.replace(b"\n", b"")),
    st.lists(PIECES, max_size=8).map(b"".join),
    st.builds(entry, st.none() | st.text(max_size=20), st.integers(0, 5000).map(lambda more: (AT + more) / 1000)),
)


@given(st.lists(LINES, max_size=6))
@example([DATE])
@example([DATE + b'"clientToken":"'])
@example([DATE + b'"clientToken":""'])
@example([entry("a"), entry('"\\'), entry("é"), entry("\ud800"), entry("x" * 5000)])
def test_a_line_put_together_again_is_the_line(lines: list[bytes]):
    assert there_and_back(lines) == lines


def test_requests_of_one_kind_have_one_template():
    lines = [entry("one"), entry("two", AT / 1000 + 99.5)]
    parts = {split(line, own=own) for _, own, line in dated(lines, None)}
    assert len({template for template, _ in parts}) == 1
    assert {token for _, token in parts} == {b"one", b"two"}
    assert split(entry(), own=True)[1] is None


@pytest.mark.parametrize("token", ['"', "\\", "é", "\n", "\x1b"])
def test_a_token_that_is_not_as_it_is_written_is_no_part(token: str):
    line = entry(token)
    assert split(line, own=True) == (RAW, line)


def test_a_very_long_line_is_no_template():
    assert split(entry(None, failure="x" * 5000), own=True)[0] == RAW


def test_times_never_fall():  # R12
    lines = [entry(at=AT / 1000 + number) for number in (0.0, 5.0, 4.999, 5.001, 86_400.0)]
    assert times(*lines) == [
        (AT, True),
        (AT + 5000, True),
        (AT + 5000, False),
        (AT + 5001, True),
        (AT + 86_400_000, True),
    ]
    assert times(lines[0], last=AT + 1) == [(AT + 1, False)]


@given(st.lists(LINES, min_size=1, max_size=6), st.none() | st.integers(AT - 1, AT + 5000))
@example([entry(at=AT / 1000 + 5), entry()], AT)
@example([entry(), b"|"], None)
@example([b""], None)
def test_the_latest_time_is_that_of_the_last_line(lines: list[bytes], last: int | None):
    assert latest(lines, last) == times(*lines, last=last)[-1][0]


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"garbage",
        b'{"timestamp":"9999-99-99 00:00:00.000"}',
        b'{"timestamp":"1969-12-31 23:59:59.999"}',
        b'{"timestamp":"2018-07-25T22:09:02.678"}',
        b'{"timestamp":"2018-07-25 22:09:02,678"}',
        b'{"timestamp":"2018-07-25 22:09:02.67x"}',
        b'{"timestamp":"2018-07-25 22:09:02.67',
        b'{"timestamp":"2018-07-25 22:09:02\xb2',
    ],
)
def test_a_line_without_a_time_has_that_of_the_one_before(line: bytes):
    assert times(line, DATE, line) == [(None, False), (AT, True), (AT, False)]


@given(st.integers(0, 253_402_300_799_999))
def test_any_time_is_read_and_written_back(at: int):
    line = json.dumps({"timestamp": timestamp(at / 1000)}, separators=(",", ":")).encode()
    assert times(line) == [(at, True)]
    assert there_and_back([line]) == [line]
