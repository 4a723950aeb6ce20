"""A worker with a broker of its own, in its process."""

import json
import re
from pathlib import Path

import pytest

from device_world import firmware
from images import image_bytes
from ota_broker.system_clock import SystemClock
from ota_device.link import Event, Link
from ota_stream.signing.platforms import KeyKind
from ota_stream.stores.keys import KeyFolder
from processes import PATIENCE, cli
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
        await fleet.run(within=60)
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
        await fleet.run(within=60)
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
            told = link.receive(PATIENCE)
    assert elsewhere.returncode == 1
    assert "use --transport mqtt and its --url" in elsewhere.stderr
    assert made.stdout == "job j1: 1 things are notified\n", made.stderr
    assert not isinstance(told, Event)
    assert json.loads(told.payload)["jobs"]["QUEUED"][0]["jobId"] == "j1"


def test_an_answer_comes_to_who_asked_subscribed_or_not(cluster: Cluster, tmp_path: Path):
    """JT-9: the FreeRTOS agent never subscribes to the answers of its jobs, and confirms its image by one."""
    signer = KeyFolder(tmp_path / "keys", SystemClock()).get_or_mint("signer", KeyKind.ECDSA)
    (image := tmp_path / "door.bin").write_bytes(firmware())
    (key := tmp_path / "signer.key").write_bytes(signer.key)
    (certificate := tmp_path / "signer.pem").write_bytes(signer.certificate)
    with running(worker(*EMBEDDED, "--store", (store := cluster.database()))) as one:
        url = json.loads(one.first_line)["url"]
        broker = ["--transport", "mqtt", "--url", url, "--store", store]
        made = cli("shared", "update", "door-2", image, "--target", "lock", "--sign-key", key, *broker)
        assert made.returncode == 0, made.stderr
        place = ["--port", url.rpartition(":")[2], "--flash", tmp_path / "flash", "--ca", certificate]
        done = cli("device", "--thing", "lock", "--once", *place)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "SUCCEEDED" in done.stdout
