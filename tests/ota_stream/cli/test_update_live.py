"""The whole life of an update with real processes: serve, update, device, and a death in between."""

import json
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from images import image_bytes
from processes import cli, cli_here, serve

IMAGE = image_bytes(60_000)


@pytest.fixture
def firmware(tmp_path: Path) -> Path:
    path = tmp_path / "app.bin"
    path.write_bytes(IMAGE)
    return path


def printed(text: str) -> dict[str, str]:
    return dict(line.split(maxsplit=1) for line in text.splitlines() if "  " in line)


def device(executor: ThreadPoolExecutor, tmp_path: Path, port: int, certificate: str) -> Future:
    flash = ["--flash", tmp_path / "flash", "--ca", certificate, "--once"]
    return executor.submit(cli, "device", "--thing", "lock-1", "--port", str(port), *flash)


def test_an_update_outlives_the_simulator_and_reaches_its_device(tmp_path: Path, firmware: Path):
    data_dir = tmp_path / "data"
    with serve(firmware, data_dir) as simulator:
        made = cli("update", firmware, "--target", "lock-1", "--id", "u1", "--data-dir", data_dir)
        assert made.returncode == 0, made.stderr
        simulator.kill()
    gone = cli_here("jobs", "list", "--data-dir", data_dir)
    assert (gone.returncode, len(gone.stderr.splitlines())) == (1, 1)
    assert "has died" in gone.stderr
    with serve(firmware, data_dir) as simulator, ThreadPoolExecutor() as executor:
        running = device(executor, tmp_path, simulator.port, printed(made.stdout)["certificate"])
        assert running.result().returncode == 0, running.result().stderr
        shown = json.loads(cli_here("jobs", "show", "AFR_OTA-u1", "--json", "--data-dir", data_dir).stdout)
        assert [(one["thingName"], one["status"]) for one in shown["executions"]] == [("lock-1", "SUCCEEDED")]
        listed = cli_here("updates", "list", "--data-dir", data_dir).stdout
        assert "u1      CREATE_COMPLETE" in listed


@pytest.mark.parametrize(
    ("damage", "code", "ended"),
    [
        (None, 0, "lock-1: SUCCEEDED: accepted v0.9.1"),
        ("wrong-key", 1, "lock-1: FAILED: signature check failed (0x000000e3: 0x00000000)"),
        ("corrupted", 1, "lock-1: FAILED: signature check failed (0x000000e3: 0x00000000)"),
    ],
)
def test_waiting_tells_how_the_device_has_ended(
    tmp_path: Path, firmware: Path, damage: str | None, code: int, ended: str
):
    data_dir = tmp_path / "data"
    with serve(firmware, data_dir) as simulator, ThreadPoolExecutor() as executor:
        first = cli_here(
            "update", firmware, "--target", "other", "--data-dir", data_dir
        )  # its certificate is all we need
        running = device(executor, tmp_path, simulator.port, printed(first.stdout)["certificate"])
        spoilt = [] if damage is None else ["--damage", damage]
        update = cli("update", firmware, "--target", "lock-1", "--wait", "--data-dir", data_dir, *spoilt)
        assert (update.returncode, update.stdout.splitlines()[-1]) == (code, ended), update.stderr
        assert running.result().returncode == code
