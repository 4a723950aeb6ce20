"""Things of a fleet that download by HTTP: a whole simulator in a thread of its own, the fleet in the test's loop."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from device_world import firmware
from fleet_world import broker, fleet, traits, until
from ota_device.flavours import FLAVOURS, FREERTOS, Flavour
from ota_device.fleet.engine import Fleet, Give
from ota_device.fleet.getter import Getter
from ota_device.fleet.job_work import JobWork, Keys
from ota_device.fleet.tally import Stage
from ota_device.fleet.traits import Traits
from ota_device.orders import Get
from ota_device.verify import Certificates
from ota_stream.testing import LocalCloud

IMAGE = firmware("1.2.3", 40_000)
BY_HTTP = replace(FREERTOS, speaks=("HTTP",), retry_after=0.1)


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[LocalCloud]:
    with LocalCloud(tmp_path / "data") as cloud:
        yield cloud


def names(count: int) -> list[str]:
    return [f"thing-{number}" for number in range(1, count + 1)]


def made(cloud: LocalCloud, things: Traits, **how: Any) -> Fleet:
    keys = Keys(Certificates(anything=cloud.signers()), Certificates(), Certificates())

    def give(_: Fleet) -> Give:
        return lambda thing: JobWork(thing, keys)

    return fleet(cloud.mqtt, things, give=give, **how)


async def run(cloud: LocalCloud, things: Traits, **how: Any) -> Fleet:
    """Make an update for all things, and run them to its end."""
    cloud.create_update(IMAGE, *names(things.count), protocol="HTTP")
    running = made(cloud, things, **how)
    await running.run()
    return running


@pytest.mark.parametrize("flavour", FLAVOURS.values(), ids=lambda flavour: flavour.name)
async def test_every_thing_carries_out_its_job(cloud: LocalCloud, flavour: Flavour):
    done = await run(cloud, traits(4, flavour=replace(flavour, speaks=("HTTP",))))
    assert dict(done.tally.reasons) == {}
    assert (done.tally.stages[Stage.SUCCEEDED], done.tally.bytes) == (4, 4 * len(IMAGE))
    blocks = -(-len(IMAGE) // flavour.block_size)
    assert [thing.requests for thing in done.things] == [blocks] * 4
    assert not cloud.records(action="GetStream")


@pytest.mark.parametrize(
    ("fault", "members"),
    [
        ("drop", {}),
        ("truncate", {"keep": 100}),
        ("reject", {"code": 503}),
        ("ignore-range", {}),
        ("url-expired", {"blocks": 5}),
    ],
)
async def test_a_bad_line_is_got_over(cloud: LocalCloud, fault: str, members: dict[str, Any]):
    share = {} if "blocks" in members else {"share": 0.4, "seed": 1}
    fault_name = cloud.faults.add(fault, **({"operation": "GetObject", "attempts": 1} | share | members))
    done = await run(cloud, traits(3, flavour=BY_HTTP))
    assert dict(done.tally.reasons) == {}
    assert done.tally.stages[Stage.SUCCEEDED] == 3
    assert cloud.faults.hits(fault_name) >= 3
    assert sum(thing.requests for thing in done.things) >= 30 + cloud.faults.hits(fault_name)


async def test_a_wrong_byte_fails_the_job(cloud: LocalCloud):
    cloud.faults.add("corrupt", operation="GetObject", blocks=3, thing="thing-2")
    done = await run(cloud, traits(2, flavour=BY_HTTP))
    assert [thing.verdict.succeeded for thing in done.things if thing.verdict] == [True, False]


async def test_power_cuts_and_hours_offline_do_no_harm(cloud: LocalCloud):
    cloud.faults.add("delay", operation="GetObject", seconds=0.03)
    done = await run(cloud, traits(3, flavour=BY_HTTP, power_cuts=3.0), seed=3)
    assert done.tally.power_cuts >= 1
    assert sum(done.tally.reasons.values()) + done.tally.stages[Stage.SUCCEEDED] == 3


async def test_a_lost_broker_does_not_end_a_download(cloud: LocalCloud):
    cloud.faults.add("disconnect", operation="UpdateJobExecution", times=2)
    done = await run(cloud, traits(2, flavour=BY_HTTP))
    assert dict(done.tally.reasons) == {}
    assert done.tally.lost_connections == 2


@pytest.mark.parametrize(
    ("said", "status"),
    [
        (b"HTTP/1.1 206 Partial Content\r\nContent-Length: 9\r\n\r\n123456789", 0),  # more than was asked for
        (b"HTTP/1.1 200 OK\r\nContent-Length: 999999\r\n\r\n1234", 200),  # the rest is not waited for
        (b"SSH-2.0-nobody\r\n", 0),
        (None, 0),
    ],
)
async def test_what_is_no_range_is_its_status_or_nothing_and_ends_the_connection(said: bytes | None, status: int):
    came: list[tuple[int, bytes]] = []
    async with broker(lambda _: said) as (host, port):
        site = fleet((host, port)).site
        getter = Getter(site, lambda _: None, lambda status, data, _: came.append((status, data)))
        getter.get(Get(f"http://{host}:{port}/b/k?Expires=1", 0, 4), 0.0)
        await until(lambda: came)
    assert came == [(status, b"")]
    assert not getter.is_free


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/b/k", "http://[", "http://127.0.0.1:99999/b/k"])
async def test_an_address_without_anybody_is_no_answer(url: str):
    came: list[int] = []
    getter = Getter(fleet(("127.0.0.1", 1)).site, lambda _: None, lambda status, *_: came.append(status))
    getter.get(Get(url, 0, 4), 0.0)
    await until(lambda: came)
    assert came == [0]
