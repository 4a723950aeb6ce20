"""Locust carries a fleet: a master and two workers, each a shard of things, against a real simulator."""

import csv
import subprocess
import sys
from pathlib import Path

import pytest

from images import image_bytes
from processes import serve
from shared_world import free_port

PATH = [sys.executable, "-m", "ota_stream.locust.locustfile"]


def table(path: Path) -> list[dict[str, str]]:
    with path.open() as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def locustfile() -> str:
    done = subprocess.run(PATH, capture_output=True, text=True, timeout=60, check=True)
    return done.stdout.strip()


def locust(*arguments: str | Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "locust", *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def test_a_master_and_two_workers_load_a_simulator(tmp_path: Path, locustfile: str):
    (tmp_path / "app.bin").write_bytes(image_bytes(60_000))
    port = free_port()
    with serve(tmp_path / "app.bin", tmp_path / "data") as server:
        what = ["-f", locustfile, "--host", f"mqtt://127.0.0.1:{server.port}"]
        load = ["--stream", "fw", "--things", "20", "-u", "2", "-r", "2", "-t", "5s", "--csv", tmp_path / "out"]
        bind = ["--master-bind-host", "127.0.0.1", "--master-bind-port", str(port)]
        report = ["--html", tmp_path / "out.html"]
        master = locust(*what, "--master", *bind, "--expect-workers", "2", "--headless", *load, *report)
        join = ["--worker", "--master-host", "127.0.0.1", "--master-port", str(port)]
        workers = [locust("-f", locustfile, *join) for _ in range(2)]
        said = [process.communicate(timeout=90)[0] for process in (master, *workers)]
    assert master.returncode == 0, said
    rows = {row["Name"]: row for row in table(tmp_path / "out_stats.csv")}
    assert {"GetStream", "Image"} <= rows.keys(), said
    images, blocks = int(rows["Image"]["Request Count"]), int(rows["GetStream"]["Request Count"])
    assert images >= 40, said  # 2 shards of 20 things, again and again
    assert blocks >= 15 * images
    assert rows["Image"]["Failure Count"] == rows["GetStream"]["Failure Count"] == "0"
    assert (tmp_path / "out.html").stat().st_size > 10_000


def test_a_broker_that_is_not_there_is_a_failure(locustfile: str):
    what = ["-f", locustfile, "--host", f"mqtt://127.0.0.1:{free_port()}", "--headless", "-u", "1", "-t", "2s"]
    alone = locust(*what, "--stream", "fw")
    said, _ = alone.communicate(timeout=60)
    assert alone.returncode == 1, said
    assert "nobody listens on" in said
