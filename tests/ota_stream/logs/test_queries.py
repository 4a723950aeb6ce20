"""Queries of Logs Insights that run beside other work: steps, bounds, ends."""

from collections.abc import Iterable
from typing import Any

import pytest

from log_desk import ARN, GROUP, NOW, Desk, event, invalid, missing
from ota_stream.errors import ControlError, OtaStreamError
from ota_stream.logs import groups, queries, regexes
from ota_stream.logs.events import LogEvent


def test_a_query_goes_on_step_by_step():
    desk = Desk(*(event(at) for at in range(10)))
    query_id = desk.start("filter n > 3 | sort n", limit=2)
    assert desk.queries.running
    desk.queries.step(4)
    answer = desk.queries.results({"queryId": query_id})
    assert (answer["status"], answer["results"]) == ("Running", [])
    assert answer["statistics"]["recordsScanned"] == 4
    desk.queries.step(100)
    assert not desk.queries.running
    answer = desk.queries.results({"queryId": query_id})
    assert (answer["status"], answer["queryLanguage"]) == ("Complete", "CWLI")
    assert answer["statistics"] == {
        "recordsMatched": 6,
        "recordsScanned": 10,
        "bytesScanned": 80,
        "logGroupsScanned": 1,
        "resultCount": 2,
    }
    assert answer["results"][0][1]["field"] == "@message"
    assert len(answer["results"]) == 2
    desk.queries.step()  # nothing to do


def test_a_step_that_takes_long_ends_early_but_goes_on_for_each_query():
    desk = Desk(*(event(at) for at in range(3)))
    desk.passing = 1.0
    first, second = desk.start(), desk.start()
    for number in (1, 2, 3):
        desk.queries.step()
        for query_id in (first, second):
            assert desk.queries.results({"queryId": query_id})["statistics"]["recordsScanned"] == number
    desk.queries.step()
    assert not desk.queries.running


def test_a_query_that_has_enough_reads_no_further():
    desk = Desk(*(event(at) for at in range(10)))
    query_id = desk.start("fields n | limit 3")
    desk.queries.step()
    assert desk.rows(query_id) == [{"n": "9"}, {"n": "8"}, {"n": "7"}]  # newest first
    assert desk.queries.results({"queryId": query_id})["statistics"]["recordsScanned"] == 3


def test_a_query_reads_several_groups_by_time():
    desk = Desk(event(1), event(5), other=[event(3), event(6)])
    query_id = desk.start(logGroupName=None, logGroupNames=[groups.SEED, "other", GROUP])
    desk.queries.step()
    assert desk.rows(query_id) == [{"n": "6"}, {"n": "5"}, {"n": "3"}, {"n": "1"}]
    query_id = desk.start(logGroupName=None, logGroupIdentifiers=[f"{ARN}other"])
    desk.queries.step()
    assert desk.rows(query_id) == [{"n": "6"}, {"n": "3"}]
    with invalid("one of logGroupName"):
        desk.start(logGroupNames=["other"])
    with invalid("one of logGroupName"):
        desk.start(logGroupName=None)
    with invalid("no more than 50"):
        desk.start(logGroupName=None, logGroupNames=["other"] * 51)


def test_times_of_a_query_are_seconds_or_milliseconds():
    now = 1_700_000_000
    desk = Desk(event(now * 1000), event(now * 1000 + 2000))
    for scale in (1, 1000):
        query_id = desk.start(startTime=now * scale, endTime=(now + 1) * scale)
        desk.queries.step()
        assert len(desk.rows(query_id)) == 1


def test_bad_queries_are_not_started():
    desk = Desk(event(1))
    with pytest.raises(ControlError, match="MalformedQueryException"):
        desk.start("select x")
    with invalid("later than endTime"):
        desk.start(startTime=5, endTime=4)
    with invalid("CWLI"):
        desk.start(queryLanguage="SQL")
    assert desk.queries.describe({}) == {"queries": []}


def test_a_query_can_be_stopped_while_it_runs():
    desk = Desk(event(1))
    query_id = desk.start()
    assert desk.queries.stop({"queryId": query_id}) == {"success": True}
    assert desk.queries.results({"queryId": query_id})["status"] == "Cancelled"
    with invalid("has ended"):
        desk.queries.stop({"queryId": query_id})
    for ask in (desk.queries.stop, desk.queries.results):
        with missing("query"):
            ask({"queryId": "x"})


def test_a_query_of_a_store_that_cannot_be_read_fails(monkeypatch: pytest.MonkeyPatch):
    desk = Desk(event(1))

    def read(*_: Any, **__: Any) -> Iterable[LogEvent]:
        raise OtaStreamError("the disk is gone")
        yield

    monkeypatch.setattr(desk.store, "read", read)
    query_id = desk.start()
    desk.queries.step()
    assert desk.queries.results({"queryId": query_id})["status"] == "Failed"
    assert not desk.queries.running


def test_a_query_that_takes_too_long_fails_alone(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(regexes, "SECONDS_MAX", 0.001)
    desk = Desk(event(1, text="a" * 60 + "b"))
    bad, good = desk.start("filter text like /(a|a)*$/"), desk.start()
    desk.queries.step()
    assert desk.queries.results({"queryId": bad})["status"] == "Failed"
    assert desk.queries.results({"queryId": good})["status"] == "Complete"


def test_queries_are_listed_newest_first():
    desk = Desk(event(1), other=[event(1)])
    for name in (GROUP, "other", groups.SEED):
        desk.start(logGroupName=name)
    desk.queries.stop({"queryId": "q-0"})

    def ids(**given: Any) -> list[str]:
        return [each["queryId"] for each in desk.queries.describe(given)["queries"]]

    assert ids() == ["q-2", "q-1", "q-0"]
    assert ids(logGroupName=groups.SEED) == ["q-2", "q-0"]
    assert ids(status="Running") == ["q-2", "q-1"]
    first = desk.queries.describe({"maxResults": 1})
    assert ids(maxResults=5, nextToken=first["nextToken"]) == ["q-1", "q-0"]
    assert first["queries"] == [
        {
            "queryLanguage": "CWLI",
            "queryId": "q-2",
            "queryString": "fields n",
            "status": "Running",
            "createTime": int(NOW * 1000),
            "logGroupName": GROUP,
        }
    ]


def test_running_queries_are_bounded_and_old_ones_are_forgotten(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(queries, "RUNNING_MAX", 2)
    monkeypatch.setattr(queries, "KEPT_MAX", 3)
    desk = Desk(event(1))
    desk.start()
    desk.start()
    with pytest.raises(ControlError, match="LimitExceededException"):
        desk.start()
    for _ in range(5):
        desk.queries.step()
        desk.start()
    assert [each["queryId"] for each in desk.queries.describe({})["queries"]] == ["q-6", "q-5", "q-4"]
