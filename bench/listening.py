"""What those who listen to requests add to one: the block maps, the diagnosis. Run by scripts/bench listening.

As `budget` it has the simulator in this process, without sockets. All take turns at the same connections, so a machine
that is slow for a while is slow for all of them; the median of the differences counts.
"""

import argparse
import json
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Final

import uvloop
from rich.console import Console
from rich.table import Table

from budget import Crowd, settings
from load import Work
from ota_broker.config import Settings
from ota_broker.front.exchange import Answering
from ota_broker.observer import Observer
from ota_broker.simulator import Simulator
from ota_stream.diagnosis.service import THINGS_MAX, Diagnosis
from ota_stream.streams.topics import Format
from served import IMAGE, STREAM_ID

NOBODY: Final = "nobody"
_WARM_UP: Final = 3  # turns: whoever listens knows each thing then
_TURNS_MIN: Final = 30


@dataclass(frozen=True)
class Row:
    """Microseconds of a request, and what a listener adds to one that nobody hears."""

    connections: int
    listener: str
    each: float
    added: float


def _clouds(simulator: Simulator) -> dict[str, Answering]:
    """Return the cloud as it is, and with each listener."""
    plain, watched = simulator._plain, simulator._watched  # noqa: SLF001 - the place behind the socket
    watched.look()
    clouds = {NOBODY: plain, "block maps": watched.over(plain)}
    for things in (Settings.diagnose, THINGS_MAX):
        diagnosis = Diagnosis(simulator.catalog, simulator._client_of, things)  # noqa: SLF001
        clouds[f"diagnosis of {things:,}"] = Observer(diagnosis).over(plain)
    return clouds


async def measure(connections: int, requests: int) -> list[Row]:
    """Let as many ask, with each listener by turns."""
    with tempfile.TemporaryDirectory() as folder:
        simulator = Simulator(settings(Path(folder)))
        await simulator.start()
        try:
            listener = simulator._listener  # noqa: SLF001
            crowd = Crowd(listener, connections, Work(0, STREAM_ID, IMAGE, Format.JSON))
            crowd.warm_up()
            clouds = _clouds(simulator)
            taken: dict[str, list[float]] = {name: [] for name in clouds}
            for number in range(_WARM_UP + max(requests // connections, _TURNS_MIN)):
                for name, cloud in clouds.items():
                    listener.exchange.cloud = cloud
                    began = time.thread_time()
                    await crowd.turn(number)
                    taken[name].append(1e6 * (time.thread_time() - began) / connections)
            crowd.leave()
        finally:
            await simulator.stop()
    plain = taken[NOBODY]
    return [
        Row(
            connections,
            name,
            median(each[_WARM_UP:]),
            median(with_it - without for with_it, without in zip(each[_WARM_UP:], plain[_WARM_UP:], strict=True)),
        )
        for name, each in taken.items()
    ]


def main() -> None:
    """Print a table and, with --json, the same as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--connections", type=int, nargs="+", default=[1000, 10_000])
    parser.add_argument("--requests", type=int, default=300_000, help="with each listener")
    parser.add_argument("--json", type=Path, help="write the rows to this file")
    given = parser.parse_args()
    rows = [row for count in given.connections for row in uvloop.run(measure(count, given.requests))]
    table = Table("connections", "who listens", "us/request", "added")
    for row in rows:
        table.add_row(f"{row.connections:,}", row.listener, f"{row.each:.2f}", f"{row.added:+.2f}")
    Console(width=80).print(table)
    if given.json:
        given.json.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n")


if __name__ == "__main__":
    main()
