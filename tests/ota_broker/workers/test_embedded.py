"""A worker with a broker of its own, in its process."""

import json
import re
from pathlib import Path

import pytest

from images import image_bytes
from ota_device.link import Event, Link
from processes import cli
from shared_world import Cluster, running, worker
from small_fleet import Fleet
from worker_lines import entries

SIZE = 100_000
IMAGE = image_bytes(SIZE)
EMBEDDED = ["--transport", "embedded", "--url", "mqtt://127.0.0.1:0"]


@pytest.fixture
def image(tmp_path: Path) -> Path:
    (tmp_path / "app.bin").write_bytes(IMAGE)
    return tmp_path / "app.bin"


async def test_its_things_are_served_and_its_records_know_the_client(image: Path, tmp_path: Path):
    store = tmp_path / "streams.json"
    assert cli("shared", "stream", "fw", image, "--store", store).returncode == 0
    told = ["--client-id-from", "broker", "--records", tmp_path / "records"]
    with running(worker(*EMBEDDED, "--store", store, *told)) as one:
        url = json.loads(one.first_line)["url"]
        fleet = Fleet([int(url.rpartition(":")[2])], 50, "fw", SIZE)
        await fleet.run(within=30)
        assert one.stop() == 0
        assert one.err == ""
    assert re.fullmatch(r"mqtt://127\.0\.0\.1:[1-9]\d*", url)
    assert fleet.wrong == []
    assert {thing.download.image for thing in fleet.things} == {IMAGE}
    kept = entries(tmp_path / "records")
    assert len(kept) == fleet.requests
    assert {entry["clientId"] for entry in kept} == {thing.name for thing in fleet.things}


async def test_a_level_of_verbosity_keeps_records_out_and_serves_all_the_same(image: Path, tmp_path: Path):
    store = tmp_path / "streams.json"
    assert cli("shared", "stream", "fw", image, "--store", store).returncode == 0
    quiet = ["--log-level", "info", "--records", tmp_path / "records"]
    with running(worker(*EMBEDDED, "--store", store, *quiet)) as one:
        fleet = Fleet([int(json.loads(one.first_line)["url"].rpartition(":")[2])], 5, "fw", SIZE)
        await fleet.run(within=30)
        assert one.stop() == 0
    assert {thing.download.image for thing in fleet.things} == {IMAGE}
    assert entries(tmp_path / "records") == []


def test_a_port_that_is_taken_is_one_line(image: Path, tmp_path: Path):
    store = tmp_path / "streams.json"
    assert cli("shared", "stream", "fw", image, "--store", store).returncode == 0
    with running(worker(*EMBEDDED, "--store", store, "--records", tmp_path / "a")) as first:
        url = json.loads(first.first_line)["url"]
        arguments = ["--transport", "embedded", "--url", url, "--store", store, "--records", tmp_path / "b"]
        refused = cli("worker", *arguments)
    assert refused.returncode == 1
    assert refused.stderr.startswith("error: cannot listen on 127.0.0.1 port ")
    assert refused.stderr.count("\n") == 1


def test_a_job_is_told_through_the_port_of_the_broker(cluster: Cluster, tmp_path: Path):
    (tmp_path / "job.json").write_text('{"open": true}')
    job = ["shared", "job", "j1", tmp_path / "job.json", "--target", "door-lock-7"]
    with running(worker(*EMBEDDED, "--store", (store := cluster.database()))) as one:
        url = json.loads(one.first_line)["url"]
        elsewhere = cli(*job, "--store", store, "--transport", "embedded", "--url", url)
        with Link("127.0.0.1", int(url.rpartition(":")[2]), "door-lock-7") as link:
            link.subscribe("$aws/things/door-lock-7/jobs/notify")
            made = cli(*job, "--store", store, "--transport", "mqtt", "--url", url)
            told = link.receive(10)
    assert elsewhere.returncode == 1
    assert "use --transport mqtt and its --url" in elsewhere.stderr
    assert made.stdout == "job j1: 1 things are notified\n", made.stderr
    assert not isinstance(told, Event)
    assert json.loads(told.payload)["jobs"]["QUEUED"][0]["jobId"] == "j1"
