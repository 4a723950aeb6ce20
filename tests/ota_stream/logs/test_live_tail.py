import json
from collections.abc import Collection, Iterable
from typing import Any

import pytest

from ota_stream.errors import ControlError
from ota_stream.logs import groups, live_tail
from ota_stream.logs.events import LogEvent, LogGroup, LogStream, Wanted, key
from ota_stream.logs.joined import JoinedEvents
from ota_stream.logs.live_tail import RESULTS_MAX, LiveTail
from ota_stream.logs.log_groups import LogGroups

ARN = "arn:aws:logs:eu-west-1:123456789012:log-group:"
GROUP = groups.REAL


class Growing:
    """A store that is written to while somebody looks, and that notes what is read of it."""

    def __init__(self, group: str = GROUP, *, unordered: bool = False) -> None:
        self.group = group
        self.unordered = unordered
        self.kept: list[LogEvent] = []
        self.reads: list[tuple[int, Collection[str] | None]] = []
        self.after_look: list[LogEvent] = []  # what comes between a look at the streams and the reading

    def write(self, *at: int, stream: str = "s", text: str | None = None) -> None:
        for each in at:
            position = sum(event.log_stream == stream for event in self.kept)
            self.kept.append(LogEvent(each, stream, position, text or json.dumps({"n": each}), each + 1))

    def groups(self) -> Iterable[LogGroup]:
        return [LogGroup(self.group, 0, len(self.kept))] if self.kept else []

    def streams(self, group: str) -> list[LogStream]:
        if group != self.group:
            return []
        found: dict[str, list[int]] = {}
        for each in self.kept:
            found.setdefault(each.log_stream, []).append(each.timestamp)
        shown = [
            LogStream(name, 0, min(at), max(at), max(at) + 1, len(at), len(at), self.unordered)
            for name, at in found.items()
        ]
        self.kept += self.after_look
        self.after_look = []
        return shown

    def read(self, group: str, wanted: Wanted) -> Iterable[LogEvent]:
        if group != self.group:
            return []
        self.reads.append((wanted.start, wanted.streams))
        found = [each for each in self.kept if wanted.has(each.timestamp, each.log_stream)]
        return sorted(found, key=key, reverse=wanted.newest_first)


class Watch:
    """A clock that moves by `passing` at each look."""

    passing = 0.0
    now = 0.0

    def __call__(self) -> float:
        self.now += self.passing
        return self.now


def tail(events: Any, *names: str, watch: Watch | None = None, **given: Any) -> LiveTail:
    log_groups = LogGroups(events, {}, ARN)
    asked = {"logGroupIdentifiers": [f"{ARN}{name}" for name in names or (GROUP,)], **given}
    return LiveTail(events, log_groups, asked, watch or Watch())


def times(update: Any) -> list[int]:
    return [each["timestamp"] for each in update["sessionResults"]]


def test_only_what_comes_after_the_beginning_is_shown_and_only_once():
    store = Growing()
    store.write(1, 2)
    session = tail(store)
    assert times(session.update()) == []
    assert store.reads == []  # nothing is new: nothing is read
    store.write(2, 3)  # the first one in the same millisecond as the last of before
    update = session.update()
    assert times(update) == [2, 3]
    assert update["sessionResults"][1] == {
        "logStreamName": "s",
        "logGroupIdentifier": f"{ARN}{GROUP}",
        "message": '{"n": 3}',
        "timestamp": 3,
        "ingestionTime": 4,
    }
    assert store.reads == [(2, {"s"})]
    assert times(session.update()) == []


def test_a_log_stream_that_begins_later_is_shown_from_its_first_event():
    store = Growing()
    store.write(5)
    session = tail(store)
    store.write(3, 4, stream="new")
    store.write(6)
    assert times(session.update()) == [3, 4, 6]


def test_what_comes_while_a_portion_is_read_is_in_the_next_one():
    store = Growing()
    store.write(1)
    session = tail(store)
    store.write(2)
    store.after_look = [LogEvent(3, "s", 2, "{}", 4)]
    assert times(session.update()) == [2]
    assert times(session.update()) == [3]


