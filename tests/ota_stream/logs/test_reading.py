"""Log events page by page: GetLogEvents and FilterLogEvents."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from log_desk import Desk, event, invalid, missing, times
from ota_stream.logs import groups, reading, tokens
from ota_stream.logs.events import decoded, key

# GetLogEvents


def test_the_newest_page_comes_first_and_the_tokens_lead_both_ways():  # LQ-3
    desk = Desk(*(event(at) for at in range(10)), event(3, "other"))
    page = desk.get(limit=4)
    assert times(page) == [6, 7, 8, 9]
    assert page["events"][0] == {"timestamp": 6, "message": '{"n": 6}', "ingestionTime": 11}
    older = desk.get(limit=4, nextToken=page["nextBackwardToken"])
    assert times(older) == [2, 3, 4, 5]
    assert times(desk.get(limit=4, nextToken=older["nextBackwardToken"])) == [0, 1]
    assert times(desk.get(limit=3, nextToken=older["nextForwardToken"])) == [6, 7, 8]


def test_at_the_end_the_same_token_comes_back_and_later_finds_what_is_new():  # LQ-3
    desk = Desk(*(event(at) for at in range(5)))
    page = desk.get(startFromHead=True)
    assert times(page) == [0, 1, 2, 3, 4]
    end = desk.get(nextToken=page["nextForwardToken"])
    assert (times(end), end["nextForwardToken"]) == ([], page["nextForwardToken"])
    start = desk.get(nextToken=page["nextBackwardToken"])
    assert (times(start), start["nextBackwardToken"]) == ([], page["nextBackwardToken"])
    desk.store.kept[groups.REAL].append(event(4, position=99))
    assert times(desk.get(nextToken=end["nextForwardToken"])) == [4]


def test_an_empty_page_has_tokens_too():
    desk = Desk(event(5))
    page = desk.get(startTime=6)
    assert times(page) == []
    desk.store.kept[groups.REAL].append(event(7))
    assert times(desk.get(startTime=6, nextToken=page["nextForwardToken"])) == [7]
    assert times(desk.get(startTime=6, nextToken=page["nextBackwardToken"])) == []


def test_the_end_is_not_part_of_a_page_of_a_log_stream():
    desk = Desk(*(event(at) for at in range(5)))
    assert times(desk.get(startTime=1, endTime=4)) == [1, 2, 3]
    assert times(desk.get(startTime=1, endTime=4, startFromHead=True, limit=1)) == [1]


@pytest.mark.parametrize(
    "given",
    [
        {"nextToken": "x"},
        {"nextToken": "f/x"},
        {"nextToken": "b/é"},
        {"nextToken": "f/" + tokens.build((1, "s", 2))[:-4]},
        {"nextToken": "f/bnVsbA=="},
        {"limit": 0},
        {"limit": 10_001},
        {"startTime": -1},
        {"startTime": 5, "endTime": 4},
    ],
)
def test_bad_parameters_of_a_page_are_refused(given: dict[str, Any]):
    with invalid():
        Desk(event(1)).get(**given)


def test_a_log_stream_that_is_not_there_is_not_read():
    with missing("log stream"):
        Desk(event(1)).get(logStreamName="x")


def test_a_page_has_no_more_bytes_than_the_service_gives(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(reading, "BYTES_MAX", 100)
    desk = Desk(*(event(at, text="é" * 5) for at in range(6)), event(6, text="x" * 500))
    seen, token = [], None
    for _ in range(8):
        page = desk.get(startFromHead=True, **({} if token is None else {"nextToken": token}))
        seen += times(page)
        token = page["nextForwardToken"]
    assert seen == list(range(7))  # also the one that is larger than a page
    assert len(times(desk.filter())) == 1


EVENTS = st.lists(
    st.builds(event, st.integers(0, 5), st.sampled_from("sab"), st.integers(0, 50)), max_size=12, unique_by=key
)


@given(EVENTS, st.integers(1, 4), st.booleans())
def test_page_by_page_all_events_of_a_log_stream_are_read_once(events, limit: int, head: bool):
    desk = Desk(event(2, "s", 99), *events)
    wanted = sorted((each for each in desk.store.kept[groups.REAL] if each.log_stream == "s"), key=key)
    found: list[Any] = []
    page = desk.get(limit=limit, startFromHead=head)
    while page["events"]:
        found = found + page["events"] if head else page["events"] + found
        page = desk.get(limit=limit, nextToken=page["nextForwardToken" if head else "nextBackwardToken"])
    assert [each["message"] for each in found] == [each.message for each in wanted]
    assert [each["timestamp"] for each in found] == [each.timestamp for each in wanted]


# FilterLogEvents


def test_a_filter_reads_all_log_streams_interleaved():  # LQ-4
    desk = Desk(event(3, "b"), event(1, "a"), event(3, "a"), event(2, "b"))
    answer = desk.filter()
    assert [(each["timestamp"], each["logStreamName"]) for each in answer["events"]] == [
        (1, "a"),
        (2, "b"),
        (3, "a"),
        (3, "b"),
    ]
    assert answer.keys() == {"events", "searchedLogStreams"}
    assert answer["events"][0].keys() == {"logStreamName", "timestamp", "message", "ingestionTime", "eventId"}
    assert len({each["eventId"] for each in answer["events"]}) == 4


def test_a_filter_takes_both_ends_and_some_log_streams():
    desk = Desk(*(event(at, stream) for at in range(5) for stream in ("a", "b1", "b2")))
    assert times(desk.filter(startTime=1, endTime=3, logStreamNames=["a"])) == [1, 2, 3]
    assert times(desk.filter(startTime=4, logStreamNamePrefix="b")) == [4, 4]
    assert times(desk.filter(logStreamNamePrefix="c")) == []
    with missing("log stream"):
        desk.filter(logStreamNames=["a", "x"])
    with invalid("either logStreamNames"):
        desk.filter(logStreamNames=["a"], logStreamNamePrefix="b")
    with invalid("more than 100"):
        desk.filter(logStreamNames=[f"x{number}" for number in range(101)])


def test_a_pattern_chooses_and_its_equalities_go_down_to_the_store():  # LQ-6
    desk = Desk(event(1, actionType="GetStream"), event(2, actionType="CreateStream"), event(3))
    assert times(desk.filter(filterPattern='{ $.actionType = "GetStream" }')) == [1]
    assert desk.store.asked == [{"actionType": "GetStream"}]
    assert times(desk.filter(filterPattern="CreateStream")) == [2]
    with invalid("position 6"):
        desk.filter(filterPattern="{ $.a }")
    with invalid("nextToken"):
        desk.filter(nextToken="x")
    with invalid("limit"):
        desk.filter(limit=0)


@given(EVENTS, st.integers(1, 4), st.integers(1, 4), st.sampled_from(["", "{ $.n > 2 }", "{ $.n > 9 }"]))
def test_page_by_page_all_wanted_events_are_found_once(events, limit: int, scanned_max: int, pattern: str):
    desk = Desk(event(2, "s", 99), *events, scanned_max=scanned_max)
    wanted = [each for each in sorted(desk.store.kept[groups.REAL], key=key) if not pattern or "> 2" in pattern]
    wanted = [each for each in wanted if not pattern or each.timestamp > 2]
    found: list[Any] = []
    answer = desk.filter(limit=limit, filterPattern=pattern)
    for _ in range(len(events) + 2):
        assert len(answer["events"]) <= limit
        found += answer["events"]
        if "nextToken" not in answer:
            break
        answer = desk.filter(limit=limit, filterPattern=pattern, nextToken=answer["nextToken"])
    assert "nextToken" not in answer
    assert [each["eventId"] for each in found] == [tokens.build(key(each)) for each in wanted]


def test_a_call_that_takes_long_ends_early_and_the_next_page_goes_on():
    desk = Desk(*(event(at) for at in range(7)))
    desk.passing = 0.04
    seen, answer, pages = [], desk.filter(), 1
    while "nextToken" in answer:
        seen += times(answer)
        answer, pages = desk.filter(nextToken=answer["nextToken"]), pages + 1
    assert seen + times(answer) == list(range(7))
    assert pages > 2
    desk.passing = 9.0
    assert times(desk.filter()) == [0]  # one at least


def test_an_entry_is_read_from_json_only():
    assert decoded('{"a": 1}') == {"a": 1}
    assert [decoded(text) for text in ("", "[1]", "x", "\ud800", "[" * 100_000)] == [None] * 5
