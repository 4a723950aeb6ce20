"""GetStream under load: requests/s, blocks/s, server CPU per request, memory per connection. Run by scripts/bench."""

import argparse
import asyncio
import hashlib
import json
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import uvloop
from rich.console import Console
from rich.table import Table

from load import Thing, Work, connect, stop
from ota_stream.streams.topics import Format

IMAGE_BYTES = 1 << 20
WARM_UP = 0.5  # seconds


@dataclass(frozen=True)
class Row:
    """One measurement. Times in microseconds, memory in KiB."""

    connections: int
    wire_format: str
    blocks: int
    requests_per_s: float
    blocks_per_s: float
    cpu_per_request: float
    cpu_per_block: float
    kib_per_connection: float


class Server:
    """`ota-stream serve` as its users start it, with the record store on."""

    def __init__(self, folder: Path) -> None:
        self.image = b"".join(hashlib.sha256(bytes((i >> 8, i & 255))).digest() for i in range(IMAGE_BYTES // 32))
        (folder / "image.bin").write_bytes(self.image)
        self.data_dir = folder / "data"
        self._process = subprocess.Popen(
            [sys.executable, "-m", "ota_stream", "serve", str(folder / "image.bin"), "--stream-id", "bench",
             "--mqtt-port", "0", "--data-dir", str(self.data_dir), "--json"],
            stdout=subprocess.PIPE,
        )  # fmt: skip
        assert self._process.stdout is not None  # noqa: S101 - PIPE
        self.port: int = json.loads(self._process.stdout.readline())["mqtt"]["port"]

    def cpu(self) -> float:
        """Return seconds of CPU of all threads."""
        tasks = Path(f"/proc/{self._process.pid}/task").iterdir()
        return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9

    def kib(self) -> int:
        """Return resident memory."""
        status = Path(f"/proc/{self._process.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))

    def records(self) -> int:
        """Return how many records are stored."""
        files = (self.data_dir / "logs").glob("*/*.jsonl")
        return sum(file.read_bytes().count(b"\n") for file in files)

    def stop(self) -> None:
        """Stop it and wait."""
        self._process.terminate()
        self._process.wait(10)


async def measure(server: Server, connections: int, wire_format: Format, blocks: int, seconds: float) -> Row:
    """Run one load against a warm server."""
    work = Work(server.port, "bench", server.image, wire_format, blocks)
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
    if (made := server.records() - records) != _turns(things):
        raise AssertionError(f"{_turns(things)} requests were answered, {made} records were kept")
    each = 1e6 * cpu / turns
    return Row(
        connections,
        wire_format,
        blocks,
        turns / elapsed,
        turns * blocks / elapsed,
        each,
        each / blocks,
        kib / connections,
    )


def _turns(things: list[Thing]) -> int:
    return sum(thing.turns for thing in things)


async def run(connections: list[int], rounds: int, seconds: float) -> list[Row]:
    """Measure every combination in each round, every one with a fresh server; return the medians."""
    cases = [(count, fmt, blocks) for blocks in (1, 8) for fmt in Format for count in connections]
    rows: dict[tuple[object, ...], list[Row]] = {case: [] for case in cases}
    for number in range(rounds):
        for case in cases if number % 2 == 0 else reversed(cases):  # so that a drift of the machine evens out
            with tempfile.TemporaryDirectory() as folder:
                server = Server(Path(folder))
                try:
                    rows[case].append(await measure(server, *case, seconds))
                finally:
                    server.stop()
    return [_median(some) for some in rows.values()]


def _median(rows: list[Row]) -> Row:
    fields = list(asdict(rows[0]).items())
    return Row(
        *(
            value if isinstance(value, str | int) else statistics.median(asdict(row)[name] for row in rows)
            for name, value in fields
        )
    )


def main() -> None:
    """Print a table and, with --json, the same as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--connections", type=int, nargs="+", default=[1, 100, 1000])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--json", type=Path, help="write the rows to this file")
    arguments = parser.parse_args()
    rows = uvloop.run(run(arguments.connections, arguments.rounds, arguments.seconds))
    table = Table(
        "connections", "format", "blocks", "requests/s", "blocks/s", "CPU us/request", "CPU us/block", "KiB/connection"
    )
    for row in rows:
        values = asdict(row).values()
        table.add_row(*(f"{value:,.1f}" if isinstance(value, float) else str(value) for value in values))
    Console(width=120).print(table)
    if arguments.json:
        arguments.json.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n")


if __name__ == "__main__":
    main()
