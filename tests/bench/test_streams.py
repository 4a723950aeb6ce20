"""The bench of GetStream, with tiny numbers."""

from dataclasses import replace

import pytest

from streams import OFF, ON, Row, cost, run

ROW = Row(1, "json", 1, ON, 1.0, 1.0, 23.0, 23.0, 1.0)


async def test_every_load_is_answered_with_and_without_records():
    rows = await run([2], [ON, OFF], rounds=1, seconds=0.05)
    assert [(row.connections, row.wire_format, row.blocks, row.records) for row in rows] == [
        (2, fmt, blocks, records) for blocks in (1, 8) for fmt in ("json", "cbor") for records in (ON, OFF)
    ]
    assert all(row.cpu_per_request > 0 for row in rows)


def test_what_records_cost_is_told_of_loads_that_ran_both_ways():
    without = replace(ROW, records=OFF, cpu_per_request=20.0)
    assert cost([ROW, without, replace(ROW, blocks=8)]) == pytest.approx(0.15)
    assert cost([ROW]) is None
