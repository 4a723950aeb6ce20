"""Workers behind a real mosquitto, with the renaming bridge and without."""

import asyncio
import os
import signal
from pathlib import Path

import pytest

from images import image_bytes
from ota_stream.stores.shared.images import described
from ota_stream.stores.shared.rows import SharedStream
from ota_stream.stores.shared.stores import opened
from processes import cli
from shared_world import mosquitto, running, worker
from small_fleet import Fleet
from worker_lines import entries

SIZE = 60_000
IMAGE = image_bytes(SIZE)


@pytest.fixture
async def store(tmp_path: Path) -> Path:
    (tmp_path / "app.bin").write_bytes(IMAGE)
    path = tmp_path / "streams.json"
    async with opened(str(path)) as streams:
        await streams.put(SharedStream("fw", 1, (await described(0, str(tmp_path / "app.bin")),)))
    return path


async def test_two_workers_behind_the_renaming_bridge_one_hangs(store: Path, tmp_path: Path):
    with mosquitto(tmp_path, bridge=True) as port:
        common = ["--transport", "mqtt", "--url", f"mqtt://127.0.0.1:{port}", "--prefix", "ota/req/", "--store", store]
        records = [("--records", tmp_path / name) for name in ("a", "b")]
        with running(worker(*common, *records[0])) as hung, running(worker(*common, *records[1])):
            fleet = Fleet([port], 40, "fw", SIZE, retry_after=1.0)
            going = asyncio.create_task(fleet.run(within=60))
            while fleet.received < 100:  # noqa: ASYNC110 - another process's doing
                await asyncio.sleep(0.005)
            os.kill(hung.popen.pid, signal.SIGSTOP)  # its keep-alive of 3 s ends it
            await going
    assert fleet.wrong == []
    assert {thing.download.image for thing in fleet.things} == {IMAGE}
    kept = {name: entries(tmp_path / name) for name in ("a", "b")}
    assert all(kept.values()), "both have answered"
    assert {(one["clientId"], one["thingName"]) for one in kept["b"]} == {(None, one.name) for one in fleet.things}


async def test_a_worker_refuses_to_run_when_granted_requests_do_not_arrive(store: Path, tmp_path: Path):
    with mosquitto(tmp_path, bridge=False) as port:
        url = f"mqtt://127.0.0.1:{port}"
        refused = cli("worker", "--transport", "mqtt", "--url", url, "--store", store, "--records", tmp_path / "a")
    assert refused.returncode == 1
    assert "has granted the subscription but delivers no request" in refused.stderr
    assert "docs/scale.md" in refused.stderr


async def test_a_worker_with_a_wrong_prefix_is_not_covered_by_one_that_works(store: Path, tmp_path: Path):
    with mosquitto(tmp_path, bridge=True) as port:
        common = ["--transport", "mqtt", "--url", f"mqtt://127.0.0.1:{port}", "--store", store]
        with running(worker(*common, "--prefix", "ota/req/", "--records", tmp_path / "a")):
            refused = cli("worker", *common, "--prefix", "ota/wrong/", "--records", tmp_path / "b")
    assert refused.returncode == 1
    assert "has granted the subscription but delivers no request" in refused.stderr
