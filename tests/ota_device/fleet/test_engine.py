"""Fleets against the real front door: every image whole, every trouble survived, every end told."""

import asyncio
import hashlib
import json
import resource
import socket

import pytest

from device_world import document, firmware
from fleet_world import IMAGE, SHELF, STREAM, broker, downloads, fleet, jobs, run, traits, until
from images import MemoryImage, image_bytes
from live import Server, serving
from ota_device.download import DownloadOptions
from ota_device.errors import DeviceError, LinkError
from ota_device.flash import SYNC_EVERY
from ota_device.flavours import FLAVOURS
from ota_device.fleet import engine, thing
from ota_device.fleet.engine import STOPPED, TIME_IS_UP, Fleet
from ota_device.fleet.mqtt import Level
from ota_device.fleet.stream_work import WRONG_BYTES
from ota_device.fleet.tally import Stage
from ota_device.fleet.traits import Duty, Fault
from ota_device.plan import Mode
from ota_stream.streams.topics import Format

SHA256 = hashlib.sha256(IMAGE).hexdigest()
TOTAL = -(-len(IMAGE) // 4096)


@pytest.fixture
def server():
    with serving(SHELF) as it:
        yield it


def reasons(made: Fleet) -> dict[str, int]:
    return dict(made.tally.reasons)


# Streams


@pytest.mark.parametrize(
    "options",
    [
        DownloadOptions(),
        DownloadOptions(block_count=1),
        DownloadOptions(mode=Mode.OFFSET, format=Format.JSON, block_size=1024, block_count=32),
    ],
)
async def test_every_thing_downloads_every_block_once(server: Server, options: DownloadOptions):
    made = await run(server, traits(20, download=options), give=downloads(sha256=SHA256))
    assert made.tally.stages == {**dict.fromkeys(Stage, 0), Stage.SUCCEEDED: 20}
    blocks = -(-len(IMAGE) // options.block_size)
    assert (made.tally.blocks, made.tally.bytes) == (20 * blocks, 20 * len(IMAGE))
    assert made.tally.block_delay.number == 20 * blocks
    assert made.tally.image_time.number == made.tally.verified == 20
    assert made.tally.requests == len(server.records) == 20 * (1 + -(-blocks // options.block_count))
    assert {record.client_id for record in server.records} == {each.name for each in made.things}
    assert made.tally.connected == 0


async def test_an_image_with_other_bytes_fails(server: Server):
    made = await run(server, give=downloads(sha256="0" * 64))
    assert reasons(made) == {WRONG_BYTES: 5}


async def test_things_whose_flash_changes_a_bit_fail_and_the_others_do_not(server: Server):
    made = await run(server, traits(30, failures={Fault.FLASH: 0.5}))
    assert {each.fault for each in made.things} == {None, Fault.FLASH}
    for each in made.things:
        assert each.verdict is not None
        assert each.verdict.succeeded is (each.fault is None)


async def test_downloads_go_on_until_the_time_is_over(server: Server):
    again = asyncio.get_running_loop().time() + 0.3
    made = await run(server, give=downloads(again_until=again))
    assert made.tally.images > 5
    assert made.tally.stages[Stage.SUCCEEDED] == 5


@pytest.mark.parametrize(
    ("stream", "options", "reason"),
    [
        ("nowhere", DownloadOptions(), "ResourceNotFound: The requested stream was not found"),
        (STREAM, DownloadOptions(block_size=100), "BlockSizeOutOfBounds: The block size is out of bounds"),
    ],
)
async def test_a_rejection_is_the_reason_of_a_failure(
    server: Server, stream: str, options: DownloadOptions, reason: str
):
    made = await run(server, traits(3, download=options), give=downloads(stream))
    assert reasons(made) == {reason: 3}


async def test_a_file_that_is_not_there_is_told(server: Server):
    made = await run(server, traits(2), give=downloads(file_id=3))
    assert reasons(made) == {"the stream has no file 3": 2}


# Lines and power


async def test_a_bad_line_costs_time_and_no_bytes(server: Server):
    bad = traits(10, loss=0.2, latency=0.005, jitter=0.005, bandwidth=400_000.0)
    made = await run(server, bad, give=downloads(sha256=SHA256))
    assert made.tally.stages[Stage.SUCCEEDED] == 10
    assert made.tally.lost_messages > 0
    assert (made.tally.block_delay.percentile(0.01) or 0) >= 0.009  # twice the latency, less half a bucket
    assert made.elapsed >= len(IMAGE) / 400_000


async def test_the_seed_fixes_who_has_a_fault(server: Server):
    bad = traits(8, failures={Fault.FLASH: 0.4})
    runs = [await run(server, bad, seed=seed) for seed in (3, 3, 4)]
    first, second, third = ([(each.name, each.fault) for each in made.things] for made in runs)
    assert first == second
    assert first != third


async def test_things_that_are_offline_by_turns_get_their_image(server: Server):
    part_time = traits(5, duty=Duty(0.1, 0.05), bandwidth=200_000.0)
    made = await run(server, part_time, give=downloads(sha256=SHA256))
    assert made.tally.stages[Stage.SUCCEEDED] == 5
    assert made.tally.connections > 5


async def test_a_power_cut_in_mid_download_makes_a_thing_begin_again(server: Server):
    made = fleet(server, traits(1, bandwidth=200_000.0))
    running = asyncio.create_task(made.run())
    await until(lambda: made.things and made.things[0].blocks > 2)
    made.things[0].cut_power(asyncio.get_running_loop().time())
    made.things[0].switch_on(asyncio.get_running_loop().time())
    await running
    assert made.tally.stages[Stage.SUCCEEDED] == 1
    assert made.tally.power_cuts == made.things[0].power_cuts == 1
    assert made.tally.blocks > TOTAL


async def test_power_cuts_come_at_their_rate_and_do_no_harm(server: Server):
    made = await run(server, traits(5, power_cuts=2.0, bandwidth=200_000.0), seed=2)
    assert made.tally.stages[Stage.SUCCEEDED] == 5
    assert made.tally.power_cuts >= 1


# Jobs


def offer(server: Server, names: list[str], image: bytes, **changes: object) -> None:
    server.run(lambda: server.catalog.put("OTA", {0: MemoryImage(image)}))
    said = document(image, ota={"streamname": "OTA"}, **changes)
    server.create_job("job-1", *names, document=json.dumps(said))


def names_of(count: int) -> list[str]:
    return [f"thing-{number}" for number in range(1, count + 1)]


def statuses(server: Server, count: int) -> set[str]:
    return {server.jobs.execution(name, "job-1").status.value for name in names_of(count)}


@pytest.mark.parametrize("flavour", FLAVOURS.values(), ids=lambda flavour: flavour.name)
async def test_every_thing_carries_out_its_job(server: Server, flavour):
    image = firmware("1.2.3")
    offer(server, names_of(5), image)
    made = await run(server, traits(5, flavour=flavour), give=jobs())
    assert reasons(made) == {}
    assert made.tally.stages[Stage.SUCCEEDED] == 5
    assert (made.tally.verified, made.tally.rebooted, made.tally.bytes) == (5, 5, 5 * len(image))
    await until(lambda: statuses(server, 5) == {"SUCCEEDED"})  # the last report may have QoS 0


async def test_a_job_that_comes_later_is_carried_out_too(server: Server):
    made = fleet(server, traits(3), give=jobs())
    running = asyncio.create_task(made.run())
    await until(lambda: made.tally.connected == 3)
    await asyncio.to_thread(offer, server, names_of(3), firmware("1.2.3"))
    await running
    assert made.tally.stages[Stage.SUCCEEDED] == 3


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (Fault.CRASH, "FAILED: rejected: 0xe8000000 "),
        (Fault.FLASH, "FAILED: 0x000000e3: 0x00000000 (signature check failed)"),
        (Fault.OTHER_CERTIFICATE, "FAILED: 0x000000e3: 0x00000000 (signature check failed)"),
        (Fault.NO_CERTIFICATE, "FAILED: 0x000000e7: 0x00000000 (the device does not hold the signer's certificate)"),
    ],
)
async def test_a_fault_fails_the_job_as_it_does_on_a_device(server: Server, fault: Fault, reason: str):
    offer(server, names_of(2), firmware("1.2.3"))
    made = await run(server, traits(2, failures={fault: 1.0}), give=jobs())
    (found,) = reasons(made)
    assert found.startswith(reason) or fault is Fault.CRASH, found
    assert statuses(server, 2) == {"FAILED"}


async def test_an_image_with_another_bit_fails_among_others_that_are_good(server: Server):
    offer(server, names_of(20), firmware("1.2.3"))
    made = await run(server, traits(20, failures={Fault.FLASH: 0.3, Fault.OTHER_CERTIFICATE: 0.3}), give=jobs())
    assert {each.fault for each in made.things} == {None, Fault.FLASH, Fault.OTHER_CERTIFICATE}
    for each in made.things:
        assert each.verdict is not None
        assert each.verdict.succeeded is (each.fault is None)


async def test_power_cuts_during_a_job_do_no_harm(server: Server):
    offer(server, names_of(4), image_bytes(60_000))
    hard = traits(4, power_cuts=4.0, bandwidth=150_000.0)
    made = await run(server, hard, give=jobs(), seed=2)
    assert made.tally.power_cuts >= 1
    assert statuses(server, 4) <= {"SUCCEEDED", "FAILED"}  # a cut in the self test rejects the image, as on a device
    assert sum(made.tally.reasons.values()) + made.tally.stages[Stage.SUCCEEDED] == 4


async def test_blocks_that_were_there_before_a_power_cut_are_not_counted_again(server: Server):
    size = 40 * 4096
    offer(server, names_of(1), image_bytes(size))
    made = fleet(server, traits(1, bandwidth=400_000.0), give=jobs())
    running = asyncio.create_task(made.run())
    await until(lambda: made.things and made.things[0].blocks > SYNC_EVERY + 4)
    made.things[0].cut_power(asyncio.get_running_loop().time())
    made.things[0].switch_on(asyncio.get_running_loop().time())
    await running
    assert made.tally.stages[Stage.SUCCEEDED] == 1
    assert size <= made.tally.bytes == 4096 * made.tally.blocks < size + SYNC_EVERY * 4096


async def test_a_lost_connection_in_mid_job_is_made_again(server: Server):
    offer(server, names_of(1), firmware("1.2.3"))
    made = fleet(server, traits(1, bandwidth=200_000.0), give=jobs())
    running = asyncio.create_task(made.run())
    await until(lambda: made.things and made.things[0].blocks > 2)
    connection = made.things[0].connection
    assert connection is not None
    connection.abort("pulled out")
    await running
    assert made.tally.stages[Stage.SUCCEEDED] == 1
    assert made.tally.lost_connections == made.things[0].reconnects == 1
    assert made.tally.bytes == len(firmware("1.2.3"))  # what was there stayed there


# Ends


async def test_nobody_listening_is_told_before_anything_begins():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        address = listening.getsockname()
    with pytest.raises(LinkError, match=r"nobody listens on 127\.0\.0\.1:\d+: start the simulator"):
        await run(address)


async def test_a_name_without_an_address_is_told():
    with pytest.raises(LinkError, match=r"^nowhere\.invalid:1883 cannot be reached"):
        await run(("nowhere.invalid", 1883))


async def test_what_is_not_ready_in_time_has_failed(server: Server):
    made = await run(server, traits(3), give=jobs(), limit=0.3)
    assert reasons(made) == {TIME_IS_UP: 3}


async def test_a_fleet_that_is_stopped_ends_at_once(server: Server):
    made = fleet(server, traits(3), give=jobs())
    running = asyncio.create_task(made.run())
    await until(lambda: made.tally.connected == 3)
    made.stop()
    await running
    assert reasons(made) == {STOPPED: 3}
    assert made.interrupted
    assert made.tally.connected == 0


async def test_a_broker_that_dies_in_mid_run_ends_in_a_reason(monkeypatch):
    monkeypatch.setattr(thing, "PATIENCE", 0.4)
    with serving(SHELF) as dying:
        made = fleet(dying, traits(3), give=jobs())
        running = asyncio.create_task(made.run())
        await until(lambda: made.tally.connected == 3)
    await running
    assert reasons(made) == {"no connection: connection refused": 3}
    assert made.tally.lost_connections == 3


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"\x20\x02\x00\x05", "no connection: not authorized"),
        (b"\x20\x02\x00\x02", "no connection: the client id is refused"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "no connection: the other side does not speak MQTT"),
        (None, "no connection: the connection was closed"),
    ],
)
async def test_a_broker_that_says_no_is_told_in_words(monkeypatch, answer: bytes | None, reason: str):
    monkeypatch.setattr(thing, "PATIENCE", 0.3)
    async with broker(lambda _: answer) as address:
        made = await run(address, traits(2))
    assert reasons(made) == {reason: 2}


