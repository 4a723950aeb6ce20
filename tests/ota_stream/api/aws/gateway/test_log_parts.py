"""The parts of the logs of the AWS API that a client can hardly see: times, bounds, and moto behind them."""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import pytest

from aws_cloud import AwsCloud, forget_moto, serving_aws
from aws_logs import ARN, REAL, message, messages, put, rows, until, writing
from ota_stream.api.aws import live_tails, model
from ota_stream.api.aws.live_tails import LiveTails
from ota_stream.api.aws.moto.logs import MotoEvents
from ota_stream.api.aws.query_steps import QuerySteps
from ota_stream.errors import ControlError
from ota_stream.logs.events import LogEvent, LogGroup, LogStream, Wanted
from ota_stream.logs.log_groups import LogGroups
from ota_stream.logs.queries import Queries
from ota_stream.stores.errors import StoreError

GROUP = "g"


class Kept:
    """A store of one group, with as many events as it says, that may fail."""

    def __init__(self, count: int = 1) -> None:
        self.count, self.broken = count, False

    def groups(self) -> list[LogGroup]:
        return [LogGroup(GROUP, 0, 0)]

    def streams(self, _: str) -> list[LogStream]:
        return [LogStream("s", 0, 0, 0, 0, self.count, self.count)]

    def read(self, _: str, __: Wanted) -> list[LogEvent]:
        if self.broken:
            raise StoreError("the disk is gone")
        return [LogEvent(0, "s", number, "m", 0) for number in range(self.count)]


def tails(store: Kept, **given: Any) -> LiveTails:
    log_groups = LogGroups(store, {}, ARN)
    return LiveTails(store, log_groups, lambda: "id", time.monotonic, pace=0.0, **given)


async def kinds(session: AsyncGenerator[dict[str, Any]]) -> list[str]:
    return [kind async for event in session for kind in event]


async def test_a_session_ends_after_its_time():
    found = await kinds(tails(Kept(), lasts=0.0).open({"logGroupIdentifiers": [GROUP]}))
    assert found == ["sessionStart", "SessionTimeoutException"]


async def test_a_session_that_cannot_go_on_says_why():
    store = Kept()
    session = tails(store).open({"logGroupIdentifiers": [GROUP]})
    assert "sessionStart" in await anext(session)
    assert "sessionUpdate" in await anext(session)
    store.count, store.broken = 2, True
    assert [event async for event in session] == [{"SessionStreamingException": {"message": "the disk is gone"}}]


