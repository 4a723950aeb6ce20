from hypothesis import given
from hypothesis import strategies as st

from ota_stream.logs.events import LogEvent, LogGroup, LogStream, Wanted, key
from ota_stream.logs.joined import JoinedEvents


class One:
    """A store of one group with one log stream."""

    def __init__(self, group: str, stream: str, times: list[int]) -> None:
        self.group, self.stream = group, stream
        self.kept = [LogEvent(at, stream, number, "m", at) for number, at in enumerate(sorted(times))]

    def groups(self):
        return [LogGroup(self.group, len(self.kept), 10)]

    def streams(self, group):
        end = len(self.kept)
        return [LogStream(self.stream, 0, 0, 0, 0, 10, end)] if group == self.group else []

    def read(self, group, wanted):
        assert (wanted.start, wanted.streams, wanted.equal) == (0, None, {"a": "b"})
        found = self.kept if group == self.group else []
        return iter(found[::-1] if wanted.newest_first else found)


@given(st.lists(st.integers(0, 9)), st.lists(st.integers(0, 9)), st.booleans())
def test_a_group_of_both_has_the_events_of_both_in_one_order(first, second, newest_first):
    joined = JoinedEvents(One("g", "a", first), One("g", "b", second))
    found = list(joined.read("g", Wanted(start=0, end=9, newest_first=newest_first, equal={"a": "b"})))
    assert sorted(event.timestamp for event in found) == sorted(first + second)
    assert found == sorted(found, key=key, reverse=newest_first)
    assert [stream.name for stream in joined.streams("g")] == ["a", "b"]
    assert list(joined.groups()) == [LogGroup("g", min(len(first), len(second)), 20)]


def test_groups_of_one_store_are_found_too():
    joined = JoinedEvents(One("g", "a", [1]), One("h", "b", [2]))
    assert list(joined.groups()) == [LogGroup("g", 1, 10), LogGroup("h", 1, 10)]
    for group, at in (("g", 1), ("h", 2)):
        assert [each.timestamp for each in joined.read(group, Wanted(start=0, end=9, equal={"a": "b"}))] == [at]
    assert joined.streams("none") == []