async def test_a_broker_that_never_answers_connect_is_given_up(monkeypatch):
    monkeypatch.setattr(thing, "PATIENCE", 0.2)
    monkeypatch.setattr("ota_device.fleet.site.DIAL_TIME", 0.3)
    async with broker(lambda _: b"") as address:
        made = await run(address, traits(2))
    assert reasons(made) == {"no connection: no answer to CONNECT": 2}


async def test_mqtt_5_is_spoken_to_a_broker_that_wants_it():
    heard: list[bytes] = []

    def answer(data: bytes) -> bytes:
        heard.append(data)
        return bytes.fromhex("2003000000") if data[0] == 0x10 else b""

    async with broker(answer) as address:
        made = await run(address, traits(1), limit=0.3, target={"level": Level.V5})
    assert reasons(made) == {TIME_IS_UP: 1}
    assert heard[0][8] == 5
    assert heard[1][0] == 0x82


async def test_a_thing_pings_and_gives_up_a_broker_that_is_mute(monkeypatch):
    monkeypatch.setattr(thing, "PING_AFTER", 0.05)
    monkeypatch.setattr(thing, "PONG_WITHIN", 0.05)
    monkeypatch.setattr(thing, "PATIENCE", 0.1)
    pings: list[bytes] = []

    def answer(data: bytes) -> bytes:
        if data == b"\xc0\x00":
            pings.append(data)
        return b"\x20\x02\x00\x00" if data[0] == 0x10 else b""

    async with broker(answer) as address:
        made = await run(address, traits(1), give=jobs(), limit=0.6)
    assert pings
    assert made.tally.lost_connections >= 1


def test_too_many_things_for_the_limit_of_files_are_refused_with_how_many_fit(monkeypatch):
    monkeypatch.setattr(resource, "getrlimit", lambda _: (1024, 4096))
    raised: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "setrlimit", lambda _, limits: raised.append(limits))
    engine.make_room(2000)
    assert raised == [(2100, 4096)]
    with pytest.raises(DeviceError, match=r"5000 things need 5100 open files.* 3996 things fit"):
        engine.make_room(5000)
    with pytest.raises(DeviceError, match=r"5000 things need 10100 open files.* 1998 things fit"):
        engine.make_room(5000, by_http=5000)
