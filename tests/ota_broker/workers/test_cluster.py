"""Three NATS nodes, one of them killed while a fleet downloads through two workers."""

import asyncio
from pathlib import Path

import pytest

from images import image_bytes
from ota_stream.stores.shared.images import described
from ota_stream.stores.shared.rows import SharedStream
from ota_stream.stores.shared.stores import opened
from shared_world import Cluster, running, three_nodes, worker
from small_fleet import Fleet

SIZE = 100_000
THINGS = 60

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(240)]


async def test_a_node_is_killed(cluster: Cluster, tmp_path: Path):
    (tmp_path / "app.bin").write_bytes(image_bytes(SIZE))
    store = cluster.database()
    async with opened(store) as streams:
        await streams.put(SharedStream("fw", 1, (await described(0, str(tmp_path / "app.bin")),)))
    with three_nodes(tmp_path / "nats") as nodes:
        urls = ",".join(node.url for node in nodes)
        broker = ["--transport", "nats", "--url", urls, "--store", store, "--replicas", "3"]
        with running(worker(*broker)), running(worker(*broker)):
            fleet = Fleet([node.mqtt_port for node in nodes], THINGS, "fw", SIZE, retry_after=3.0, unanswered_max=60)
            going = asyncio.create_task(fleet.run(within=150))
            async with asyncio.timeout(60):
                while fleet.received < THINGS * fleet.things[0].download.total // 4:  # noqa: ASYNC110
                    await asyncio.sleep(0.005)
            nodes[0].popen.kill()
            await going
        assert fleet.wrong == []
        assert {thing.download.image for thing in fleet.things} == {image_bytes(SIZE)}
        # A record a request that reached the queue, and none twice (the key of the table); what was on its way into the
        # killed node is lost with it and asked for again.
        kept = int(cluster.sql("SELECT count(*) FROM ota_records", store))
    assert THINGS * -(-fleet.things[0].download.total // 4) <= kept <= fleet.requests
