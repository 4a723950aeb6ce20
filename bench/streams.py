"""GetStream under load: requests/s, blocks/s, server CPU per request, memory per connection. Run by scripts/bench."""

import argparse
import asyncio
import json
import statistics
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import uvloop
from rich.console import Console
from rich.table import Table

from load import Thing, Work, connect, stop
from ota_stream.streams.topics import Format
from served import STREAM_ID, Simulator

WARM_UP = 0.5  # seconds
ON, OFF = "on", "off"
KEPT = {ON: (), OFF: ("--no-logging",)}
"""Whether records are kept, and the options of `serve` for it."""

Case = tuple[int, Format, int, str]
"""Connections, format, blocks a request, whether records are kept."""


@dataclass(frozen=True)
class Row:
    """One measurement. Times in microseconds, memory in KiB."""

    connections: int
    wire_format: str
    blocks: int
    records: str
    requests_per_s: float
    blocks_per_s: float
    cpu_per_request: float
    cpu_per_block: float
    kib_per_connection: float


async def measure(server: Simulator, case: Case, seconds: float) -> Row:
    """Run one load against a warm server."""
    connections, wire_format, blocks, kept = case
    work = Work(server.mqtt_port, STREAM_ID, server.image, wire_format, blocks)
    records, kib = server.records(), server.kib()
    things = await connect(connections, work)
    kib = server.kib() - kib
    for thing in things:
        thing.running = True
        thing.ask()
    await asyncio.sleep(WARM_UP)
    cpu, turns, start = server.cpu(), _turns(things), time.perf_counter()
    await asyncio.sleep(seconds)
    cpu, turns, elapsed = server.cpu() - cpu, _turns(things) - turns, time.perf_counter() - start
    await stop(things)
    if wrong := sum(thing.wrong for thing in things):
        raise AssertionError(f"{wrong} blocks were wrong")
    if (made := server.records() - records) != (_turns(things) if kept == ON else 0):
        raise AssertionError(f"{_turns(things)} requests were answered with records {kept}, {made} records were kept")
    each = 1e6 * cpu / turns
    return Row(
        connections,
        wire_format,
        blocks,
        kept,
        turns / elapsed,
        turns * blocks / elapsed,
        each,
        each / blocks,
        kib / connections,
    )


def _turns(things: list[Thing]) -> int:
    return sum(thing.turns for thing in things)


async def run(connections: list[int], kept: list[str], rounds: int, seconds: float) -> list[Row]:
    """Measure every combination in each round, every one with a fresh server; return the medians."""
    cases = [
        (count, fmt, blocks, each) for blocks in (1, 8) for fmt in Format for count in connections for each in kept
    ]
    rows: dict[Case, list[Row]] = {case: [] for case in cases}
    for number in range(rounds):
        for case in cases if number % 2 == 0 else reversed(cases):  # so that a drift of the machine evens out
            with tempfile.TemporaryDirectory() as folder, Simulator(Path(folder), *KEPT[case[-1]]) as server:
                rows[case].append(await measure(server, case, seconds))
    return [_median(some) for some in rows.values()]


def _median(rows: list[Row]) -> Row:
    fields = list(asdict(rows[0]).items())
    return Row(
        *(
            value if isinstance(value, str | int) else statistics.median(asdict(row)[name] for row in rows)
            for name, value in fields
        )
    )


def cost(rows: list[Row]) -> float | None:
    """Return by what part records add to the CPU of a request, the median of all loads that ran with and without."""
    cpu = {(row.connections, row.wire_format, row.blocks, row.records): row.cpu_per_request for row in rows}
    added = [value / cpu[*load, OFF] - 1 for (*load, kept), value in cpu.items() if kept == ON and (*load, OFF) in cpu]
    return statistics.median(added) if added else None


def main() -> None:
    """Print a table and, with --json, the same as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--connections", type=int, nargs="+", default=[1, 100, 1000])
    parser.add_argument("--records", choices=list(KEPT), nargs="+", default=[ON], help="both: what they cost is told")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--json", type=Path, help="write the rows to this file")
    arguments = parser.parse_args()
    rows = uvloop.run(run(arguments.connections, arguments.records, arguments.rounds, arguments.seconds))
    table = Table(
        "connections", "format", "blocks", "records", "requests/s", "blocks/s", "CPU us/request", "CPU us/block",
        "KiB/connection",
    )  # fmt: skip
    for row in rows:
        values = asdict(row).values()
        table.add_row(*(f"{value:,.1f}" if isinstance(value, float) else str(value) for value in values))
    Console(width=120).print(table)
    if (added := cost(rows)) is not None:
        Console().print(f"Records add {added:+.1%} to the server's CPU of a request (median of the loads).")
    if arguments.json:
        arguments.json.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n")


if __name__ == "__main__":
    main()
