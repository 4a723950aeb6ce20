"""The rule behind an answer: every reason has one, and docs/ has its row."""

import re

import pytest

from docs.pages import RULES
from ota_stream.console import rules
from ota_stream.jobs.errors import Why as JobWhy
from ota_stream.records import Action as StreamAction
from ota_stream.records import BrokerEvent, BrokerRecord, JobEvent, JobRequestRecord, RequestRecord
from ota_stream.streams.errors import Why

TOLD = {
    rule_id
    for path in RULES
    for line in path.read_text(encoding="utf-8").splitlines()
    if (found := re.match(r"\| ([A-Z]+-\d+)[a-z]? \|", line))
    for rule_id in [found[1]]
}


def test_every_reason_has_a_rule_that_the_documentation_has():
    assert set(rules.REFUSED) == set(Why)
    assert set(rules.REFUSED_OF_JOBS) == set(JobWhy)
    named = [*rules.REFUSED.values(), *rules.REFUSED_OF_JOBS.values(), *rules.DENIED.values(), rules.UNANSWERED.id]
    assert {*named, *(rule.id for rule in rules.ANSWERED.values())} - TOLD == set()


@pytest.mark.parametrize("why", Why)
def test_a_refused_request_of_a_stream_has_the_rule_of_its_reason(why: Why):
    record = RequestRecord(0.0, StreamAction.GET_STREAM, "c", "t", "s", failure=why.message)
    assert rules.of(record, "") == (rules.REFUSED[why], why.message)


@pytest.mark.parametrize("why", JobWhy)
def test_a_refused_request_of_a_job_has_the_rule_of_its_reason_however_it_is_filled(why: JobWhy):
    filled = re.sub(r"\{\w+\}", "IN_PROGRESS (7)\n", why.message)
    record = JobRequestRecord(0.0, JobEvent.UPDATE, "c", "t", failure=filled)
    assert rules.of(record, "") == (rules.REFUSED_OF_JOBS[why], filled)


def test_what_is_answered_refused_without_a_record_or_denied_has_a_rule_too():
    assert rules.of(RequestRecord(0.0, StreamAction.GET_STREAM, "c", "t", "s"), "").id == "ST-2"
    assert rules.of(None, "no stream is named") == ("ST-9", "no stream is named")
    assert rules.of(None, "") == rules.UNANSWERED
    denied = BrokerRecord(
        0.0, BrokerEvent.PUBLISH_IN, "trace", "c", "t", None, "", 0, "AUTHORIZATION_FAILURE", "no rule"
    )
    assert rules.of(denied, "") == ("MU-3", "no rule")
