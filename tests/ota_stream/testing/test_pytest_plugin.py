"""The pytest plugin: a new cloud for every test, in every worker; the examples; what a failed test shows."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from docs.pages import ROOT

PLUGIN = "ota_stream.pytest_plugin"
pytestmark = pytest.mark.timeout(300)  # pytest is started in pytest, with workers

EXAMPLES = ("test_update.py", "test_seven_days.py", "test_lost_block.py", "test_diagnosis.py")
TESTS = """
import pytest

@pytest.mark.parametrize("number", range(4))
def test_every_test_has_a_cloud_of_its_own(number, ota_cloud, ota_update, ota_records):
    assert ota_records() == []
    ota_update(b"image")
    assert ota_update(b"image", "other").ota_update_id == "update-2"

@pytest.mark.ota_cloud(log_level="disabled")
def test_a_cloud_as_the_test_wants_it(ota_update, ota_device, ota_records):
    ota_update(b"image")
    ota_device.run()
    assert ota_records() == []
"""
FAILS = """
def test_that_fails(ota_update, ota_device, ota_faults):
    ota_faults.add("reject", operation="GetStream", code="InvalidTopic", attempts="1-30")
    ota_update(b"image")
    ota_device.run()
    assert ota_device.runs == b"another image"
"""


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run pytest as a user does, in a folder without our settings."""
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        PLUGIN,
        "-p",
        "no:asyncio",
        "-W",
        "error",
        "--strict-markers",
        *arguments,
    ]
    own = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, timeout=100, check=False, env=own)


def test_a_new_cloud_for_every_test_in_every_worker(tmp_path: Path):
    (tmp_path / "test_it.py").write_text(TESTS)
    for workers in ((), ("-n", "2")):
        done = run(tmp_path, *workers)
        assert "5 passed" in done.stdout, done.stdout + done.stderr


def test_a_failed_test_shows_the_records_and_what_is_wrong(tmp_path: Path):
    (tmp_path / "test_it.py").write_text(FAILS)
    done = run(tmp_path)
    assert "1 failed" in done.stdout, done.stdout + done.stderr
    _, _, shown = done.stdout.partition("AWSIoTLogsV2 records")
    for action in ("CreateOTAUpdate", "GetStream", "UpdateJobExecution"):
        assert action in shown
    _, _, found = shown.partition("- diagnosis -")
    assert re.search(r"thing-1: .*\[[a-z-]+, [A-Z]+-\d+\]\n.*\n    -> ", found), found


def test_the_examples_pass(tmp_path: Path):
    for name in EXAMPLES:  # a test each; together, since pytest takes longer to start than they do
        (tmp_path / name).write_text((ROOT / "examples" / name).read_text())
    done = run(tmp_path)
    assert f"{len(EXAMPLES)} passed" in done.stdout, done.stdout + done.stderr
    assert done.returncode == 0


def test_pytest_finds_it_and_ten_lines_are_enough():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    # The entry point is named as the module, so that `-p` and pytest's own search find one plugin, not two.
    assert project["entry-points"]["pytest11"] == {PLUGIN: PLUGIN}
    _, _, test = (ROOT / "examples" / EXAMPLES[0]).read_text().partition("def ")
    assert len(test.splitlines()) <= 10
