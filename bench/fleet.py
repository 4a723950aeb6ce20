"""A fleet under load: memory of a thing, CPU of a block, in a process with nothing else. Run by scripts/bench fleet."""

import argparse
import asyncio
import gc
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import uvloop
from rich.console import Console
from rich.table import Table

from ota_device.download import DownloadOptions
from ota_device.flavours import FLAVOURS, FlavourName
from ota_device.fleet.engine import STOPPED, Fleet, Give, Plan, make_room
from ota_device.fleet.job_work import JobWork, Keys
from ota_device.fleet.site import Target
from ota_device.fleet.stream_work import Errand, StreamWork
from ota_device.fleet.traits import Traits
from ota_device.verify import Certificates
from ota_stream.cli.endpoints import mqtt
from ota_stream.cli.fleet_work import Update, giver
from served import IMAGE, IMAGE_BYTES, STREAM_ID, Simulator

RAMP = 2000.0  # things a second
SETTLE = 1.0  # seconds
LIMIT = 120.0  # ... for one case
WAITING, DOWNLOADING = "waiting for a job", "downloading"
UPDATED = 200  # things that carry out an update
UPDATES = (  # flavour, and bytes of the image
    (FlavourName.FREERTOS, IMAGE_BYTES),
    (FlavourName.MODULAR_CBOR, IMAGE_BYTES),
    (FlavourName.MODULAR_JSON, IMAGE_BYTES),
    (FlavourName.FREERTOS, IMAGE_BYTES // 16),
)


class HeldWork(StreamWork):
    """Does nothing before it is let go: a loop that is busy with blocks makes connections slowly."""

    held = True

    def start(self, now: float) -> None:
        """Wait, or begin."""
        if not self.held:
            super().start(now)


@dataclass(frozen=True)
class Row:
    """One measurement, in a process of its own. Memory is what the process has grown by since before the fleet.

    `kib_of_image` of it is the image state: a reference to each block, and a share of the blocks themselves.
    """

    what: str
    things: int
    window: int
    kib_per_thing: float
    kib_of_image: float
    blocks_per_s: float
    cpu_per_block: float
    p99_ms: float
    failed: int


def measure(port: int, what: str, things: int, window: int, seconds: float) -> Row:
    """Run one fleet in this process."""
    return uvloop.run(_measure(port, what, things, window, seconds))


async def _measure(port: int, what: str, things: int, window: int, seconds: float) -> Row:
    make_room(things)
    traits = Traits(count=things, ramp=RAMP, download=DownloadOptions(block_count=window, retry_after=60.0))
    gc.collect()
    before = kib()
    fleet = Fleet(Plan((traits,), LIMIT), Target("127.0.0.1", port), _give(what))
    running = asyncio.create_task(fleet.run())
    while fleet.tally.connected < things and not running.done():
        await asyncio.sleep(0.05)
    HeldWork.held = False
    for thing in fleet.things:
        if isinstance(thing.work, HeldWork):
            thing.work.start(time.monotonic())
    await asyncio.sleep(SETTLE)
    while what == DOWNLOADING and fleet.tally.blocks < 2 * window * things:
        await asyncio.sleep(0.05)
    grown = kib() - before
    cpu, blocks, start = time.process_time(), fleet.tally.blocks, time.perf_counter()
    await asyncio.sleep(seconds)
    cpu, blocks, elapsed = time.process_time() - cpu, fleet.tally.blocks - blocks, time.perf_counter() - start
    fleet.stop()
    await running
    return Row(
        what=what,
        things=things,
        window=0 if what == WAITING else window,
        kib_per_thing=grown / things,
        kib_of_image=0.0 if what == WAITING else _image_kib(things),
        blocks_per_s=blocks / elapsed,
        cpu_per_block=1e6 * cpu / blocks if blocks else 0.0,
        p99_ms=1000 * (fleet.tally.block_delay.percentile(0.99) or 0.0),
        failed=sum(many for reason, many in fleet.tally.reasons.items() if reason != STOPPED),
    )


def update(folder: str, flavour: str, size: int, things: int) -> Row:
    """Carry out an update from the first connection to the last report, in this process; the CPU of all of it."""
    return uvloop.run(_update(Path(folder), FlavourName(flavour), size, things))


async def _update(folder: Path, name: FlavourName, size: int, things: int) -> Row:
    flavour = FLAVOURS[name]
    firmware = folder / f"{size}.bin"
    firmware.write_bytes(IMAGE[:size])
    plan = Plan((Traits(count=things, ramp=RAMP, flavour=flavour, thing=f"{name}-{size}-{{number}}"),), LIMIT)
    give = giver(Update(firmware, folder / "data"), plan)
    cpu, start = time.process_time(), time.perf_counter()
    fleet = Fleet(plan, Target(*mqtt(folder / "data")), give)
    await fleet.run()
    cpu, elapsed, tally = time.process_time() - cpu, time.perf_counter() - start, fleet.tally
    return Row(
        what=f"update of {size // 1024} KiB, {name}",
        things=things,
        window=flavour.block_count,
        kib_per_thing=0.0,
        kib_of_image=0.0,
        blocks_per_s=tally.blocks / elapsed,
        cpu_per_block=1e6 * cpu / tally.blocks,
        p99_ms=1000 * (tally.block_delay.percentile(0.99) or 0.0),
        failed=sum(tally.reasons.values()),
    )


def _image_kib(things: int) -> float:
    blocks = IMAGE_BYTES // DownloadOptions().block_size
    return (8 * blocks + IMAGE_BYTES / things) / 1024


def _give(what: str) -> Callable[[Fleet], Give]:
    if what == WAITING:
        keys = Keys(Certificates(), Certificates(), Certificates())
        return lambda _: lambda thing: JobWork(thing, keys)
    errand = Errand(STREAM_ID, again_until=float("inf"))
    return lambda _: lambda thing: HeldWork(thing, errand)


def kib() -> int:
    """Return resident memory of this process."""
    status = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))