async def test_sessions_are_bounded_and_a_closed_one_makes_room(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(live_tails, "SESSIONS_MAX", 1)
    opened = tails(Kept())
    given = {"logGroupIdentifiers": [GROUP]}
    async with aclosing(opened.open(given)) as session:
        await anext(session)
        with pytest.raises(ControlError, match="LimitExceededException"):
            opened.open(given)
    assert opened.open_count == 0
    opened.close()
    assert await kinds(opened.open(given)) == ["sessionStart"]


async def test_an_exception_of_a_session_is_one_on_the_wire():
    body = b'{"logGroupIdentifiers": ["g"]}'
    headers = {"x-amz-target": "Logs_20140328.StartLiveTail", "content-type": "application/x-amz-json-1.1"}
    call = model.asked("logs", "POST", "/", headers, body)
    assert call is not None

    async def events() -> AsyncGenerator[dict[str, Any]]:
        yield {"SessionTimeoutException": {"message": "over"}}

    first, second = [each async for each in model.event_stream(call, events())]
    assert b":event-type\x07\x00\x10initial-response" in first
    assert b":exception-type\x07\x00\x17SessionTimeoutException" in second
    assert b'{"message": "over"}' in second


async def test_a_query_is_carried_on_to_its_end_and_then_nothing_runs():
    store = Kept(5_000)
    queries = Queries(store, LogGroups(store, {}, ARN), lambda: "q", time.monotonic)
    steps = QuerySteps(queries)
    before = asyncio.all_tasks()
    steps.wake()
    assert asyncio.all_tasks() == before  # nothing is asked, nothing runs
    asked = {"logGroupName": GROUP, "startTime": 0, "endTime": 1, "queryString": "stats count(*) as n"}
    queries.start(asked, 0.0)
    steps.wake()
    steps.wake()
    (going,) = asyncio.all_tasks() - before
    await going
    results = queries.results({"queryId": "q"})
    assert (results["status"], results["results"]) == ("Complete", [[{"field": "n", "value": "5000"}]])


async def test_queries_end_with_the_simulator():
    store = Kept()
    queries = Queries(store, LogGroups(store, {}, ARN), lambda: "q", time.monotonic)
    steps = QuerySteps(queries)
    steps.close()
    queries.start({"logGroupName": GROUP, "startTime": 0, "endTime": 1, "queryString": "fields a"}, 0.0)
    before = asyncio.all_tasks()
    steps.wake()
    (going,) = asyncio.all_tasks() - before
    steps.close()
    with pytest.raises(asyncio.CancelledError):
        await going


# Moto


def test_groups_of_all_regions_are_read(client, cloud: AwsCloud):
    for region in ("us-east-1", "eu-west-1"):
        logs = client("logs", region_name=region)
        logs.create_log_group(logGroupName=f"g-{region}")
        logs.create_log_stream(logGroupName=f"g-{region}", logStreamName="s")
        put(logs, f"g-{region}", "s", region)
        assert messages([logs.filter_log_events(logGroupName=f"g-{region}")]) == [region]
    store = MotoEvents(cloud.services.moto)
    assert {group.name for group in store.groups()} == {"g-us-east-1", "g-eu-west-1"}


def test_log_streams_without_order_are_ordered_when_they_are_read(client, cloud: AwsCloud):
    logs = client("logs")
    logs.create_log_group(logGroupName="g")
    for stream in ("a", "b"):
        logs.create_log_stream(logGroupName="g", logStreamName=stream)
    now = time.time()
    for stream, text, at in (("a", "3", now), ("a", "1", now - 60), ("b", "2", now - 30)):
        put(logs, "g", stream, text, at=at)
    store = MotoEvents(cloud.services.moto)
    moment = int(now * 1000)
    found = list(store.read("g", Wanted(start=0, end=moment)))
    assert [event.message for event in found] == ["1", "2", "3"]
    assert list(store.read("g", Wanted(start=0, end=moment, newest_first=True))) == found[::-1]
    assert [event.position for event in store.read("g", Wanted(start=0, end=moment, streams={"a"}))] == [1, 0]
    assert [event.message for event in store.read("g", Wanted(start=moment - 30_000, end=moment - 1))] == ["2"]
    shown = {stream.name: stream for stream in store.streams("g")}
    assert (shown["a"].first, shown["a"].last, shown["a"].end) == (moment - 60_000, moment, 2)
    assert shown["a"].unordered


def test_other_groups_outlive_a_restart(client, cloud: AwsCloud, tmp_path):
    logs = client("logs")
    logs.create_log_group(logGroupName="g")
    logs.create_log_stream(logGroupName="g", logStreamName="s")
    put(logs, "g", "s", "kept")
    cloud.stop()
    forget_moto()
    with serving_aws(tmp_path / "cloud") as again:
        assert messages([client("logs", base=again.base).filter_log_events(logGroupName="g")]) == ["kept"]


# Another endpoint


@pytest.fixture
def front(tmp_path, cloud: AwsCloud):
    """A cloud whose AWS backend is `cloud`."""
    folder = tmp_path / "front"
    folder.mkdir()
    with serving_aws(folder, cloud.base) as front:
        yield front


def test_groups_of_another_endpoint_are_read_there(client, cloud: AwsCloud, front: AwsCloud):
    behind, logs = client("logs"), client("logs", base=front.base)
    logs.create_log_group(logGroupName="g")
    logs.create_log_stream(logGroupName="g", logStreamName="s")
    put(logs, "g", "s", "there")
    assert messages([behind.filter_log_events(logGroupName="g")]) == ["there"]
    assert messages([logs.filter_log_events(logGroupName="g")]) == ["there"]
    assert messages([logs.get_log_events(logGroupName="g", logStreamName="s")]) == ["there"]
    logs.put_retention_policy(logGroupName="g", retentionInDays=5)
    assert behind.describe_log_groups()["logGroups"][0]["retentionInDays"] == 5
    logs.delete_retention_policy(logGroupName="g")
    asked = {"startTime": 0, "endTime": int(time.time()) + 9, "queryString": "fields @message"}
    query = logs.start_query(logGroupName="g", **asked)["queryId"]
    until(lambda: logs.get_query_results(queryId=query)["status"] == "Complete", "the query does not end")
    assert cloud.run(lambda: cloud.operated.logs.queries.knows(query))
    assert not front.run(lambda: front.operated.logs.queries.knows(query))


def test_our_group_is_ours_with_another_endpoint_behind(client, front: AwsCloud):
    behind, logs = client("logs"), client("logs", base=front.base)
    behind.create_log_group(logGroupName="g")
    now = time.time()
    with writing(front.folder) as written:
        written(message(now, n=1))
    assert messages([logs.filter_log_events(logGroupName=REAL, filterPattern="{ $.n = 1 }")]) == [message(now, n=1)]
    assert [each["logGroupName"] for each in logs.describe_log_groups()["logGroups"]] == [REAL, "g"]
    assert len(logs.describe_log_groups(nextToken="g")["logGroups"]) <= 1  # ours are on the first page
    query = logs.start_query(logGroupName=REAL, startTime=0, endTime=int(now) + 9, queryString="stats sum(n) as n")
    assert rows(logs, query["queryId"]) == [{"n": "1"}]
    with pytest.raises(logs.exceptions.InvalidParameterException, match="Only AWS IoT"):
        put(logs, REAL, "s", "mine")
    tailing = client("logs", base=front.base, inject_host_prefix=False)
    with pytest.raises(tailing.exceptions.InvalidParameterException, match="ask it for a live tail"):
        tailing.start_live_tail(logGroupIdentifiers=[f"{ARN}g"])
    stream = tailing.start_live_tail(logGroupIdentifiers=[f"{ARN}{REAL}"])["responseStream"]
    assert "sessionStart" in next(iter(stream))
    stream.close()
