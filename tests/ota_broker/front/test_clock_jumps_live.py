"""The wall clock jumps a day, either way: what MQTT promises goes by the other clock, what is stored by this one."""

import json
import time

import pytest

import live
from images import MemoryImage, image_bytes
from live import RawClient, Server
from ota_stream.jobs.configs import TimeoutConfig
from ota_stream.jobs.jobs import JobSpec

DAY = 86_400.0
GET = "$aws/things/d/streams/fw/get/json"


def jump(server: Server, seconds: float) -> None:
    server.clock.wall = lambda: time.time() + seconds  # type: ignore[method-assign]
    server.run(lambda: server.listener.wheel.turn(server.clock.monotonic()))


@pytest.mark.parametrize("ahead", [DAY, -DAY])
def test_connections_sessions_and_requests_do_not_notice(ahead: float):  # R12
    with live.serving({"fw": {0: MemoryImage(image_bytes(1000))}}) as server, RawClient(server) as client:
        with RawClient(server) as away:
            away.connect("away", clean=False)
            away.subscribe("t", qos=1)
        client.connect("d")
        client.publish(GET, b'{"f":0,"l":256,"n":1}')
        assert len(client.messages()) == 1
        jump(server, ahead)
        client.publish(GET, b'{"f":0,"l":256,"n":1}')
        assert len(client.messages()) == 1
        client.publish("t", b"kept", qos=1)
        client.until_ping()
        with RawClient(server) as away:
            assert away.connect("away", clean=False), "its hour is not over"
            assert away.messages() == [("t", b"kept")]
        before, after = [record.at for record in server.records]
        assert after - before == pytest.approx(ahead, abs=60), "records say what the clock says"


def test_a_jump_ahead_makes_job_time_outs_due_and_a_jump_back_delays_them():  # R12
    with live.serving() as server, RawClient(server) as client:
        for job_id in ("ahead", "back"):
            spec = JobSpec(job_id, ("thing/d",), "{}", timeout_config=TimeoutConfig(60))
            server.operate(lambda jobs, now, spec=spec: jobs.create_job(spec, now))
        client.connect("d")

        def started() -> str:
            client.publish("$aws/things/d/jobs/start-next", b"{}")
            return next(json.loads(body)["execution"]["jobId"] for topic, body in client.messages() if "start" in topic)

        def times_out() -> bool:
            server.operate(lambda jobs, now: jobs.on_time(now))
            client.publish("$aws/things/d/jobs/get", b"{}")
            ((_, body),) = [message for message in client.messages() if message[0].endswith("/get/accepted")]
            return not json.loads(body)["inProgressJobs"]

        assert started() == "ahead"
        assert not times_out()
        jump(server, DAY)
        assert times_out()
        assert started() == "back"
        jump(server, 0)
        server.clock.move(7200)
        assert not times_out(), "two hours, and a day less"
        jump(server, DAY + 7200)
        assert times_out()
