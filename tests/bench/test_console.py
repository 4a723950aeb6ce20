"""The bench of open pages, with tiny numbers."""

import pytest

from console import PAGES, Found, Slice, Spread, run, table


async def test_pages_come_and_go_in_one_simulator():
    found = await run(3, 100, PAGES, rounds=1, seconds=0.3, quiet=0.1)
    assert (len(found.without), len(found.with_pages), len(found.opening)) == (4, 4, 1)
    assert all(each.requests > 0 and each.cpu > 0 for each in (*found.without, *found.with_pages))
    assert table(found, len(PAGES)).row_count == 5


def test_a_slice_is_held_against_one_that_is_near():
    took = (1, 1, 2, 2, 4, 4)
    plain, shown = [Slice(100, cpu, 1) for cpu in took], [Slice(100, 1.1 * cpu, 1) for cpu in took]
    found = Found(plain, shown)
    assert found.added().median == pytest.approx(0.1)
    assert found.same_twice() == Spread(0, (0, 0), (0, 0))


def test_a_spread_has_the_middle_half_and_the_range_of_the_median():
    spread = Spread.of([1 + number / 100 for number in range(25)])
    assert spread.median == pytest.approx(0.12)
    assert spread.quartiles == pytest.approx((0.06, 0.18))
    assert spread.surely == pytest.approx((0.07, 0.17))
    assert str(spread) == "+12.0% (+7.0% to +17.0%; half of all +6.0% to +18.0%)"
