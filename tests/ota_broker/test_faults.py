"""What the machine does to a running simulator: no room on the disk, no right to write, no descriptors left."""

import contextlib
import json
import os
import resource
import socket
import subprocess
from pathlib import Path
from typing import Any

import live
from images import image_bytes
from live import RawClient
from ota_stream.cli.control_client import connect
from ota_stream.logs.events import Wanted
from ota_stream.stores.log_events import FOREVER, StoredEvents
from processes import CLI, Process, cli, serve, tool

GET = "$aws/things/d/streams/fw/get/json"
JOBS = "$aws/things/d/jobs"


def update(client: RawClient, job_id: str, step: int) -> dict[str, Any]:
    """Report progress and return the answer."""
    body = {"status": "IN_PROGRESS", "statusDetails": {"step": str(step)}, "includeJobExecutionState": True}
    client.publish(f"{JOBS}/{job_id}/update", json.dumps(body).encode())
    return next(json.loads(payload) for topic, payload in client.messages() if topic.endswith("/update/accepted"))


def version(data_dir: Path, job_id: str) -> int:
    (execution,) = connect(data_dir, None).pages("jobs", job_id, member="executions")["executions"]
    return int(execution["versionNumber"])


def test_a_full_disk_keeps_changes_waiting_until_there_is_room(firmware: Path, tmp_path: Path):  # R8
    data_dir = tmp_path / "data"
    with serve(firmware, data_dir) as process, RawClient(process.address) as client:
        assert cli("update", firmware, "--target", "d", "--id", "u1", "--data-dir", data_dir).returncode == 0
        client.connect("d")
        _, hard = resource.prlimit(process.popen.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(process.popen.pid, resource.RLIMIT_FSIZE, (1000, hard))  # no file may grow beyond
        told = [update(client, "AFR_OTA-u1", step)["executionState"]["versionNumber"] for step in range(5)]
        assert told == [2, 3, 4, 5, 6], "devices are answered"
        refused = cli("update", firmware, "--target", "e", "--id", "u2", "--data-dir", data_dir)
        assert refused.returncode != 0, "an operator is told"
        assert refused.stderr.startswith("error: ")
        resource.prlimit(process.popen.pid, resource.RLIMIT_FSIZE, (hard, hard))
        update(client, "AFR_OTA-u1", 5)
        process.kill()
    assert "state: " in process.end_of_errors()
    assert "Traceback" not in process.err
    with serve(firmware, data_dir):
        assert version(data_dir, "AFR_OTA-u1") == 7


def bound() -> list[str]:
    """Return what a command begins with so that permissions hold for it, whoever runs the tests."""
    return [tool("setpriv"), "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []


def test_a_data_directory_that_cannot_be_written_is_one_clear_line(tmp_path: Path):  # R7
    (tmp_path / "data").mkdir(mode=0o500)
    command = [*bound(), *CLI, "serve", "--data-dir", str(tmp_path / "data"), "--mqtt-port", "0"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 1
    (line,) = ended.stderr.splitlines()
    assert line.startswith("error: ")
    assert str(tmp_path / "data") in line


def test_a_data_directory_that_becomes_read_only_stops_nobody(firmware: Path, tmp_path: Path):  # R8
    data_dir = tmp_path / "data"
    command = [*bound(), *CLI, "serve", firmware, "--stream-id", "fw", "--data-dir", data_dir, "--json"]
    with (
        Process(*command, "--mqtt-port", "0", "--http-port", "0", "--quotas", "off") as process,
        RawClient(process.address) as client,
    ):
        client.connect("d")
        folders = [path for path in (data_dir, *data_dir.rglob("*")) if path.is_dir()]
        for folder in folders:
            folder.chmod(0o500)
        for number in range(20):
            client.publish(GET, b'{"f":0,"l":256,"n":1,"c":"%d"}' % number)
            assert len(client.messages()) == 1
        for folder in folders:
            folder.chmod(0o700)
        client.publish(GET, b'{"f":0,"l":256,"n":1,"c":"20"}')
        assert len(client.messages()) == 1
        live.wait_until(lambda: len(tokens(data_dir)) == 21, "written when it can be")
        assert process.stop() == 0
    assert "Traceback" not in process.err
    assert tokens(data_dir) == [str(number) for number in range(21)]


def test_descriptors_that_run_out_keep_newcomers_out_and_nobody_else(firmware: Path, tmp_path: Path):  # A6
    with serve(firmware, tmp_path / "data") as process, RawClient(process.address) as client:
        client.connect("d")
        files = Path(f"/proc/{process.popen.pid}/fd")
        open_now = len(list(files.iterdir()))
        _, hard = resource.prlimit(process.popen.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(process.popen.pid, resource.RLIMIT_NOFILE, (open_now + 10, hard))
        with contextlib.ExitStack() as opened:
            for _ in range(40):
                opened.enter_context(RawClient(process.address))
            for number in range(20):
                client.publish(GET, b'{"f":0,"l":256,"n":1,"c":"%d"}' % number)
                assert len(client.messages()) == 1
        live.wait_until(lambda: len(list(files.iterdir())) <= open_now + 1, "all are gone")
        with RawClient(process.address) as late:
            late.connect("late")
            assert late.until_ping() == []
        assert len(tokens(tmp_path / "data")) == 20
        assert process.stop() == 0
    assert "Traceback" not in process.err


def resident(process: Process) -> int:
    """Return resident memory in bytes."""
    status = Path(f"/proc/{process.popen.pid}/status").read_text().splitlines()
    return next(1024 * int(line.split()[1]) for line in status if line.startswith("VmRSS"))


def test_readers_that_do_not_read_hold_no_more_than_is_said(tmp_path: Path):  # R22
    count, bound = 40, 2 * 1024 * 1024 + 400_000  # docs/resilience.md: twice 1 MiB, an answer, what came in
    firmware = tmp_path / "app.bin"
    firmware.write_bytes(image_bytes(131_072 * 4))
    with serve(firmware, tmp_path / "data") as process, contextlib.ExitStack() as opened:
        canary = opened.enter_context(RawClient(process.address))
        canary.connect("canary")
        for block in range(4):
            canary.publish(GET, b'{"f":0,"l":131072,"o":%d,"n":1}' % block)
        assert len(canary.messages()) == 4, "the blocks are in memory now"
        before = resident(process)
        for number in range(count):
            stuck = opened.enter_context(RawClient(process.address))
            stuck.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            stuck.connect(f"stuck-{number}")
            ask = live.packet(0x30, live.text(GET) + b'{"f":0,"l":131072,"o":%d,"n":1}' % (number % 4))
            stuck.send(ask * 300)  # 38 MiB of data
            canary.publish(GET, b'{"f":0,"l":256,"n":1}')
            assert len(canary.messages()) == 1
        grown = resident(process) - before
        assert grown < count * bound


def tokens(data_dir: Path) -> list[str]:
    with contextlib.closing(StoredEvents(data_dir)) as events:
        found = events.read("AWSIotLogsV2", Wanted(start=0, end=FOREVER))
        return [json.loads(event.message)["clientToken"] for event in found]
