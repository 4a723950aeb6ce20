"""The reading half of CloudWatch Logs, through boto3, on our log group and on others."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from aws_cloud import AwsCloud
from aws_logs import ARN, REAL, SEED, Written, message, messages, put, rows, until, writing

NOW = time.time()
OTHER = "/app/mine"


def refused(call: Any, **given: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call(**given)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


@pytest.fixture
def written(cloud: AwsCloud) -> Iterator[Written]:
    with writing(cloud.folder) as written:
        yield written


@pytest.fixture
def logs(client) -> Any:  # a live tail has a host name of its own otherwise
    return client("logs", inject_host_prefix=False)


@pytest.fixture
def other(logs) -> str:
    """A group of somebody else, with one log stream."""
    logs.create_log_group(logGroupName=OTHER)
    logs.create_log_stream(logGroupName=OTHER, logStreamName="s1")
    return OTHER


def get_streams(count: int, at: float = NOW - 60) -> list[str]:
    return [
        message(at + n, actionType="GetStream" if n % 2 else "DescribeStream", clientId=f"c{n % 3}", n=n)
        for n in range(count)
    ]


def test_our_group_is_not_there_before_something_is_written(logs):  # LG-4
    assert logs.describe_log_groups()["logGroups"] == []
    assert refused(logs.filter_log_events, logGroupName=REAL)[0] == "ResourceNotFoundException"
    assert refused(logs.start_live_tail, logGroupIdentifiers=[REAL])[0] == "ResourceNotFoundException"


def test_groups_of_both_kinds_are_described(logs, written, other):  # LQ-1, LQ-2
    written(*get_streams(3))
    described = logs.describe_log_groups()["logGroups"]
    assert [each["logGroupName"] for each in described] == [OTHER, REAL]
    assert described[1]["arn"] == f"{ARN}{REAL}:*"
    pages = logs.get_paginator("describe_log_groups").paginate(PaginationConfig={"PageSize": 1})
    assert [each["logGroupName"] for page in pages for each in page["logGroups"]] == [OTHER, REAL]
    assert len(logs.describe_log_groups(logGroupNamePrefix=SEED)["logGroups"]) == 1
    (stream,) = logs.describe_log_streams(logGroupName=SEED, orderBy="LastEventTime", descending=True)["logStreams"]
    assert stream["lastEventTimestamp"] - stream["firstEventTimestamp"] == 2000
    (empty,) = logs.describe_log_streams(logGroupName=other)["logStreams"]
    assert empty["logStreamName"] == "s1"
    assert "firstEventTimestamp" not in empty
    put(logs, other, "s1", "one", "two")
    (stream,) = logs.describe_log_streams(logGroupName=other)["logStreams"]
    assert stream["lastEventTimestamp"] - stream["firstEventTimestamp"] == 1
    assert stream["storedBytes"] == 6 + 2 * 26
    named = logs.describe_log_groups(logGroupIdentifiers=[f"{ARN}{SEED}"])["logGroups"]
    assert [each["logGroupName"] for each in named] == [REAL]
    assert logs.describe_log_groups(logGroupClass="INFREQUENT_ACCESS")["logGroups"] == []
    assert refused(logs.describe_log_groups, limit=51)[0] == "InvalidParameterException"


@pytest.mark.parametrize("group", [REAL, SEED, f"{ARN}{SEED}"])
def test_a_log_stream_is_read_page_by_page(logs, written, group):  # LQ-3, LG-2
    entries = get_streams(5)
    written(*entries)
    named = {"logGroupIdentifier" if group.startswith("arn") else "logGroupName": group}
    (stream,) = logs.describe_log_streams(**named)["logStreams"]
    asked = {**named, "logStreamName": stream["logStreamName"], "limit": 2}
    first = logs.get_log_events(**asked)
    assert messages([first]) == entries[3:]
    back = logs.get_log_events(**asked, nextToken=first["nextBackwardToken"])
    assert messages([back]) == entries[1:3]
    assert logs.get_log_events(**asked, nextToken=first["nextForwardToken"])["events"] == []
    pages, token = [], None
    while not pages or pages[-1]["nextForwardToken"] != token:
        token = pages[-1]["nextForwardToken"] if pages else None
        pages.append(logs.get_log_events(**asked, startFromHead=True, **({"nextToken": token} if token else {})))
    assert messages(pages) == entries
    assert "nextToken" in refused(logs.get_log_events, **asked, nextToken="x/y")[1]


def test_events_are_filtered_by_json_patterns_over_pages(logs, written):  # LQ-4, LQ-6
    entries = get_streams(20)
    written(*entries)
    pages = logs.get_paginator("filter_log_events").paginate(
        logGroupName=SEED,
        filterPattern='{ $.actionType = "GetStream" && $.n > 4 }',
        startTime=int((NOW - 3600) * 1000),
        PaginationConfig={"PageSize": 3},
    )
    pages = list(pages)
    assert messages(pages) == [entry for n, entry in enumerate(entries) if n % 2 and n > 4]
    assert len(pages) >= 3
    assert messages([logs.filter_log_events(logGroupName=REAL, filterPattern="GetStream -c1")]) == [
        entry for n, entry in enumerate(entries) if n % 2 and n % 3 != 1
    ]


def test_a_bad_pattern_is_refused_with_its_position(logs, written):
    written(*get_streams(1))
    code, said = refused(logs.filter_log_events, logGroupName=REAL, filterPattern="{ $.a = }")
    assert code == "InvalidParameterException"
    assert "position 8" in said
    assert refused(logs.filter_log_events, logGroupName=REAL, limit=10_001)[0] == "InvalidParameterException"
    code, said = refused(logs.start_live_tail, logGroupIdentifiers=[f"{ARN}{REAL}"], logEventFilterPattern="{ $.a = }")
    assert (code, "position 8" in said) == ("InvalidParameterException", True)


def test_other_groups_are_filtered_as_ours_are(logs, other):
    put(logs, other, "s1", *(json.dumps({"level": level, "n": 1}) for level in ("info", "error", "info")))
    put(logs, other, "s1", "no json")
    found = logs.filter_log_events(logGroupName=other, filterPattern='{ $.level = "error" }')
    assert messages([found]) == ['{"level": "error", "n": 1}']
    assert messages([logs.get_log_events(logGroupName=other, logStreamName="s1", limit=1)]) == ["no json"]
    assert messages([logs.filter_log_events(logGroupName=other, logStreamNamePrefix="no")]) == []


def test_a_query_runs_beside_everything_else(logs, written):
    hour = int(NOW) // 3600 * 3600
    written(*get_streams(40, hour))
    asked = {"startTime": hour, "endTime": hour + 60}
    query = "filter actionType = 'GetStream' | stats count(*) as many by bin(10s) | sort many"
    started = logs.start_query(logGroupName=SEED, queryString=query, **asked)["queryId"]
    found = rows(logs, started)
    assert [row["many"] for row in found] == ["5"] * 4
    (described,) = logs.describe_queries(logGroupName=REAL)["queries"]
    assert (described["queryId"], described["status"], described["logGroupName"]) == (started, "Complete", REAL)
    statistics = logs.get_query_results(queryId=started)["statistics"]
    assert (statistics["recordsScanned"], statistics["recordsMatched"]) == (40.0, 20.0)
    assert refused(logs.stop_query, queryId=started)[0] == "InvalidParameterException"
    assert refused(logs.get_query_results, queryId="none")[0] == "ResourceNotFoundException"
    code, said = refused(logs.start_query, logGroupName=REAL, queryString="fields |", **asked)
    assert (code, "position" in said) == ("MalformedQueryException", True)


def test_a_query_can_be_stopped(logs, written, cloud: AwsCloud):
    written(*get_streams(10))
    queries = cloud.operated.logs.queries
    given = {"logGroupName": REAL, "startTime": 0, "endTime": int(NOW) + 60, "queryString": "fields n"}
    query_id = cloud.run(lambda: queries.start(given, NOW))["queryId"]  # nobody carries it on
    assert logs.get_query_results(queryId=query_id)["status"] == "Running"
    assert logs.stop_query(queryId=query_id)["success"] is True
    assert logs.get_query_results(queryId=query_id)["status"] == "Cancelled"


def test_a_query_reads_groups_of_both_kinds(logs, written, other):
    written(message(NOW, n=1))
    put(logs, other, "s1", '{"n": 2}', at=NOW)
    query = logs.start_query(
        logGroupNames=[REAL, other], startTime=int(NOW) - 60, endTime=int(NOW) + 60, queryString="stats sum(n) as all"
    )
    assert rows(logs, query["queryId"]) == [{"all": "3"}]


def test_retention_hides_what_is_older(logs, written, other, cloud: AwsCloud):  # LQ-5
    cloud.run(lambda: cloud.clock.move(2 * 86_400))
    written(*get_streams(2))
    put(logs, other, "s1", "one", at=NOW)
    for group in (SEED, other):
        assert len(logs.filter_log_events(logGroupName=group)["events"]) > 0
        logs.put_retention_policy(logGroupName=group, retentionInDays=1)
        assert logs.filter_log_events(logGroupName=group)["events"] == []
    assert [each["retentionInDays"] for each in logs.describe_log_groups()["logGroups"]] == [1, 1]
    logs.delete_retention_policy(logGroupName=REAL)
    assert len(logs.filter_log_events(logGroupName=REAL)["events"]) == 2
    assert refused(logs.put_retention_policy, logGroupName=REAL, retentionInDays=2)[0] == "InvalidParameterException"
    logs.delete_log_group(logGroupName=other)
    logs.create_log_group(logGroupName=other)
    (shown,) = logs.describe_log_groups(logGroupNamePrefix=other)["logGroups"]
    assert "retentionInDays" not in shown


# Who writes where


@pytest.mark.parametrize("group", [REAL, SEED])
def test_only_aws_iot_writes_to_its_group(logs, written, group):
    said = f"Only AWS IoT writes to log group {group}: put log events into a group of your own."
    for _ in range(2):
        with pytest.raises(ClientError, match="InvalidParameterException") as caught:
            put(logs, group, "s1", "mine")
        assert caught.value.response["Error"]["Message"] == said
        assert refused(logs.create_log_stream, logGroupName=group, logStreamName="s1") == (
            "InvalidParameterException", said,
        )  # fmt: skip
        written(*get_streams(1))
    assert refused(logs.create_log_group, logGroupName=group)[0] == "ResourceAlreadyExistsException"
    (stream,) = logs.describe_log_streams(logGroupName=group)["logStreams"]
    for call, given in (
        (logs.delete_log_group, {}),
        (logs.delete_log_stream, {"logStreamName": stream["logStreamName"]}),
    ):
        code, said = refused(call, logGroupName=group, **given)
        assert code == "InvalidParameterException"
        assert "PutRetentionPolicy" in said
    assert len(logs.filter_log_events(logGroupName=group)["events"]) == 2


def test_our_group_may_be_made_before_it_is_written_to(logs, written):
    logs.create_log_group(logGroupName=SEED)
    assert refused(logs.create_log_group, logGroupName=REAL)[0] == "ResourceAlreadyExistsException"
    (shown,) = logs.describe_log_groups()["logGroups"]
    assert (shown["logGroupName"], shown["storedBytes"]) == (REAL, 0)
    assert logs.filter_log_events(logGroupName=REAL)["events"] == []
    written(*get_streams(2))
    assert len(logs.filter_log_events(logGroupName=REAL)["events"]) == 2


def test_a_group_that_records_are_sent_to_may_have_log_streams_of_others(logs, cloud, other):
    with writing(cloud.folder, OTHER) as written, writing(cloud.folder, "sent") as sent:
        written(message(NOW - 1, n=1))
        sent(message(NOW, n=1))
        put(logs, other, "s1", "mine", at=NOW)
        assert messages([logs.filter_log_events(logGroupName=other)]) == [message(NOW - 1, n=1), "mine"]
        assert len(logs.describe_log_streams(logGroupName=other)["logStreams"]) == 2
        logs.delete_log_stream(logGroupName=other, logStreamName="s1")
        assert len(logs.filter_log_events(logGroupName=other)["events"]) == 1
        assert "keeps the records" in refused(logs.delete_log_group, logGroupName=other)[1]
        assert "Only AWS IoT" in refused(logs.create_log_stream, logGroupName="sent", logStreamName="s")[1]


def test_limits_of_put_log_events(logs, other):
    now = time.time()

    def events(*times: float, text: str = "x") -> dict[str, Any]:
        found = [{"timestamp": int((now + at) * 1000), "message": text} for at in times]
        return {"logGroupName": other, "logStreamName": "s1", "logEvents": found}

    day = 86_400.0
    for given, words in (
        (events(2, 1), "chronological order"),
        (events(-day - 1, 0), "24 hours"),
        (events(0, 1, text="x" * 524_263), "exceeds limit of 1048576"),
        (events(*[0.0] * 10_001), "length less than or equal to 10000"),
    ):
        code, said = refused(logs.put_log_events, **given)
        assert code == "InvalidParameterException"
        assert words in said
    assert logs.filter_log_events(logGroupName=other)["events"] == []
    logs.put_log_events(**events(0, 1, text="x" * 524_262))  # 26 bytes an event
    assert len(logs.filter_log_events(logGroupName=other)["events"]) == 2
    answer = logs.put_log_events(**events(-14 * day - 70, -14 * day - 60, -14 * day + 3600))
    assert answer["rejectedLogEventsInfo"] == {"tooOldLogEventEndIndex": 2}
    answer = logs.put_log_events(**events(0, 3600, 7300, 7400))
    assert answer["rejectedLogEventsInfo"] == {"tooNewLogEventStartIndex": 2}
    assert "rejectedLogEventsInfo" not in logs.put_log_events(**events(0))
    logs.put_retention_policy(logGroupName=other, retentionInDays=1)
    answer = logs.put_log_events(**events(-day - 3600, -day + 3600))
    assert answer["rejectedLogEventsInfo"] == {"expiredLogEventEndIndex": 1}
    pages = logs.get_paginator("filter_log_events").paginate(logGroupName=other)
    assert len(messages(pages)) == 6  # of seven that were taken in, one is older than a day


def test_tags_of_other_groups_are_motos(logs, other):
    logs.tag_resource(resourceArn=f"{ARN}{other}", tags={"team": "a"})
    assert logs.list_tags_for_resource(resourceArn=f"{ARN}{other}")["tags"] == {"team": "a"}


# Live tail


def updates(stream: Any) -> Iterator[dict[str, Any]]:
    for event in stream:
        if "sessionUpdate" in event:
            yield event["sessionUpdate"]


def first_results(stream: Any) -> list[str]:
    return next([each["message"] for each in found] for up in updates(stream) if (found := up["sessionResults"]))


@pytest.fixture
def tailing(client, cloud: AwsCloud):
    """Begin a live tail; the answer's first event is taken off."""
    opened = []

    def begin(*names: str, **given: Any) -> tuple[dict[str, Any], Any]:
        asked = client("logs", inject_host_prefix=False).start_live_tail(
            logGroupIdentifiers=[f"{ARN}{name}" for name in names], **given
        )
        stream = asked["responseStream"]
        opened.append(stream)
        events = iter(stream)
        return next(events)["sessionStart"], events

    yield begin
    for stream in opened:
        stream.close()
    until(lambda: cloud.run(lambda: cloud.operated.logs.tails.open_count) == 0, "a session is still open")


def test_a_live_tail_shows_what_is_written_after_it_began(tailing, written):
    written(*get_streams(2))
    started, events = tailing(SEED, logEventFilterPattern="{ $.n >= 0 }")
    assert started["logGroupIdentifiers"] == [f"{ARN}{REAL}"]
    assert started["logEventFilterPattern"] == "{ $.n >= 0 }"
    update = next(updates(events))
    assert (update["sessionResults"], update["sessionMetadata"]) == ([], {"sampled": False})
    entry = message(NOW, n=7)
    written(message(NOW, m=1), entry)
    assert first_results(events) == [entry]


def test_a_live_tail_of_groups_of_both_kinds(tailing, logs, written, other):
    written(*get_streams(1))
    put(logs, other, "s1", "old", at=NOW)
    _, events = tailing(REAL, other)
    put(logs, other, "s1", "late", at=NOW - 3600)
    assert first_results(events) == ["late"]
    written(message(NOW, n=1))
    assert first_results(events) == [message(NOW, n=1)]


def test_a_live_tail_ends_with_the_server(tailing, written, cloud: AwsCloud):
    written(*get_streams(1))
    _, events = tailing(REAL)
    cloud.run(cloud.gateway.end_streams)
    assert all("sessionUpdate" in event for event in events)
