"""The whole life of an update with real processes, and with deaths in the middle of it."""

import contextlib
import json
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from device_world import firmware
from ota_device.flash import Flash
from ota_device.flavours import FLAVOURS
from ota_device.reasons import words
from ota_device.storage import FolderStorage
from ota_stream.cli.control_client import connect
from ota_stream.errors import OtaStreamError
from processes import CLI, Process, cli, serve
from shared_world import free_port

THING = "lock-1"
UPDATE = "UpdateJobExecution"
WITHIN = 120.0  # seconds for a process to end
SMALL = firmware()
LARGE = firmware(size=8 * 1024 * 1024)
LARGEST_OF_FREERTOS = firmware(size=1024 * 4096)  # what its bitmap takes

pytestmark = pytest.mark.timeout(300)  # half a dozen processes one after the other, beside others


def until(condition: Callable[[], Any], what: str) -> Any:
    """Poll until something is true, and return it."""
    deadline = time.monotonic() + WITHIN
    while not (found := condition()):
        assert time.monotonic() < deadline, f"{what}: not within {WITHIN:g} s"
        time.sleep(0.002)
    return found


class Place:
    """Where one simulator and one device keep what they have."""

    def __init__(self, folder: Path, image: bytes) -> None:
        self.data, self.flash, self.image = folder / "data", folder / "flash", image
        self.file = folder / "app.bin"
        self.file.write_bytes(image)
        self._ports = ["--mqtt-port", str(free_port()), "--http-port", str(free_port())]

    def simulator(self) -> contextlib.AbstractContextManager[Process]:
        """Start the simulator, each time on the same ports, which nobody else is given while it is dead."""
        return serve(self.file, self.data, *self._ports)

    def update(self, *more: str) -> subprocess.CompletedProcess[str]:
        return cli("update", self.file, "--target", THING, "--id", "u1", "--data-dir", self.data, *more)

    def device(self, flavour: str) -> contextlib.AbstractContextManager[subprocess.Popen[str]]:
        more = ["--thing", THING, "--flavour", flavour, "--flash", self.flash, "--data-dir", self.data, "--once"]
        return started("device", *map(str, more))

    @property
    def runs(self) -> bytes:
        """The image in the slot that is booted."""
        flash = Flash(FolderStorage(self.flash))
        return flash.image(flash.known.current)

    def here(self) -> int:
        """How many blocks of the download the flash has for certain."""
        marks = self.flash / "slot-b.blocks"
        return sum(marks.read_bytes()) if marks.is_file() else 0

    def execution(self) -> dict[str, Any]:
        """The execution as the simulator shows it."""
        (found,) = connect(self.data, None).pages("jobs", "AFR_OTA-u1", member="executions")["executions"]
        return dict(found)

    def progress(self) -> dict[str, Any] | None:
        """The execution, once the device has reported blocks."""
        found = self.execution()
        return found if "receive" in found.get("statusDetails", {}).get("detailsMap", {}) else None

    def records(self) -> list[dict[str, Any]]:
        """What the log has."""
        return [json.loads(line) for line in cli("logs", "--data-dir", self.data, "--json").stdout.splitlines()]


