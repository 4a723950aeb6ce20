"""What docs/aws.md tells to type is typed here, with the command line of AWS and the SDK."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from docs.pages import ROOT, fenced, section
from images import image_bytes
from processes import CLI, Process, cli

(README,) = fenced(section((ROOT / "README.md").read_text(encoding="utf-8"), "With boto3 and the AWS CLI"), "bash")
PAGE = (ROOT / "docs" / "aws.md").read_text(encoding="utf-8")
WHOLE, LOGGING = fenced(PAGE, "bash")
(PYTHON,) = fenced(PAGE, "python")
DEFAULT = "http://127.0.0.1:4566"

pytestmark = pytest.mark.timeout(600)  # a dozen commands that take a second each to start


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Process]:
    with Process(*CLI, "serve", "--mqtt-port", "0", "--http-port", "0", "--json", cwd=tmp_path) as server:
        yield server


def typed(command: list[str], text: str, server: Process, folder: Path) -> str:
    assert DEFAULT in PAGE
    url = f"http://127.0.0.1:{server.ready['http']['port']}"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    environment |= {"AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": str(folder / "none"), "AWS_PAGER": ""}
    text = text.replace(DEFAULT, url)
    done = subprocess.run(
        command, input=text, capture_output=True, text=True, cwd=folder, env=environment, timeout=500, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_page_runs_as_written(server: Process, tmp_path: Path):
    (tmp_path / "build").mkdir()
    (tmp_path / "build" / "app.bin").write_bytes(image_bytes(50_000))
    aws = f'aws() {{ "{sys.executable}" -m awscli --output json "$@"; }}\n'
    printed = typed(["bash", "-eu"], f"{aws}{WHOLE}\n{LOGGING}\n{README}", server, tmp_path)
    assert '"targetName": "noisy-device"' in printed
    answer, gets = re.findall(r'^\{\n    "events": .*?^\}', printed, re.MULTILINE | re.DOTALL)
    assert [json.loads(event["message"])["actionType"] for event in json.loads(answer)["events"]][:1] == [
        "StartCodeSigning"
    ]
    assert json.loads(gets)["events"] == []  # no device has asked yet
    device = cli("device", "--thing", "door-lock-7", "--once", cwd=tmp_path)
    assert device.returncode == 0, device.stdout + device.stderr
    endpoint, status, messages = typed([sys.executable, "-"], PYTHON, server, tmp_path).splitlines()
    assert endpoint == f"127.0.0.1:{server.port}"
    assert status == "CREATE_COMPLETE"
    assert '"actionType":"CreateStream"' in messages
    shown = cli("settings", "--show", cwd=tmp_path)
    assert "Debug" in shown.stdout, shown.stderr
    assert "ota-stream-logging" in shown.stdout
    changed = cli("settings", "--level", "info", "--create-role", "by-settings", cwd=tmp_path)
    assert changed.returncode == 0, changed.stderr
    assert "role/by-settings" in cli("settings", "--show", cwd=tmp_path).stdout


def test_the_page_names_the_limits_that_hold():
    from ota_stream.api.aws import gateway  # noqa: PLC0415 - what the page is held against

    said = section(PAGE, "Who answers")
    assert f"{gateway.BODY_MAX >> 20} MiB" in said
    assert f"{gateway.UPLOAD_MAX >> 20} MiB" in said
