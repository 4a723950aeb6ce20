"""The benches of idle connections and of pauses, with tiny numbers."""

from contextlib import closing
from pathlib import Path

from canary import sing, told
from connections import Crowd, hold, start
from pauses import run
from served import Simulator


def test_idle_connections_are_held_and_weighed(tmp_path: Path):
    with Simulator(tmp_path) as server:
        held = hold("ours", server, 150)
        assert (held.server, held.connections) == ("ours", 150)
        assert held.connects_per_s > 0
        assert held.cpu_per_connect > 0
        with closing(Crowd(server.mqtt_port)) as crowd:
            crowd.grow(3)
            crowd.subscribe()
            crowd.ping()


def test_the_start_is_watched_from_outside(tmp_path: Path):
    begun = start(tmp_path)
    assert begun.mqtt_answers > 0
    assert 0 < begun.mib < begun.mib_after_first_call


def test_a_canary_tells_how_long_it_waited(tmp_path: Path):
    with Simulator(tmp_path) as server:
        waits = told(sing(server.mqtt_port, server.http_port, 0.3))
    assert waits["pings"] > 1
    assert 0 < waits["p50"] <= waits["p99"]


async def test_pings_are_timed_while_blocks_are_streamed():
    (row,) = await run([2], rounds=1, seconds=0.3)
    assert row.requests_per_s > 0
    assert 0 < row.p50 <= row.longest
