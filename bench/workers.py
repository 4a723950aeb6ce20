"""Workers behind a broker: processor time of each process per 4 KiB block, one block a request, JSON lines kept.

It runs the engines of the tests on this machine; the fleet takes its share of the cores: read microseconds, not rates.
"""

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from images import image_bytes
from ota_stream.stores.shared.images import described
from ota_stream.stores.shared.rows import SharedStream
from ota_stream.stores.shared.stores import opened
from shared_world import Engine, mosquitto_engine, nats, postgres, running, three_nodes, worker
from small_fleet import Fleet

THINGS: Final = 100
SIZE: Final = 100 * 4096
TICKS: Final = os.sysconf("SC_CLK_TCK")


class Row(NamedTuple):
    """What a run has: where devices connect, the engines, and what workers are told."""

    ports: list[int]
    engines: list[Engine]
    options: list[str]


def used(pids: list[int]) -> float:
    """Return the seconds of processor time these processes have had."""
    fields = [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid in pids]
    return sum(int(field[11]) + int(field[12]) for field in fields) / TICKS


@contextmanager
def nats_row(folder: Path, *more: str, nodes: int = 1) -> Iterator[Row]:
    """Run NATS."""
    with ExitStack() as opened_engines:
        servers = (
            opened_engines.enter_context(three_nodes(folder))
            if nodes > 1
            else [opened_engines.enter_context(nats(folder))]
        )
        url = ",".join(server.url for server in servers)
        yield Row([server.mqtt_port for server in servers], list(servers), ["--transport", "nats", "--url", url, *more])


@contextmanager
def mosquitto_row(folder: Path) -> Iterator[Row]:
    """Run mosquitto with the renaming bridge."""
    folder.mkdir()
    with mosquitto_engine(folder, bridge=True) as (port, engine):
        url = f"mqtt://127.0.0.1:{port}"
        yield Row([port], [engine], ["--transport", "mqtt", "--url", url, "--prefix", "ota/req/"])


async def measured(row: Row, store: str, workers: int, folder: Path, records: str | None = None) -> list[str]:
    """Download with a fleet; return the cells of the table."""
    with ExitStack() as running_workers:
        started = [
            running_workers.enter_context(
                running(worker(*row.options, "--store", store, "--records", records or folder / f"r{number}"))
            )
            for number in range(workers)
        ]
        broker = [engine.popen.pid for engine in row.engines]
        pids = [process.popen.pid for process in started]
        fleet = Fleet(row.ports, THINGS, "fw", SIZE, block_count=1)
        before = used(broker), used(pids), time.process_time(), time.monotonic()
        await fleet.run(within=300)
        after = used(broker), used(pids), time.process_time(), time.monotonic()
    if fleet.wrong:
        raise SystemExit(f"not complete: {fleet.wrong}")
    blocks = fleet.received
    cells = [f"{(late - early) / blocks * 1e6:.0f}" for early, late in zip(before[:3], after[:3], strict=True)]
    return [*cells, f"{blocks / (after[3] - before[3]):,.0f}", str(fleet.requests - blocks)]


def main() -> None:
    """Print the table."""
    table = Table("broker", "workers", "broker us/block", "workers", "fleet", "blocks/s", "asked again")
    with tempfile.TemporaryDirectory() as name, postgres() as cluster:
        base = Path(name)
        (base / "app.bin").write_bytes(image_bytes(SIZE))
        asyncio.run(_put(str(base / "streams.json"), base / "app.bin"))
        store, rows = str(base / "streams.json"), cluster.database()
        for title, workers, records, row in (
            ("NATS, JetStream", 1, None, nats_row(base / "a")),
            ("NATS, JetStream", 2, None, nats_row(base / "b")),
            ("NATS, JetStream, records in PostgreSQL", 2, rows, nats_row(base / "c")),
            ("NATS, queue group", 2, None, nats_row(base / "d", "--sharing", "queue")),
            ("3 NATS nodes, JetStream, 3 copies", 2, None, nats_row(base / "e", "--replicas", "3", nodes=3)),
            ("mosquitto, renaming bridge", 2, None, mosquitto_row(base / "f")),
        ):
            with row as made, tempfile.TemporaryDirectory() as folder:
                cells = asyncio.run(measured(made, store, workers, Path(folder), records))
            table.add_row(title, str(workers), *cells)
            print(title, workers, *cells, flush=True)  # noqa: T201 - as it goes
    Console().print(table)


async def _put(store: str, firmware: Path) -> None:
    async with opened(store) as streams:
        await streams.put(SharedStream("fw", 1, (await described(0, str(firmware)),)))


if __name__ == "__main__":
    main()
