"""What goes wrong with a device itself: how it is written, what it does to the flash, and what becomes of an update."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from images import image_bytes
from ota_device import mishaps
from ota_device.errors import DeviceError, FlashError, LinkError
from ota_device.link import Credentials, Link, LinkOptions
from ota_device.mishaps import BadFlash, PowerCut, WrongClock
from ota_device.weak_storage import MemoryStorage, WeakStorage
from ota_device.weak_storage import PowerCut as Dark
from ota_stream.testing import LocalCloud
from processes import cli, serve

IMAGE = image_bytes(40_000)


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[LocalCloud]:
    with LocalCloud(tmp_path / "cloud") as cloud:
        yield cloud


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("power-cut:write=7", PowerCut(write=7)),
        ("power-cut:block=0,seed=3", PowerCut(block=0, seed=3)),
        ("bad-flash", BadFlash()),
        ("bad-flash:how=bit,write=3", BadFlash(how="bit", write=3)),
        ("wrong-clock:days=-1.5", WrongClock(days=-1.5)),
    ],
)
def test_one_is_written_in_a_word(text: str, read: mishaps.AnyMishap):
    assert mishaps.read(text) == read


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("explode", "explode"),
        ("power-cut", "say when, by one of write=K, block=N and reboot=N"),
        ("power-cut:write=1,block=2", "say when"),
        ("power-cut:write=0", "write"),
        ("power-cut:soon", "write KIND:NAME=VALUE"),
        ("bad-flash:colour=red", "colour"),
        ("bad-flash:how=never", "never"),
    ],
)
def test_what_is_none_is_one_clear_line(text: str, said: str):
    with pytest.raises(DeviceError, match=r"docs/faults\.md") as error:
        mishaps.read(text)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("faults", "said"),
    [
        (["power-cut:write=1,seed=1", "power-cut:write=9,seed=2"], "one seed decides for all"),
        (["bad-flash", "bad-flash:how=bit"], "a device has one flash"),
        (["wrong-clock"], "this device has no TLS"),
    ],
)
def test_what_does_not_go_together_is_refused(cloud: LocalCloud, faults: list[str], said: str):
    with pytest.raises(DeviceError, match=said):
        cloud.device("t", faults=faults)


def test_two_power_cuts_are_two(cloud: LocalCloud):
    update = cloud.create_update(IMAGE, "t")
    device = cloud.device("t", faults=["power-cut:write=6", "power-cut:write=20"])
    device.run()
    assert (update.status("t"), device.lines.count("the power is cut, as was asked for")) == ("SUCCEEDED", 2)


@settings(deadline=None)
@given(
    writes=st.lists(st.tuples(st.integers(0, 30), st.binary(min_size=1, max_size=8)), min_size=1, max_size=20),
    synced=st.integers(0, 20),
    seed=st.integers(0, 99),
)
def test_what_was_made_durable_survives_a_cut_and_nothing_that_was_never_written(
    writes: list[tuple[int, bytes]], synced: int, seed: int
):
    memory = MemoryStorage()
    storage = WeakStorage(memory, seed=seed)
    whole = bytearray()
    for number, (offset, data) in enumerate(writes):
        storage.write("a", offset, data)
        if number < synced:
            storage.sync("a")
            whole = bytearray(storage.read("a") or b"")
    with pytest.raises(Dark):
        storage.cut()
    after = memory.files.get("a", bytearray())
    late = [(offset, data) for offset, data in writes[synced:]]
    for place, byte in enumerate(after):
        possible = {whole[place] if place < len(whole) else 0}
        possible |= {data[place - offset] for offset, data in late if 0 <= place - offset < len(data)}
        assert byte in possible
    assert len(after) >= len(whole)


def test_a_bad_flash_fails_or_lies_from_a_write_on():
    storage = WeakStorage(MemoryStorage(), bad=BadFlash(how="error", write=2))
    storage.write("a", 0, b"good")
    with pytest.raises(FlashError, match="flash write 2 failed: a fault that was asked for"):
        storage.write("a", 4, b"bad")
    storage = WeakStorage(MemoryStorage(), bad=BadFlash(how="bit", write=2))
    storage.write("a", 0, b"good")
    storage.write("a", 4, b"good")
    assert storage.read("a") == b"good" + bytes((ord("g") ^ 1,)) + b"ood"


@pytest.mark.parametrize("fault", ["power-cut:block=5", "power-cut:write=12,seed=4", "power-cut:block=9"])
@pytest.mark.parametrize("flavour", ["freertos", "modular-cbor", "rustot"])
def test_a_device_whose_power_was_cut_gets_its_image_all_the_same(cloud: LocalCloud, fault: str, flavour: str):
    update = cloud.create_update(IMAGE, "t")
    device = cloud.device("t", flavour, faults=[fault])
    outcome = device.run()
    assert outcome is not None
    assert (outcome.value, update.status("t"), device.runs) == ("SUCCEEDED", "SUCCEEDED", IMAGE)
    assert device.lines.count("the power is cut, as was asked for") == 1
    assert device.fetched >= len(IMAGE)


def test_a_cut_as_the_new_image_boots_spends_its_only_attempt(cloud: LocalCloud):
    update = cloud.create_update(IMAGE, "t")
    device = cloud.device("t", faults=["power-cut:reboot=1"])
    outcome = device.run()
    assert outcome is not None
    assert (outcome.value, update.status("t")) == ("FAILED", "FAILED")
    assert device.runs != IMAGE


def test_an_image_with_a_wrong_bit_is_refused_and_a_flash_that_fails_ends_the_device(cloud: LocalCloud):
    update = cloud.create_update(IMAGE, "t", "u")
    lying = cloud.device("t", faults=["bad-flash:how=bit,write=6"])
    outcome = lying.run()
    assert outcome is not None
    assert (outcome.value, update.status("t"), lying.runs == IMAGE) == ("FAILED", "FAILED", False)
    with pytest.raises(FlashError, match="flash write 6 failed"):
        cloud.device("u", faults=["bad-flash:write=6"]).run()
    assert update.status("u") in {"QUEUED", "IN_PROGRESS"}


def test_the_command_plays_them_too(tmp_path: Path):
    firmware = tmp_path / "fw.bin"
    firmware.write_bytes(IMAGE)
    data = tmp_path / "data"
    with serve(firmware, data):
        made = cli("update", firmware, "--target", "lock", "--data-dir", data)
        assert made.returncode == 0, made.stderr
        arguments = ("device", "--thing", "lock", "--flash", tmp_path / "flash", "--data-dir", data, "--once")
        done = cli(*arguments, "--fault", "power-cut:block=2")
        assert done.returncode == 0, done.stderr
        assert "the power is cut, as was asked for" in done.stdout
        wrong = cli(*arguments, "--fault", "explode")
        assert wrong.returncode == 1
        assert wrong.stderr.startswith("error: fault 'explode'")
        plain = cli(*arguments, "--fault", "wrong-clock")
        assert (plain.returncode, plain.stderr.partition(":")[0]) == (1, "error")
        assert "give --tls too" in plain.stderr


@pytest.mark.parametrize(("days", "said"), [(-20_000.0, "is not yet valid"), (40_000.0, "has expired")])
def test_by_a_wrong_clock_the_servers_certificate_is_not_valid(tmp_path: Path, days: float, said: str):
    with LocalCloud(tmp_path / "cloud", tls=True) as cloud:
        made = cli("certs", "thing", "t", "-o", tmp_path / "certs", "--data-dir", tmp_path / "cloud")
        assert made.returncode == 0, made.stderr
        folder = tmp_path / "certs"
        files = Credentials(folder / "t.cert.pem", folder / "t.private.key", folder / "ca.pem")
        right = LinkOptions(credentials=files)
        with Link(*cloud.mqtts, "t", right):
            pass
        wrong = LinkOptions(credentials=files, days_off=days)
        with pytest.raises(LinkError, match=said), Link(*cloud.mqtts, "t", wrong):
            pass