def run(things: int, seconds: float, updated: int = UPDATED) -> list[Row]:
    """Measure each case in a process of its own, against a fresh simulator."""
    rows: list[Row] = []
    for what, window in ((WAITING, 0), (DOWNLOADING, 1), (DOWNLOADING, 8)):
        with tempfile.TemporaryDirectory() as folder, Simulator(Path(folder)) as server:
            rows.append(_elsewhere("--one", server.mqtt_port, what, things, window or 8, seconds))
    with tempfile.TemporaryDirectory() as folder, Simulator(Path(folder)):
        rows += [_elsewhere("--update", folder, flavour, size, updated) for flavour, size in UPDATES]
    return rows


def _elsewhere(option: str, *order: object) -> Row:
    """Measure in a process of its own."""
    command = [sys.executable, __file__, option, json.dumps(order)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return Row(**json.loads(done.stdout.splitlines()[-1]))  # the last line: what makes an update says so


def main() -> None:
    """Print a table and, with --json, the same as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--things", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--json", type=Path, help="write the rows to this file")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    parser.add_argument("--update", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        sys.stdout.write(json.dumps(asdict(measure(*json.loads(arguments.one)))))
        return
    if arguments.update:
        sys.stdout.write(json.dumps(asdict(update(*json.loads(arguments.update)))))
        return
    rows = run(arguments.things, arguments.seconds)
    table = Table(
        "what", "things", "window", "KiB/thing", "of it image", "blocks/s", "CPU us/block", "block p99 ms", "failed"
    )
    for row in rows:
        values = asdict(row).values()
        table.add_row(*(f"{value:,.1f}" if isinstance(value, float) else str(value) for value in values))
    Console(width=120).print(table)
    if arguments.json:
        arguments.json.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
