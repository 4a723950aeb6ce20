from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ota_stream.logs.filters import Query, QueryError, seconds, thing_of
from ota_stream.records import Action

ENTRY = {
    "timestamp": "2018-07-25 22:09:02.678",  # 1532556542.678
    "status": "Success",
    "actionType": "GetStream",
    "clientId": "client",
    "topicName": "$aws/things/thing-1/streams/s/get/json",
}
JSON = st.dictionaries(
    st.sampled_from([*ENTRY, "other"]), st.none() | st.integers() | st.text() | st.lists(st.text(), max_size=2)
)


@pytest.mark.parametrize(
    "query",
    [
        Query(),
        Query(action="GetStream"),
        Query(action=Action.GET_STREAM, status="Success", thing="thing-1", since=1532556542.678),
        Query(since=0),
        Query(since=1532556542.6),
    ],
)
def test_an_entry_that_is_all_that_was_asked_matches(query: Query):
    assert query.matches(ENTRY)


@pytest.mark.parametrize(
    "query",
    [
        Query(action="DescribeStream"),
        Query(status="Failure"),
        Query(thing="thing-2"),
        Query(thing="thing"),
        Query(thing="client"),  # the topic's thing, not the client id
        Query(since=1532556542.679),
        Query(action="GetStream", status="Failure"),
    ],
)
def test_an_entry_that_misses_one_wish_does_not_match(query: Query):
    assert not query.matches(ENTRY)


@given(JSON)
def test_any_entry_can_be_asked_anything(entry: dict[str, Any]):
    assert Query().matches(entry)
    assert isinstance(Query("GetStream", "Success", "thing-1", 0).matches(entry), bool)


@pytest.mark.parametrize("topic", ["", "a/b", "$aws/things/", "$aws/things//x", "$aws/things/t", "x$aws/things/t/y"])
def test_other_topics_belong_to_no_thing(topic: str):
    assert thing_of({"topicName": topic}) is None


@pytest.mark.parametrize(("text", "length"), [("0s", 0), ("30s", 30), ("5m", 300), ("2h", 7200), ("1d", 86_400)])
def test_lengths_of_time_are_short_to_write(text: str, length: int):
    assert seconds(text) == length


@pytest.mark.parametrize("text", ["", "5", "m", "-5m", "5 m", "5min", "1.5h", "٣m", "9999999s", "5m\n"])
def test_what_is_no_length_of_time_is_told_in_one_line(text: str):
    with pytest.raises(QueryError, match="say 30s, 5m, 2h or 1d") as caught:
        seconds(text)
    assert "\n" not in str(caught.value)
