"""The bench of storms, with few connections."""

from storm import run


def test_every_storm_passes_and_the_canary_sings_through_all():
    rows = run(30, 0.2)
    assert [row.storm for row in rows][2:5] == ["reconnect", "half take over", "are reset"]
    assert all(row.p99 > 0 and row.longest > 0 for row in rows)