def test_late_events_of_a_log_stream_without_order_are_shown():
    store = Growing(unordered=True)
    store.write(100)
    session = tail(store)
    store.write(7, 101)
    assert times(session.update()) == [7, 101]


def test_of_too_many_the_newest_are_shown():
    store = Growing()
    store.write(0)
    session = tail(store)
    store.write(*range(1, RESULTS_MAX + 3))
    update = session.update()
    assert update["sessionMetadata"] == {"sampled": True}
    assert times(update) == list(range(3, RESULTS_MAX + 3))
    store.write(RESULTS_MAX + 3)
    update = session.update()
    assert (times(update), update["sessionMetadata"]) == ([RESULTS_MAX + 3], {"sampled": False})


def test_as_many_as_fit_are_no_sample():
    store = Growing()
    store.write(0)
    session = tail(store)
    store.write(*range(1, RESULTS_MAX + 1))
    assert session.update()["sessionMetadata"] == {"sampled": False}


def test_the_newest_of_several_groups_are_shown():
    first, second = Growing(), Growing("other")
    first.write(0)
    second.write(0)
    session = tail(JoinedEvents(first, second), GROUP, "other")
    first.write(*range(1, 2 * RESULTS_MAX, 2))
    second.write(*range(2, 2 * RESULTS_MAX + 1, 2))
    update = session.update()
    assert update["sessionMetadata"] == {"sampled": True}
    assert times(update) == list(range(RESULTS_MAX + 1, 2 * RESULTS_MAX + 1))


@pytest.mark.parametrize("size", [live_tail.BYTES_MAX // 2, 2 * live_tail.BYTES_MAX])
def test_a_portion_is_bounded_in_bytes_and_holds_one_event_for_sure(size: int):
    store = Growing()
    store.write(0)
    session = tail(store)
    store.write(1, 2, 3, text="x" * size)
    update = session.update()
    assert update["sessionMetadata"] == {"sampled": True}
    assert times(update)[-1] == 3
    assert len(times(update)) == (2 if size <= live_tail.BYTES_MAX // 2 else 1)


def test_a_portion_is_bounded_in_time_and_looks_at_one_event_for_sure():
    store, watch = Growing(), Watch()
    store.write(0)
    session = tail(store, watch=watch)
    store.write(1, 2, 3)
    watch.passing = live_tail.SECONDS_MAX * 1.5
    update = session.update()
    assert (times(update), update["sessionMetadata"]) == ([3], {"sampled": True})


def test_a_pattern_and_names_choose():
    store = Growing()
    store.write(0, stream="a1")
    store.write(0, stream="b1")
    by_name = tail(store, logStreamNames=["b1"], logEventFilterPattern="{ $.n > 1 }")
    by_prefix = tail(store, logStreamNamePrefixes=["a", "c"])
    store.write(1, 2, stream="b1")
    store.write(3, stream="a1")
    assert times(by_name.update()) == [2]
    assert times(by_prefix.update()) == [3]
    assert by_name.started("r", "s") == {
        "requestId": "r",
        "sessionId": "s",
        "logGroupIdentifiers": [f"{ARN}{GROUP}"],
        "logStreamNames": ["b1"],
        "logStreamNamePrefixes": [],
        "logEventFilterPattern": "{ $.n > 1 }",
    }


@pytest.mark.parametrize(
    ("names", "given", "words"),
    [
        (("nobody",), {}, "ResourceNotFoundException"),
        ((GROUP,), {"logEventFilterPattern": "{ $.a"}, "InvalidParameterException.*position"),
        ((GROUP,), {"logStreamNames": ["a"], "logStreamNamePrefixes": ["b"]}, "not both"),
        ((GROUP, "other"), {"logStreamNames": ["a"]}, "single log group"),
        ((GROUP,) * 11, {}, "more than 10"),
    ],
)
def test_a_session_that_makes_no_sense_is_refused(names, given, words):
    store = Growing()
    store.write(0)
    with pytest.raises(ControlError, match=words):
        tail(store, *names, **given)
