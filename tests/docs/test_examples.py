"""Every file in examples/ runs as its page says, against one simulator, or is run by the test that is named here."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from docs.pages import ROOT, table
from images import image_bytes
from live import RawClient
from ota_stream.testing import LocalCloud
from processes import cli

EXAMPLES = ROOT / "examples"
ELSEWHERE = {
    "own_agent.py": "ota_stream/scenarios/test_catalogue.py",
    "broker.yaml": "ota_broker/test_amqtt.py",
    "fleet.yaml": "ota_stream/cli/test_fleet.py",
    "fleet-with-faults.yaml": "ota_stream/cli/test_fleet_cloud.py",
    "fleet-dashboard.json": "docs/test_fleets.py",
    "test_update.py": "ota_stream/testing/test_pytest_plugin.py",
    "test_seven_days.py": "ota_stream/testing/test_pytest_plugin.py",
    "test_lost_block.py": "ota_stream/testing/test_pytest_plugin.py",
    "test_diagnosis.py": "ota_stream/testing/test_pytest_plugin.py",
}
IMAGE = image_bytes(100_000)
PATIENCE = 90.0  # seconds


class Desk:
    """A folder with an image in it, a simulator that serves it, and a shell whose environment leads there."""

    def __init__(self, folder: Path, cloud: LocalCloud) -> None:
        self.folder = folder
        self.cloud = cloud
        self.environment = {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "HOME": str(folder),
            "AWS_ENDPOINT_URL": cloud.http,
            "AWS_ACCESS_KEY_ID": "any",
            "AWS_SECRET_ACCESS_KEY": "any",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def begin(self, name: str, *arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-W", "error"] if name.endswith(".py") else []
        return subprocess.Popen(
            [*command, str(EXAMPLES / name), *arguments],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, name: str, *arguments: str) -> str:
        """Run an example to its end and return what it prints."""
        return told(self.begin(name, *arguments))

    @property
    def copy(self) -> bytes:
        return (self.folder / "copy.bin").read_bytes()


def told(running: subprocess.Popen[str]) -> str:
    with running:
        said, complaint = running.communicate(timeout=PATIENCE)
        assert running.returncode == 0, said + complaint
        return said


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp("examples")
    (folder / "app.bin").write_bytes(IMAGE)
    settings = {"firmware": [str(folder / "app.bin")], "quotas": "off", "tls": True}
    with LocalCloud(folder / "cloud", **settings) as cloud:
        yield Desk(folder, cloud)


def test_a_download_with_paho_alone(desk: Desk):
    assert desk.run("get_stream.py", "app", "copy.bin", str(desk.cloud.mqtt[1])) == (
        "copy.bin: 100000 bytes in 25 blocks\n"
    )
    assert desk.copy == IMAGE


def test_a_download_in_cbor_which_loss_does_not_harm(desk: Desk):
    faults = desk.cloud.faults
    lost = faults.add("drop", thing="example-cbor", operation="GetStream", share=0.3, seed=7)
    said = desk.run("get_stream_cbor.py", "app", "copy.bin", str(desk.cloud.mqtt[1]))
    assert faults.hits(lost) > 0
    faults.clear()
    assert (desk.copy, int(re.findall(r"in (\d+) requests", said)[0]) > 2) == (IMAGE, True)


def test_a_device_with_a_certificate(desk: Desk):
    desk.cloud.create_update(IMAGE, "door-lock-6")
    minted = cli(
        "certs", "thing", "door-lock-6", "-o", "certs", "--data-dir", str(desk.folder / "cloud"), cwd=desk.folder
    )
    assert minted.returncode == 0, minted.stderr
    said = desk.run("mtls_device.py", "door-lock-6", "certs", str(desk.cloud.mqtts[1]))
    assert '"status": "IN_PROGRESS"' in said


def test_a_download_by_a_presigned_url(desk: Desk):
    update = desk.cloud.create_update(IMAGE, "door-lock-8", protocol="HTTP")
    said = desk.run("http_download.py", "door-lock-8", "copy.bin")
    assert said == f"copy.bin: 100000 of 100000 bytes; {update.job_id} is SUCCEEDED\n"
    assert (desk.copy, update.status("door-lock-8")) == (IMAGE, "SUCCEEDED")


def test_an_update_with_boto3(desk: Desk):
    assert re.match(r"CREATE_COMPLETE AFR_OTA-u1\n", desk.run("boto3_update.py", "app.bin", "door-lock-7"))
    device = desk.cloud.device("door-lock-7")
    device.run()
    assert device.runs == IMAGE


def test_an_update_with_the_aws_cli(desk: Desk):
    with desk.begin("aws_cli_update.sh", "app.bin", "door-lock-9") as script:
        device = desk.cloud.device("door-lock-9")
        device.run()  # waits for its job
        assert told(script).endswith("door-lock-9: SUCCEEDED\n")
    assert device.runs == IMAGE


def test_the_power_is_cut_at_each_write(desk: Desk):
    assert re.match(r"recovered (\d+)/\1: ", desk.run("power_cut_sweep.py"))


def test_the_log_as_it_is_written(desk: Desk):
    with RawClient(desk.cloud.mqtt) as device:
        device.connect("tailed")
        ask = ("$aws/things/tailed/streams/app/get/json", b'{"f":0,"l":512,"o":0,"n":1}')
        device.publish(*ask)  # the group is there once something was written
        device.messages()
        with desk.begin("live_tail.py", "2") as tail:
            assert tail.stdout is not None
            assert tail.stdout.readline() == "following\n"
            for _ in range(2):
                device.publish(*ask)
            said = told(tail)
    assert [line.split()[2:] for line in said.splitlines()] == [["tailed", "GetStream", "Success"]] * 2


@pytest.mark.parametrize(("name", "test"), ELSEWHERE.items())
def test_an_example_is_run_by_another_test(name: str, test: str):
    assert f'"{name}"' in (ROOT / "tests" / test).read_text(encoding="utf-8") or f"examples/{name}" in (
        ROOT / "tests" / test
    ).read_text(encoding="utf-8")


def test_every_example_is_run_and_on_the_page():
    page = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    files = {path.relative_to(EXAMPLES).as_posix() for path in EXAMPLES.rglob("*") if path.is_file()}
    files = {name for name in files if "__pycache__" not in name and "misbehaving/" not in name} - {"README.md"}
    run_here = set(re.findall(r'(?:run|begin)\("([\w.-]+)"', Path(__file__).read_text(encoding="utf-8")))
    assert files == set(ELSEWHERE) | run_here
    assert {name for row in table(page, "example") for name in re.findall(r"\]\(([^)]+)\)", row["example"])} == files
    assert len(files) >= 10
