"""The bench of GetStream, with tiny numbers."""

from dataclasses import replace

import pytest

import budget
import listening
from ota_stream.streams.topics import Format
from streams import Case, Figures, added_by_records, beside, cases, run, table

FIGURES = Figures(1.0, 1.0, 23.0, 23.0, 1.0, 1.0)
BOTH_WAYS = [{"records": True}, {"records": False}]


async def test_every_load_is_answered_with_and_without_records():
    wanted = cases([2], list(Format), [1, 8], ["0"], BOTH_WAYS)
    assert len(wanted) == 8
    rows = await run(wanted, rounds=1, seconds=0.05)
    assert list(rows) == wanted
    assert all(figures.cpu_per_request > 0 for figures in rows.values())


async def test_requests_and_answers_may_be_acknowledged():
    rows = await run(cases([2], [Format.JSON], [8], ["1", "1+1"], [{}]), rounds=1, seconds=0.05)
    assert len(rows) == 2
    assert all(figures.requests_per_s > 0 for figures in rows.values())


async def test_things_may_come_with_certificates():
    (case,) = wanted = cases([3], [Format.CBOR], [1], ["0"], [{"tls": True, "counted": True}])
    assert case.besides == "TLS, quotas"
    (figures,) = (await run(wanted, rounds=1, seconds=0.05)).values()
    assert figures.cpu_per_connect > 0


def test_what_records_cost_is_told_of_loads_that_ran_both_ways():
    case, without = Case(1), Case(1, records=False)
    rows = {case: FIGURES, without: replace(FIGURES, cpu_per_request=20.0), Case(1, blocks=8): FIGURES}
    assert added_by_records(rows) == pytest.approx(0.15)
    assert added_by_records({case: FIGURES}) is None


def test_a_baseline_runs_the_loads_that_it_can():
    ours = cases([100, 1000], list(Format), [1, 8], ["0", "1"], BOTH_WAYS)
    assert beside("C direct", ours) == [
        Case(count, blocks=blocks, target="C direct") for blocks in (1, 8) for count in (100, 1000)
    ]
    assert {case.connections for case in beside("plain amqtt", ours)} == {100}


def test_the_table_tells_how_many_times_the_limit_a_request_costs():
    shown = table({Case(1): FIGURES, Case(1, target="C direct"): replace(FIGURES, cpu_per_request=11.5)})
    assert list(shown.columns[-1].cells) == ["2.00", "1.00"]


async def test_the_budget_is_measured_without_sockets():
    rows = await budget.run([2], requests=100)
    assert [(row.wire_format, row.blocks, row.qos) for row in rows] == [
        ("json", 1, 0), ("json", 1, 1), ("json", 8, 0), ("cbor", 1, 0), ("cbor", 8, 0),
    ]  # fmt: skip
    assert all(0 < row.best <= row.median for row in rows)


async def test_whoever_listens_is_measured_by_turns():
    rows = await listening.measure(2, requests=0)
    assert [row.listener for row in rows] == [listening.NOBODY, "block maps", "diagnosis of 100", "diagnosis of 10,000"]
    assert all(row.each > 0 for row in rows)
