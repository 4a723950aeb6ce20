"""The transition table, pair by pair (JX-1, JX-5, JX-5a)."""

from itertools import product

import pytest

from ota_stream.jobs.executions import (
    PENDING,
    REPORTS,
    STRICT_TRANSITIONS,
    TERMINAL,
    TRANSITIONS,
    Event,
    JobExecution,
    Status,
    moved,
    outcome,
)

DEVICE = {Event.START, *REPORTS.values()}


def execution(status: Status) -> JobExecution:
    return JobExecution("j", "t", 1, 1, 1.0, 1.0, status, 7, deadline=90.0, step_deadline=80.0)


@pytest.mark.parametrize(("status", "event"), list(product(Status, Event)))
def test_an_event_makes_what_the_table_says_and_nothing_else(status, event):
    after = TRANSITIONS.get((status, event))
    assert outcome(execution(status), event) is after
    if after is None:
        with pytest.raises(KeyError):
            moved(execution(status), event, 5.0)
        return
    result = moved(execution(status), event, 5.0, {"k": "v"})
    assert (result.status, result.version, result.updated_at, result.details) == (after, 8, 5.0, {"k": "v"})
    assert result.started_at == (5.0 if after is Status.IN_PROGRESS else None)  # JX-6
    timers = (result.deadline, result.step_deadline)
    assert timers == ((90.0, 80.0) if after is Status.IN_PROGRESS else (None, None))


def test_a_terminal_status_has_no_way_out():
    assert {status for status, _ in TRANSITIONS} == PENDING
    assert set(Status) == PENDING | TERMINAL


def test_every_terminal_status_is_reached_by_the_one_who_sets_it():
    """JX-1."""
    by_device = {after for (_, event), after in TRANSITIONS.items() if event in DEVICE}
    by_service = {after for (_, event), after in TRANSITIONS.items() if event not in DEVICE}
    assert by_device == {Status.IN_PROGRESS, Status.SUCCEEDED, Status.FAILED, Status.REJECTED}
    assert by_service == {Status.TIMED_OUT, Status.REMOVED, Status.CANCELED}


def test_strict_refuses_one_pair_more():
    """JX-5a."""
    assert set(TRANSITIONS) - set(STRICT_TRANSITIONS) == {(Status.IN_PROGRESS, Event.REJECTION)}
    assert outcome(execution(Status.IN_PROGRESS), Event.REJECTION, strict=True) is None


def test_what_was_started_once_keeps_its_time():
    """JX-6."""
    started = moved(execution(Status.QUEUED), Event.START, 5.0)
    assert moved(started, Event.PROGRESS, 9.0).started_at == 5.0
    assert moved(started, Event.SUCCESS, 9.0).started_at == 5.0
