"""Jobs behind a broker: made in the store, told through the broker, run by things, by whichever worker is there."""

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from time import monotonic
from typing import Any, NamedTuple

import pytest

from ota_device.link import Event, Link
from processes import PATIENCE, cli
from shared_world import Cluster, Nats, mosquitto, nats, running, worker

THING = "door-lock-7"
BASE = f"$aws/things/{THING}/jobs/"


def received(link: Link, tail: str) -> Any:
    """Return the next message of a topic, others aside."""
    for _ in range(20):
        message = link.receive(PATIENCE)
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


def test_jobs_are_listed_cancelled_and_deleted_and_their_things_are_told(
    server: Nats, cluster: Cluster, tmp_path: Path
):
    store = cluster.database()
    (document := tmp_path / "job.json").write_text("{}")
    broker = ["--transport", "nats", "--url", server.url, "--store", store]
    with running(worker(*broker)), Link("127.0.0.1", server.mqtt_port, THING) as link:
        link.subscribe(*(BASE + tail for tail in ("notify", "notify-next", "start-next/accepted")))
        for job_id, told in (("job-1", "notify-next"), ("job-2", "notify")):
            assert cli("shared", "job", job_id, document, "--target", THING, *broker).returncode == 0
            received(link, told)
        link.publish(BASE + "start-next", b"{}", qos=1)
        assert received(link, "start-next/accepted")["execution"]["jobId"] == "job-1"
        assert listed(store) == {"job-1": "IN_PROGRESS 1 IN_PROGRESS", "job-2": "IN_PROGRESS 1 QUEUED"}
        refused = cli("shared", "delete-job", "job-1", *broker)
        assert refused.stderr == (
            "error: InvalidStateTransitionException: Job job-1 is IN_PROGRESS: it cannot be deleted\n"
        )
        cancelled = cli("shared", "cancel-job", "job-1", "--force", *broker)
        assert cancelled.stdout == "job job-1 is cancelled: 1 things are notified\n", cancelled.stderr
        assert [each["jobId"] for each in received(link, "notify")["jobs"]["QUEUED"]] == ["job-2"]
        assert received(link, "notify-next")["execution"]["jobId"] == "job-2"
        deleted = cli("shared", "delete-job", "job-2", "--force", *broker)
        assert deleted.stdout == "job job-2 is deleted: 1 things are notified\n", deleted.stderr
        assert received(link, "notify")["jobs"] == {}
        assert "execution" not in received(link, "notify-next")
        deadline = monotonic() + 30
        while "job-2" in listed(store):  # a worker forgets it a second later
            assert monotonic() < deadline
        assert listed(store) == {"job-1": "CANCELED 1 CANCELED"}


def listed(store: str) -> dict[str, str]:
    found = cli("shared", "jobs", "--store", store)
    assert found.returncode == 0, found.stderr
    rows = [line.split() for line in found.stdout.splitlines()[1:]]
    return {job: " ".join((status, *things)) for job, status, _, _, _, *things in rows}


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
