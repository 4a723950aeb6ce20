"""Jobs behind a broker: made in the store, told through the broker, run by things, by whichever worker is there."""

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from ota_device.link import Event, Link
from processes import cli
from shared_world import Cluster, mosquitto, nats, running, worker

THING = "door-lock-7"
BASE = f"$aws/things/{THING}/jobs/"


def received(link: Link, tail: str) -> Any:
    """Return the next message of a topic, others aside."""
    for _ in range(20):
        message = link.receive(10)
        assert message is not Event.QUIET, f"nothing came on {tail}"
        if not isinstance(message, Event) and message.topic == BASE + tail:
            return json.loads(message.payload)
    raise AssertionError(tail)


class Broker(NamedTuple):
    """Where things connect, what workers and operators are told of it, and workers alone."""

    port: int
    options: list[str]
    more: list[str]


@contextmanager
def nats_broker(folder: Path) -> Iterator[Broker]:
    with nats(folder / "nats") as server:
        yield Broker(server.mqtt_port, ["--transport", "nats", "--url", server.url], [])


@contextmanager
def mosquitto_broker(folder: Path) -> Iterator[Broker]:
    with mosquitto(folder, bridge=True) as port:
        url = f"mqtt://127.0.0.1:{port}"
        yield Broker(port, ["--transport", "mqtt", "--url", url], ["--prefix", "ota/req/"])


@pytest.mark.parametrize("brokers", [nats_broker, mosquitto_broker])
def test_a_thing_is_notified_and_runs_its_job_at_two_workers(
    brokers: Callable[[Path], AbstractContextManager[Broker]], cluster: Cluster, tmp_path: Path
):
    store = cluster.database()
    document = tmp_path / "job.json"
    document.write_text('{"open": true}')
    with (
        brokers(tmp_path) as (port, options, more),
        running(worker(*(broker := [*options, "--store", store]), *more)) as first,
        running(worker(*broker, *more)),
        Link("127.0.0.1", port, THING) as link,
    ):
        answers = ("notify", "notify-next", "start-next/accepted", "job-1/update/accepted", "job-1/update/rejected")
        link.subscribe(*(BASE + tail for tail in answers))
        made = cli("shared", "job", "job-1", document, "--target", THING, *broker)
        assert made.returncode == 0, made.stderr
        assert made.stdout == "job job-1: 1 things are notified\n"
        assert received(link, "notify")["jobs"]["QUEUED"][0]["jobId"] == "job-1"
        assert received(link, "notify-next")["execution"]["jobDocument"] == {"open": True}
        link.publish(BASE + "start-next", b"{}", qos=1)
        assert received(link, "start-next/accepted")["execution"]["versionNumber"] == 2
        first.kill()
        link.publish(BASE + "job-1/update", b'{"status": "SUCCEEDED", "expectedVersion": "2"}', qos=1)
        assert "timestamp" in received(link, "job-1/update/accepted")
        assert received(link, "notify")["jobs"] == {}  # told by the worker that committed the change
        link.publish(BASE + "job-1/update", b'{"status": "FAILED"}', qos=1)
        assert received(link, "job-1/update/rejected")["code"] == "InvalidStateTransition"
    kept = (
        "SELECT string_agg(coalesce(entry ->> 'eventType', '') || ' ' || (entry ->> 'status'), ', ' ORDER BY at, part)"
    )
    assert cluster.sql(f"{kept} FROM ota_records", store) == (
        "StartNextPendingJobExecution Success, UpdateJobExecution Success, "
        "ReportFinalJobExecutionCount Success, UpdateJobExecution Failure"
    )


def test_a_job_is_not_made_when_nobody_could_be_told(cluster: Cluster, tmp_path: Path):
    store = cluster.database()
    (tmp_path / "job.json").write_text("{}")
    given = ["job-1", tmp_path / "job.json", "--target", THING, "--transport", "nats"]
    refused = cli("shared", "job", *given, "--url", "nats://127.0.0.1:1", "--store", store)
    assert refused.returncode == 1
    assert refused.stderr.startswith("error: no NATS server answers at nats://127.0.0.1:1")
    assert cluster.sql("SELECT count(*) FROM ota_jobs", store) == "0"
    refused = cli("shared", "job", *given, "--url", "nats://127.0.0.1:1", "--store", "streams.json")
    assert refused.stderr == "error: store streams.json: jobs are shared in PostgreSQL only, postgresql://...\n"
