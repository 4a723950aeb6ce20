"""Workers that die and workers that hang, with PostgreSQL behind them: nothing is lost and nothing is there twice."""

import asyncio
import os
import signal
from contextlib import suppress
from pathlib import Path

import pytest

from images import image_bytes
from ota_stream.stores.shared.images import described
from ota_stream.stores.shared.rows import SharedStream
from ota_stream.stores.shared.stores import opened
from processes import Process
from shared_world import Cluster, Nats, free_port, name_of, running, worker
from small_fleet import Fleet

SIZE = 100_000
IMAGE = image_bytes(SIZE)
THINGS = 200
COUNTS = "SELECT count(*), count(DISTINCT entry::jsonb ->> 'topicName') FROM ota_records"


@pytest.fixture
async def store(cluster: Cluster, tmp_path: Path) -> str:
    (tmp_path / "app.bin").write_bytes(IMAGE)
    store = cluster.database()
    async with opened(store) as streams:
        await streams.put(SharedStream("fw", 1, (await described(0, str(tmp_path / "app.bin")),)))
    return store


def start(server: Nats, store: str, share: str, *more: str) -> Process:
    return worker("--transport", "nats", "--url", server.url, "--store", store, "--share", share, *more)


async def reach(fleet: Fleet, blocks: int) -> None:
    """Wait until the things together have this many blocks."""
    async with asyncio.timeout(60):
        while fleet.received < blocks:  # noqa: ASYNC110 - what is waited for is another process's doing
            await asyncio.sleep(0.005)


async def told(cluster: Cluster, store: str, counts: str) -> None:
    """Wait for a record a request, however often it was handed out; the last requests may still be on their way."""
    async with asyncio.timeout(60):
        while cluster.sql(COUNTS, store) != counts:  # noqa: ASYNC110 - another process's doing
            await asyncio.sleep(0.1)


async def test_one_worker_hangs_and_another_is_killed(server: Nats, cluster: Cluster, store: str):
    fleet = Fleet([server.mqtt_port], THINGS, "fw", SIZE)
    blocks = THINGS * fleet.things[0].download.total
    with (
        running(start(server, store, "sick")) as hung,
        running(start(server, store, "sick")) as killed,
        running(start(server, store, "sick")),
    ):
        going = asyncio.create_task(fleet.run(within=90))
        await reach(fleet, blocks // 8)
        os.kill(hung.popen.pid, signal.SIGSTOP)
        await reach(fleet, blocks // 3)
        killed.kill()
        await reach(fleet, blocks // 2)
        os.kill(hung.popen.pid, signal.SIGCONT)  # it goes on with what others have answered meanwhile
        await going
        assert fleet.wrong == []
        assert {thing.download.image for thing in fleet.things} == {IMAGE}
        await told(cluster, store, f"{fleet.requests}|{THINGS}")


@pytest.mark.parametrize("number", [signal.SIGKILL, pytest.param(signal.SIGSTOP, marks=pytest.mark.cluster)])
async def test_one_of_two_workers_is_sick_in_a_queue_group(server: Nats, cluster: Cluster, store: str, number: int):
    fleet = Fleet([server.mqtt_port], 50, "fw", SIZE, retry_after=1.0)
    blocks = 50 * fleet.things[0].download.total
    light = "light", "--sharing", "queue"
    with running(start(server, store, *light)) as sick, running(start(server, store, *light)):
        going = asyncio.create_task(fleet.run(within=60))
        await reach(fleet, blocks // 4)
        os.kill(sick.popen.pid, number)  # one that hangs is given up when its pings fail
        await going
    assert fleet.wrong == []
    records = int(cluster.sql("SELECT count(*) FROM ota_records", store))
    assert records <= fleet.requests  # what the sick one had taken and not answered has no record
    assert records * 4 >= blocks  # four blocks a request


async def test_the_store_goes_away_and_comes_back(server: Nats, cluster: Cluster, store: str):
    fleet = Fleet([server.mqtt_port], 20, "fw", SIZE)
    with running(start(server, store, "away")):
        going = asyncio.create_task(fleet.run(within=60))
        await reach(fleet, 20)
        with suppress(AssertionError):  # our own connection is closed too
            ends = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name_of(store)}'"  # noqa: S608
            cluster.sql(ends, "postgres")
        await going
        await told(cluster, store, f"{fleet.requests}|20")
    assert fleet.wrong == []


async def test_the_broker_is_killed_and_its_queue_with_it(cluster: Cluster, store: str, tmp_path: Path):
    ports = {"port": free_port(), "mqtt_port": free_port()}
    server = Nats(tmp_path / "nats", **ports)
    try:
        fleet = Fleet([server.mqtt_port], 20, "fw", SIZE, retry_after=1.0)
        with running(start(server, store, "restarted")):
            going = asyncio.create_task(fleet.run(within=60))
            await reach(fleet, 20)
            server.popen.kill()
            server.stop()
            server = Nats(tmp_path / "nats", **ports)
            await going
    finally:
        server.stop()
    assert fleet.wrong == []
    # Two queues of one name that both count from 1: their records are not taken for each other's.
    assert cluster.sql("SELECT count(DISTINCT source) FROM ota_records", store) == "2"
    kept = int(cluster.sql("SELECT count(*) FROM ota_records", store))
    assert 20 * -(-fleet.things[0].download.total // 4) <= kept <= fleet.requests
