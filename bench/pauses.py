"""How long the simulator's event loop makes a ping wait while it streams at full rate. Run by scripts/bench."""

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
from dataclasses import asdict, astuple, dataclass
from pathlib import Path
from typing import Final

import uvloop
from rich.console import Console
from rich.table import Table

from load import Work, connect, stop
from ota_stream.streams.topics import Format
from served import IMAGE, STREAM_ID, Simulator, allow_many_files

_CANARY: Final = Path(__file__).with_name("canary.py")


@dataclass(frozen=True)
class Row:
    """One load. `pings` were sent meanwhile; milliseconds."""

    connections: int
    requests_per_s: float
    pings: float
    p50: float
    p99: float
    longest: float


async def measure(server: Simulator, connections: int, seconds: float) -> Row:
    """Stream to all connections while another process pings, and calls the AWS API."""
    things = await connect(connections, Work(server.mqtt_port, STREAM_ID, IMAGE, Format.JSON))
    for thing in things:
        thing.running = True
        thing.ask()
    canary = await asyncio.create_subprocess_exec(
        sys.executable, str(_CANARY), str(server.mqtt_port), str(server.http_port), str(seconds),
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    turns = sum(thing.turns for thing in things)
    said, _ = await canary.communicate()
    turns = sum(thing.turns for thing in things) - turns
    await stop(things)
    return Row(connections, turns / seconds, **json.loads(said))


async def run(counts: list[int], rounds: int, seconds: float) -> list[Row]:
    """Measure every count in each round, every one with a fresh server; return the medians."""
    rows: dict[int, list[Row]] = {count: [] for count in counts}
    for _ in range(rounds):
        for count in counts:
            with tempfile.TemporaryDirectory() as folder, Simulator(Path(folder)) as server:
                rows[count].append(await measure(server, count, seconds))
    return [
        Row(count, *map(statistics.median, zip(*(astuple(row)[1:] for row in some), strict=True)))
        for count, some in rows.items()
    ]


def main() -> None:
    """Print a table and, with --json, the same as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--connections", type=int, nargs="+", default=[10, 100, 1000])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--json", type=Path, help="write the rows to this file")
    given = parser.parse_args()
    allow_many_files()
    rows = uvloop.run(run(given.connections, given.rounds, given.seconds))
    table = Table("connections", "requests/s", "pings", "p50 ms", "p99 ms", "longest ms")
    for row in rows:
        figures = (f"{value:.2f}" for value in (row.p50, row.p99, row.longest))
        table.add_row(f"{row.connections:,}", f"{row.requests_per_s:,.0f}", f"{row.pings:,.0f}", *figures)
    Console(width=100).print(table)
    if given.json:
        given.json.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n")


if __name__ == "__main__":
    main()
