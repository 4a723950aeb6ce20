"""Workers behind a real NATS server: every image completes whatever becomes of a worker; requests have records."""

from pathlib import Path

import pytest

from images import image_bytes
from processes import cli
from shared_world import Nats, running, worker
from small_fleet import Fleet
from worker_lines import entries

SIZE = 100_000
IMAGE = image_bytes(SIZE)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    (tmp_path / "app.bin").write_bytes(IMAGE)
    made = cli("shared", "stream", "fw", tmp_path / "app.bin", "--store", tmp_path / "streams.json")
    assert made.returncode == 0, made.stderr
    assert "stream fw, version 1" in made.stdout
    return tmp_path / "streams.json"


@pytest.mark.parametrize("sharing", ["jetstream", "queue"])
async def test_two_workers_share_the_requests_of_a_fleet(server: Nats, store: Path, sharing: str, tmp_path: Path):
    common = ["--transport", "nats", "--url", server.url, "--store", store, "--share", f"two-{sharing}"]
    more = ["--sharing", sharing, "--client-id-from", "topic", "--records"]
    with running(worker(*common, *more, tmp_path / "a")) as one, running(worker(*common, *more, tmp_path / "b")):
        fleet = Fleet([server.mqtt_port], 50, "fw", SIZE)
        await fleet.run(within=60)
        assert one.stop() == 0
        assert one.err == ""
    assert fleet.wrong == []
    assert {thing.download.image for thing in fleet.things} == {IMAGE}
    kept = {name: entries(tmp_path / name) for name in ("a", "b")}
    assert all(kept.values()), "both have answered"
    assert sum(map(len, kept.values())) == fleet.requests
    assert {entry["clientId"] for entry in kept["a"] + kept["b"]} == {thing.name for thing in fleet.things}


async def test_a_worker_of_shared_subscriptions_gets_no_share_of_nats_however_many_others_work(
    server: Nats, store: Path, tmp_path: Path
):
    right = ["--transport", "nats", "--url", server.url, "--store", store, "--records", tmp_path / "a"]
    wrong = ["--transport", "mqtt", "--url", f"mqtt://127.0.0.1:{server.mqtt_port}", "--store", store]
    with running(worker(*right)):
        refused = cli("worker", *wrong, "--records", tmp_path / "b")
    assert refused.returncode == 1
    assert "has granted the subscription but delivers no request" in refused.stderr
