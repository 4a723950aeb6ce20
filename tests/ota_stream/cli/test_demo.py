"""`ota-stream demo` is the first thing a newcomer sees, so it is run as one."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from images import image_bytes
from ota_stream.cli.demo import DemoError, _wait_for
from processes import cli


def records(out: str) -> list[dict[str, str]]:
    return [json.loads(line) for line in out.splitlines() if line.startswith("{")]


def test_the_demo_lives_through_a_whole_update_and_shows_its_records():
    result = cli("demo")
    assert result.returncode == 0, result.stderr
    assert "SUCCEEDED: accepted v0.9.1" in result.stdout
    made = records(result.stdout)
    names = [record.get("actionType", record.get("eventType")) for record in made]
    order = ["StartCodeSigning", "CreateStream", "CreateAWSJob", "CreateOTAUpdate"]
    assert [name for name in names if name in order] == order
    rest = {"GetStream", "DescribeJobExecution", "UpdateJobExecution", "ReportFinalJobExecutionCount"}
    assert rest <= set(names)
    assert all(record["status"] == "Success" for record in made)
    boots = [line for line in result.stdout.splitlines() if line.strip().startswith("boots ")]
    assert [line.split()[1] for line in boots] == ["v0.9.0", "v0.9.1"]
    size = int(result.stdout.split("runs the ")[1].split()[0])
    assert size >= 1024 * 1024


@pytest.mark.parametrize("more", [[], ["--tls"]], ids=" ".join)
def test_the_demo_takes_the_newcomers_own_image(tmp_path: Path, more: list[str]):
    image = tmp_path / "app.bin"
    image.write_bytes(image_bytes(300_000) + b"OTA-VERSION:3.2.1")
    result = cli("demo", image, *more)
    assert result.returncode == 0, result.stderr
    assert "accepted v3.2.1" in result.stdout
    assert "the device runs the 300017 bytes" in result.stdout


@pytest.mark.parametrize(("content", "reason"), [(None, "No such file"), (b"", "1 to 25165824 bytes")])
def test_a_bad_image_is_one_line(tmp_path: Path, content: bytes | None, reason: str):
    image = tmp_path / "app.bin"
    if content is not None:
        image.write_bytes(content)
    result = cli("demo", image)
    assert result.returncode == 1
    (line,) = result.stderr.splitlines()
    assert line.startswith("error: ")
    assert reason in line


def test_a_device_that_dies_ends_the_demo(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys.modules[_wait_for.__module__], "_WITHIN", 0.2)
    dies = [sys.executable, "-c", "print('no flash')"]
    waits = [sys.executable, "-c", "import threading; threading.Event().wait()"]
    with (
        subprocess.Popen(dies, stdout=subprocess.PIPE, text=True) as device,
        pytest.raises(DemoError, match="the device has ended, the update has not:\n  no flash"),
    ):
        _wait_for(waits, device)
