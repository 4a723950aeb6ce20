"""Records are compared in order, as far as was said; a difference is shown at its place."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ota_stream.testing import assert_records

ASKED: dict[str, Any] = {"actionType": "GetStream", "status": "Success", "logLevel": "DEBUG", "streamId": "s"}
REFUSED: dict[str, Any] = {**ASKED, "status": "Failure", "details": "block size"}
STARTED: dict[str, Any] = {"eventType": "StartNextPendingJobExecution", "logLevel": "INFO", "status": "Success"}

FITS: list[tuple[list[Any], list[Any]]] = [
    ([], []),
    ([], [...]),
    ([STARTED, ASKED], ["StartNextPendingJobExecution", "GetStream"]),
    ([STARTED, ASKED, REFUSED], [..., {"status": "Failure"}]),
    ([STARTED, ASKED, ASKED, REFUSED], ["StartNextPendingJobExecution", ..., REFUSED]),
    ([ASKED, STARTED, ASKED], [..., "GetStream"]),
    ([REFUSED], [{"details": lambda text: "size" in text}]),
    ([STARTED, ASKED], [..., ..., "GetStream", ...]),
]
DIFFERS: list[tuple[list[Any], list[Any], list[str]]] = [
    ([ASKED], [], ["+ GetStream"]),
    ([], ["GetStream"], ["- GetStream"]),
    ([ASKED, REFUSED], ["GetStream", {"status": "Success"}], ["  GetStream", "+ GetStream", "- {'status': 'Success'}"]),
    ([STARTED, ASKED], ["StartNextPendingJobExecution", ..., "UpdateJobExecution"], ["- UpdateJobExecution"]),
    ([ASKED], [{"details": "block size"}], ["- {'details': 'block size'}"]),
    ([ASKED, STARTED], ["StartNextPendingJobExecution", "GetStream"], ["+ ", "- "]),
]


@pytest.mark.parametrize(("records", "expected"), FITS)
def test_they_are_as_expected(records: list[Any], expected: list[Any]):
    assert_records(records, expected)


@pytest.mark.parametrize(("records", "expected", "shown"), DIFFERS)
def test_a_difference_is_shown_at_its_place(records: list[Any], expected: list[Any], shown: list[str]):
    with pytest.raises(AssertionError) as differs:
        assert_records(records, expected)
    lines = str(differs.value).splitlines()[1:]
    for beginning in shown:
        assert any(line.startswith(beginning) for line in lines), lines


PATTERN = st.lists(st.sampled_from(["a", "b", ...]), max_size=6)


@given(st.lists(st.sampled_from("ab"), max_size=7), PATTERN)
def test_it_agrees_with_a_reader_who_tries_everything(told: list[str], expected: list[Any]):
    def fits(records: list[str], wanted: list[Any]) -> bool:
        if not wanted:
            return not records
        if wanted[0] is ...:
            return any(fits(records[skipped:], wanted[1:]) for skipped in range(len(records) + 1))
        return bool(records) and records[0] == wanted[0] and fits(records[1:], wanted[1:])

    records = [{"actionType": name} for name in told]
    try:
        assert_records(records, expected)
    except AssertionError as differs:
        assert not fits(told, expected)
        signs = [line[0] for line in str(differs).splitlines()[1:]]
        assert signs.count("+") + signs.count(" ") == len(records), "every record is shown, once"
    else:
        assert fits(told, expected)