@contextmanager
def started(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Run `ota-stream` beside the test; kill it at the end if it still runs."""
    with subprocess.Popen([*CLI, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def story(device: subprocess.Popen[str]) -> tuple[int, list[str]]:
    """Wait for the end of a device: its exit code and its lines."""
    out, err = device.communicate(timeout=WITHIN)
    return device.returncode, [*out.splitlines(), *err.splitlines()]


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_every_flavour_takes_an_update_from_process_to_process(tmp_path, flavour):
    """GreaterVersion, with processes."""
    place = Place(tmp_path, SMALL)
    with place.simulator(), place.device(flavour) as device:
        update = place.update("--wait")
        assert update.returncode == 0, update.stdout + update.stderr
        assert update.stdout.splitlines()[-1].startswith(f"{THING}: SUCCEEDED")
        code, lines = story(device)
        assert (code, lines[-1]) == (0, "job AFR_OTA-u1: SUCCEEDED, v0.9.1")
        assert place.execution()["status"] == "SUCCEEDED"
    assert place.runs == SMALL


def test_a_corrupted_signature_ends_in_words_and_exit_code_1(tmp_path):
    """CorruptSignature, with processes."""
    place = Place(tmp_path, SMALL)
    with place.simulator(), place.device("freertos") as device:
        update = place.update("--wait", "--damage", "corrupted")
        assert update.returncode == 1
        assert update.stdout.splitlines()[-1] == f"{THING}: FAILED: signature check failed (0x000000e3: 0x00000000)"
        code, lines = story(device)
        assert (code, lines[-1]) == (
            1, "job AFR_OTA-u1: FAILED, 0x000000e3: 0x00000000 (signature check failed)"
        )  # fmt: skip
        assert words(place.execution()["statusDetails"]["detailsMap"]["reason"]) == "signature check failed"
    assert place.runs != SMALL


def test_a_simulator_that_is_killed_in_mid_download_comes_back_with_all_it_has_acknowledged(tmp_path):
    """Simulator killed in mid-download: the device resumes; version and execution number go on."""
    place = Place(tmp_path, LARGEST_OF_FREERTOS)
    with place.simulator() as simulator:
        assert place.update().returncode == 0
        with place.device("freertos") as device:
            told = until(place.progress, "the first report")
            simulator.kill()
            assert device.poll() is None
            with place.simulator() as again:
                assert again.ready["mqtt"] == simulator.ready["mqtt"]
                kept = place.execution()
                assert kept["versionNumber"] >= told["versionNumber"] >= 2
                code, lines = story(device)
                ended = place.execution()
    assert (code, lines[-1]) == (0, "job AFR_OTA-u1: SUCCEEDED, v0.9.1")
    assert "the connection was lost and is back" in lines
    assert (ended["status"], ended["executionNumber"]) == ("SUCCEEDED", told["executionNumber"])
    assert ended["queuedAt"] == told["queuedAt"]
    assert ended["startedAt"] == told["startedAt"]
    assert ended["versionNumber"] > kept["versionNumber"]
    versions = [int(record["versionNumber"]) for record in place.records() if record.get("eventType") == UPDATE]
    assert sorted(versions) == versions
    assert set(range(2, told["versionNumber"] + 1)) <= set(versions), "what was acknowledged is in the log"
    assert versions[-1] == ended["versionNumber"]
    assert place.runs == LARGEST_OF_FREERTOS


def test_a_large_download_outlives_a_simulator_that_is_killed_twice(tmp_path):
    """Simulator killed twice: 8 MiB, one block a request."""
    place = Place(tmp_path, LARGE)
    with contextlib.ExitStack() as opened:
        simulator = opened.enter_context(place.simulator())
        assert place.update().returncode == 0
        device = opened.enter_context(place.device("modular-cbor"))
        for blocks in (64, 256):
            until(lambda blocks=blocks: place.here() >= blocks, f"{blocks} blocks")
            simulator.kill()
            assert device.poll() is None
            simulator = opened.enter_context(place.simulator())
        code, lines = story(device)
        ended = place.execution()
    assert (code, lines[-1]) == (0, "job AFR_OTA-u1: SUCCEEDED, v0.9.1")
    assert lines.count("the connection was lost and is back") == 2
    assert sum(line.startswith("job AFR_OTA-u1: ") for line in lines) == 2, "begun once, ended once"
    assert (ended["status"], ended["executionNumber"], ended["versionNumber"]) == ("SUCCEEDED", 1, 4)
    assert place.runs == LARGE


def test_a_device_that_is_killed_in_mid_download_goes_on_from_its_flash(tmp_path):
    """Device killed in mid-download."""
    place = Place(tmp_path, LARGE)
    with place.simulator():
        assert place.update().returncode == 0
        with place.device("modular-cbor") as killed:
            until(lambda: place.here() >= 64, "64 blocks")
            killed.kill()
            killed.wait(WITHIN)
        here = place.here()
        assert 64 <= here < 2048
        with place.device("modular-cbor") as device:
            code, lines = story(device)
        ended = place.execution()
    assert f"{here} of 2048 blocks are here from before" in lines
    assert (code, lines[-1]) == (0, "job AFR_OTA-u1: SUCCEEDED, v0.9.1")
    assert (ended["status"], ended["executionNumber"]) == ("SUCCEEDED", 1)
    assert place.runs == LARGE


def test_an_update_made_while_the_device_is_off_reaches_it_later(tmp_path):
    """Job created while the device is offline, with processes: even the simulator was off in between."""
    place = Place(tmp_path, SMALL)
    with place.simulator() as simulator:
        assert place.update().returncode == 0
        assert (place.execution()["status"], place.execution()["versionNumber"]) == ("QUEUED", 1)
        assert simulator.stop() == 0
    with pytest.raises(OtaStreamError):
        place.execution()
    with place.simulator(), place.device("rustot") as device:
        code, lines = story(device)
        assert (code, lines[-1]) == (0, "job AFR_OTA-u1: SUCCEEDED, v0.9.1")
        assert (place.execution()["status"], place.execution()["executionNumber"]) == ("SUCCEEDED", 1)
    names = [record.get("actionType", record.get("eventType")) for record in place.records()]
    assert names[:4] == ["StartCodeSigning", "CreateStream", "CreateAWSJob", "CreateOTAUpdate"]
    assert names[-1] == "ReportFinalJobExecutionCount"
    assert place.runs == SMALL
