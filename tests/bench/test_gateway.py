"""The bench of the AWS API, without moto's own server: that one is installed by scripts/bench only."""

from contextlib import closing
from pathlib import Path

import pytest

from calls import CASES, FIRST, SET_UP, Call, Caller, CallFailed, Case, Sample, sample
from gateway import row_of, table
from ota_stream.api.aws import model, operations, scope
from served import Simulator


def asked(call: Call) -> tuple[str, str]:
    found = scope.read(call.headers()["Authorization"], "")
    assert found is not None
    target = call.target.replace("{n}", "1")
    operation = model.asked(found.service, call.method, target, call.headers(), call.body)
    assert operation is not None
    return found.service, operation.name


def test_every_call_is_answered_by_a_simulator(tmp_path: Path):
    with Simulator(tmp_path) as ours, closing(Caller(ours.http_port)) as caller:
        assert ours.ready_after > 0
        before = ours.kib()
        caller.call(FIRST)
        assert 0 < before < ours.kib()
        for call in SET_UP:
            caller.call(call)
        for case in CASES:
            samples = sample(caller, case.call, case.undo, range(2), ours.cpu)
            assert len(samples) == 2
            assert all(each.elapsed > 0 for each in samples)
        with pytest.raises(CallFailed, match="answered 404"):
            caller.call(Call("iot", "GET", "/jobs/nowhere"))


@pytest.mark.parametrize("case", [case for case in CASES if case.call.service == "iot"], ids=lambda case: case.name)
def test_a_case_says_rightly_whose_operation_it_is_and_what_moto_is_asked_instead(case: Case):
    asked_for = asked(case.call)
    assert asked_for[1] == case.name.partition(",")[0]
    assert (asked_for in operations.table()) == case.own
    assert asked(case.reference_call)[1] == case.reference.partition(",")[0]


def test_a_row_has_the_medians_and_how_many_times_they_differ():
    ours = [Sample(elapsed / 1000, 0.0002) for elapsed in (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11)]
    row = row_of(CASES[0], ours, [Sample(0.048, 0.04), Sample(0.048, 0.06)])
    assert (row.median, row.p90, row.cpu) == pytest.approx((6.0, 10.0, 0.2))
    assert (row.reference_median, row.reference_p90, row.reference_cpu) == pytest.approx((48.0, 48.0, 50.0))
    assert row.faster == pytest.approx(8.0)
    assert table([row]).row_count == 1
