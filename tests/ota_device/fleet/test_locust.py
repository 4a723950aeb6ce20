"""Locust carries a fleet: a master and two workers, each a shard of things, against a real simulator."""

import csv
import subprocess
import sys
from pathlib import Path

import pytest

from images import image_bytes
from ota_stream.cli.control_client import connect
from processes import serve
from shared_world import deaf_port, free_port

PATH = [sys.executable, "-m", "ota_stream.locust.locustfile"]
WITHIN = 120.0  # seconds for a process to end: Locust takes ten to start where others work too

pytestmark = pytest.mark.timeout(300)  # a simulator and three of Locust's processes


def table(path: Path) -> list[dict[str, str]]:
    with path.open() as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def locustfile() -> str:
    done = subprocess.run(PATH, capture_output=True, text=True, timeout=WITHIN, check=True)
    return done.stdout.strip()


def locust(*arguments: str | Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "locust", *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def distributed(tmp_path: Path, locustfile: str, port: int, *load: str | Path) -> tuple[int, list[str]]:
    """Run a master and two workers to their end; return the master's exit code, and what they said."""
    bind_port = str(free_port())
    bind = ["--master-bind-host", "127.0.0.1", "--master-bind-port", bind_port]
    results = ["--csv", tmp_path / "out", "--html", tmp_path / "out.html"]
    what = ["-f", locustfile, "--host", f"mqtt://127.0.0.1:{port}", "-u", "2", "-r", "2"]
    master = locust(*what, "--master", *bind, "--expect-workers", "2", "--headless", *load, *results)
    join = ["--worker", "--master-host", "127.0.0.1", "--master-port", bind_port]
    workers = [locust("-f", locustfile, *join) for _ in range(2)]
    said = [process.communicate(timeout=WITHIN)[0] for process in (master, *workers)]
    return master.returncode, said


def test_a_master_and_two_workers_load_a_simulator(tmp_path: Path, locustfile: str):
    (tmp_path / "app.bin").write_bytes(image_bytes(60_000))
    with serve(tmp_path / "app.bin", tmp_path / "data") as server:
        load = ["--stream", "fw", "--things", "3", "-t", "5s"]
        code, said = distributed(tmp_path, locustfile, server.port, *load)
    assert code == 0, said
    rows = {row["Name"]: row for row in table(tmp_path / "out_stats.csv")}
    assert {"GetStream", "Image"} <= rows.keys(), said
    images, blocks = int(rows["Image"]["Request Count"]), int(rows["GetStream"]["Request Count"])
    assert images > 2 * 3, said  # 2 shards of 3 things, again and again: a busy machine carries 25 images in that time
    assert blocks >= 15 * images
    assert rows["Image"]["Failure Count"] == rows["GetStream"]["Failure Count"] == "0"
    assert (tmp_path / "out.html").stat().st_size > 10_000


def test_shards_of_agents_carry_out_updates(tmp_path: Path, locustfile: str):
    (tmp_path / "app.bin").write_bytes(image_bytes(60_000))
    with serve(tmp_path / "app.bin", tmp_path / "data") as server:
        load = ["--update", tmp_path / "app.bin", "--data-dir", tmp_path / "data", "--flavour", "modular-json"]
        code, said = distributed(tmp_path, locustfile, server.port, *load, "--things", "5", "-t", "15s")
        jobs = connect(tmp_path / "data", None).pages("jobs", member="jobs")["jobs"]
    assert code == 0, said
    rows = {row["Name"]: row for row in table(tmp_path / "out_stats.csv")}
    assert {name: (rows[name]["Request Count"], rows[name]["Failure Count"]) for name in ("Image", "GetStream")} == {
        "Image": ("10", "0"),  # 2 shards of 5 things
        "GetStream": ("150", "0"),
    }, said
    assert [job["status"] for job in jobs] == ["COMPLETED"] * 2, "every thing has reported, after its self test"


def test_an_update_that_cannot_be_made_is_a_failure(tmp_path: Path, locustfile: str):
    what = ["-f", locustfile, "--host", "mqtt://127.0.0.1:1", "--headless", "-u", "1", "-t", "2s"]
    alone = locust(*what, "--update", tmp_path / "no.bin", "--data-dir", tmp_path)
    said, _ = alone.communicate(timeout=WITHIN)
    assert alone.returncode == 1, said
    assert "no.bin" in said


def test_a_broker_that_is_not_there_is_a_failure(locustfile: str):
    with deaf_port() as port:
        what = ["-f", locustfile, "--host", f"mqtt://127.0.0.1:{port}", "--headless", "-u", "1", "-t", "2s"]
        alone = locust(*what, "--stream", "fw")
        said, _ = alone.communicate(timeout=WITHIN)
    assert alone.returncode == 1, said
    assert "nobody listens on" in said
