"""What a test waits for its cloud: the first of a session, and a new one for each test. Run by scripts/bench clouds."""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import boto3
from rich.console import Console
from rich.table import Table

from ota_stream.testing import LocalCloud
from ota_stream.testing.loop import LoopThread

FIRST = """
import tempfile, time
from pathlib import Path
began = time.perf_counter()
from ota_stream.testing import LocalCloud
cloud = LocalCloud(Path(tempfile.mkdtemp())).start()
print(time.perf_counter() - began, flush=True)
cloud.stop()
"""


@dataclass(frozen=True)
class Figures:
    """Milliseconds: medians, and the CPU of a cloud from its start to its end with all its processes.

    `first` is the first cloud of a process with all imports, `ready` a new one after others, `update` an update made in
    it and `device` its download by a simulated device; `api` its first call of the AWS API.
    """

    first: float
    ready: float
    ready_p90: float
    cpu: float
    update: float
    device: float
    api: float


def first() -> float:
    """Return how long a process of its own takes from before the import to open ports."""
    done = subprocess.run([sys.executable, "-c", FIRST], capture_output=True, text=True, check=True)
    return float(done.stdout)


def run(rounds: int) -> Figures:
    """Make `rounds` clouds, one after the other in one thread, as the tests of a session do."""
    firsts = [first() for _ in range(min(rounds, 5))]
    loop, times = LoopThread(), {name: list[float]() for name in ("ready", "update", "device", "api")}
    session = boto3.Session("any", "any", region_name="us-east-1")

    def timed(name: str, work: Callable[[], Any]) -> None:
        began = time.perf_counter()
        work()
        times[name].append(1e3 * (time.perf_counter() - began))

    with tempfile.TemporaryDirectory() as folder:
        for number in range(rounds + 1):
            if number == 1:
                for figures in times.values():
                    figures.clear()  # the first round was to warm up
            cloud = LocalCloud(Path(folder) / str(number), loop, quotas="off")
            timed("ready", cloud.start)
            timed("update", lambda cloud=cloud: cloud.create_update(b"image" * 2000, "thing-1"))
            timed("device", cloud.device("thing-1").run)
            iot = session.client("iot", endpoint_url=cloud.http)
            timed("api", iot.list_things)
            cloud.stop(wait=False)
        cpu = _cpu_each(Path(folder), loop, rounds)
        loop.stop()
    ready = sorted(times["ready"])
    medians = {name: statistics.median(figures) for name, figures in times.items()}
    return Figures(
        first=1e3 * statistics.median(firsts), ready_p90=ready[int(0.9 * (len(ready) - 1))], cpu=cpu, **medians
    )


def _cpu_each(folder: Path, loop: LoopThread, rounds: int) -> float:
    began = _cpu()
    for number in range(rounds):
        LocalCloud(folder / f"idle-{number}", loop).start().stop()
    return 1e3 * (_cpu() - began) / rounds


def _cpu() -> float:
    """Return the seconds of CPU of this process and of those it has waited for."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def main() -> None:
    """Print a table and, with --json, the same as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    arguments = parser.parse_args()
    figures = run(arguments.rounds)
    table = Table("first ms", "ready ms", "p90 ms", "CPU ms", "an update ms", "a device ms", "first AWS call ms")
    table.add_row(*(f"{value:.0f}" for value in asdict(figures).values()))
    Console(width=120).print(table)
    if arguments.json:
        arguments.json.write_text(json.dumps(asdict(figures), indent=1) + "\n")


if __name__ == "__main__":
    main()
