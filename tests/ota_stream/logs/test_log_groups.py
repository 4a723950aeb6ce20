"""Which log groups and log streams are shown, under which names, and for how long."""

from typing import Any

import pytest

from log_desk import ARN, DAY, GROUP, NOW, Desk, event, invalid, missing, times
from ota_stream.logs import groups
from ota_stream.logs.log_groups import RETENTIONS


def test_a_group_is_not_there_before_something_is_written():  # LG-4
    desk = Desk()
    assert desk.groups.describe({}) == {"logGroups": []}
    for ask in (desk.get, desk.filter, desk.start):
        with missing("log group"):
            ask()


@pytest.mark.parametrize("listed", [groups.REAL, groups.SEED])
@pytest.mark.parametrize("asked", [groups.REAL, groups.SEED])
def test_either_spelling_finds_the_group_and_one_is_listed(listed: str, asked: str):  # LG-2, G-9
    desk = Desk(event(1), listed=listed)
    (shown,) = desk.groups.describe({"logGroupNamePrefix": asked})["logGroups"]
    assert shown == {
        "logGroupName": listed,
        "creationTime": 1000,
        "metricFilterCount": 0,
        "arn": f"{ARN}{listed}:*",
        "logGroupArn": f"{ARN}{listed}",
        "logGroupClass": "STANDARD",
        "storedBytes": 10,
    }
    assert times(desk.filter(logGroupName=asked)) == [1]
    for identifier in (asked, ARN + asked, f"{ARN}{asked}:*"):
        assert times(desk.reading.filter({"logGroupIdentifier": identifier}, NOW)) == [1]


def test_a_group_is_named_in_one_way():
    desk = Desk(event(1))
    with invalid("either logGroupName or"):
        desk.filter(logGroupIdentifier=GROUP)
    with invalid("either logGroupName or"):
        desk.reading.filter({}, NOW)
    with missing("log group"):
        desk.filter(logGroupName="other")


def test_groups_are_listed_in_pages():  # LQ-1
    desk = Desk(event(1), **{name: [event(1)] for name in ("/a/x", "/a/y", "b")})

    def names(**given: Any) -> list[str]:
        return [each["logGroupName"] for each in desk.groups.describe(given)["logGroups"]]

    assert names() == ["/a/x", "/a/y", GROUP, "b"]
    assert names(logGroupNamePrefix="/a") == ["/a/x", "/a/y"]
    assert names(logGroupNamePattern="/") == ["/a/x", "/a/y"]
    first = desk.groups.describe({"limit": 3})
    assert names(limit=3, nextToken=first["nextToken"]) == ["b"]
    assert "nextToken" not in desk.groups.describe({"limit": 1, "nextToken": first["nextToken"]})
    with invalid("nextToken"):
        names(nextToken="z")
    for limit in (0, 51):
        with invalid("limit"):
            names(limit=limit)
    with invalid("either logGroupNamePrefix"):
        names(logGroupNamePrefix="a", logGroupNamePattern="b")


def test_log_streams_are_listed_by_name_or_by_time():  # LQ-2
    desk = Desk(event(9, "a"), event(1, "b"), event(5, "b"), event(7, "c"))

    def names(**given: Any) -> list[str]:
        found = desk.groups.describe_streams({"logGroupName": GROUP, **given})["logStreams"]
        return [each["logStreamName"] for each in found]

    assert names() == ["a", "b", "c"]
    assert names(descending=True) == ["c", "b", "a"]
    assert names(orderBy="LastEventTime") == ["b", "c", "a"]
    assert names(orderBy="LastEventTime", descending=True, limit=2) == ["a", "c"]
    assert names(logStreamNamePrefix="b", orderBy="LogStreamName") == ["b"]
    with invalid("LastEventTime"):
        names(logStreamNamePrefix="b", orderBy="LastEventTime")
    shown = desk.groups.describe_streams({"logGroupName": GROUP, "limit": 2})
    assert shown["nextToken"] == "b"
    assert shown["logStreams"][1] == {
        "logStreamName": "b",
        "creationTime": 1000,
        "firstEventTimestamp": 1,
        "lastEventTimestamp": 5,
        "lastIngestionTime": 10,
        "uploadSequenceToken": "2",
        "arn": f"{ARN}{GROUP}:log-stream:b",
        "storedBytes": 2,
    }


def test_what_is_older_than_the_retention_is_not_read():  # LQ-5
    now = int(NOW * 1000)
    desk = Desk(event(now - 4 * DAY), event(now - 2 * DAY), event(now - DAY // 2))
    assert len(times(desk.filter())) == len(times(desk.get())) == 3
    desk.groups.put_retention({"logGroupName": groups.SEED, "retentionInDays": 3})
    assert desk.groups.describe({})["logGroups"][0]["retentionInDays"] == 3
    assert len(times(desk.filter())) == len(times(desk.get())) == 2
    desk.groups.put_retention({"logGroupName": GROUP, "retentionInDays": 1})
    assert len(times(desk.filter())) == 1
    desk.start()
    desk.queries.step()
    assert len(desk.rows("q-0")) == 1
    desk.groups.delete_retention({"logGroupName": GROUP})
    assert len(times(desk.filter())) == 3


def test_a_retention_is_one_of_a_list():
    desk = Desk(event(1))
    with invalid("one of 1, 3, 5"):
        desk.groups.put_retention({"logGroupName": GROUP, "retentionInDays": 2})
    with missing("log group"):
        desk.groups.put_retention({"logGroupName": "x", "retentionInDays": max(RETENTIONS)})
