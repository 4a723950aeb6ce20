"""GetStream under load: requests/s, blocks/s, server CPU per request, memory per connection. Run by scripts/bench."""

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import asdict, astuple, dataclass, replace
from pathlib import Path
from typing import Any, Final

import uvloop
from rich.console import Console
from rich.table import Table

from baselines import BehindMosquitto, Direct, Missing, PlainAmqtt
from load import Qos, Thing, Work, connect, stop
from ota_stream.streams.topics import Format
from served import IMAGE, STREAM_ID, SecuredSimulator, Server, Simulator, allow_many_files

WARM_UP: Final = 0.5  # seconds
WAITS_MAX: Final = 100  # for the first answer, on a machine that has other things to do
OURS: Final = "ours"
TARGETS: Final[dict[str, Callable[[Path], AbstractContextManager[Server]]]] = {
    "C direct": Direct,
    "mosquitto + C": BehindMosquitto,
    "plain amqtt": PlainAmqtt,
}
"""What the simulator is held against: they speak JSON."""

AMQTT_MAX: Final = 100  # connections; with more it answers some hundred requests a second
QOS: Final[dict[str, Qos]] = {"0": (0, 0), "1": (1, 0), "1+1": (1, 1)}
"""Quality of service of the requests, and of the answers too."""


@dataclass(frozen=True)
class Case:
    """One load: who is asked by how many, how, for how many blocks.

    And whether records are kept, what is beyond AWS's quotas is `counted`, and by TLS with a certificate each; and
    which fault is set, for somebody else.
    """

    connections: int
    wire_format: Format = Format.JSON
    blocks: int = 1
    qos: str = "0"
    records: bool = True
    tls: bool = False
    counted: bool = False
    fault: str = "none"
    target: str = OURS

    @property
    def besides(self) -> str:
        """Return what is unusual about it."""
        unusual = {"TLS": self.tls, "no records": not self.records, "quotas": self.counted}
        unusual[f"{self.fault} for another"] = self.fault != "none"
        return ", ".join(name for name, holds in unusual.items() if holds)

    def options(self) -> Iterable[str]:
        """Return the options of `serve` for it."""
        if not self.records:
            yield "--no-logging"
        if QOS[self.qos][1]:
            yield "--option=stream_qos=1"
        if self.counted:
            yield "--quotas=count"

    def serve(self, folder: Path) -> AbstractContextManager[Server]:
        """Start the server."""
        options = [*self.options()]
        if self.fault != "none":
            (folder / "faults.yaml").write_text(f"faults: [{{fault: {self.fault}, thing: nobody}}]\n")
            options.append(f"--faults={folder / 'faults.yaml'}")
        if self.tls:
            return SecuredSimulator(folder, self.connections, *options)
        return Simulator(folder, *options) if self.target == OURS else TARGETS[self.target](folder)


@dataclass(frozen=True)
class Figures:
    """One measurement. Times in microseconds, memory in KiB."""

    requests_per_s: float
    blocks_per_s: float
    cpu_per_request: float
    cpu_per_block: float
    kib_per_connection: float
    cpu_per_connect: float


Rows = dict[Case, Figures]


async def measure(server: Server, case: Case, seconds: float) -> Figures:
    """Run one load against a warm server."""
    tls = server.context if isinstance(server, SecuredSimulator) else None
    work = Work(server.mqtt_port, STREAM_ID, IMAGE, case.wire_format, case.blocks, qos=QOS[case.qos], tls=tls)
    records, kib, cpu = server.records(), server.kib(), server.cpu()
    things = await connect(case.connections, work)
    kib, cpu = server.kib() - kib, server.cpu() - cpu
    for thing in things:
        thing.running = True
        thing.ask()
    await asyncio.sleep(WARM_UP)
    before, turns, start = server.cpu(), _turns(things), time.perf_counter()
    for _ in range(WAITS_MAX):
        await asyncio.sleep(seconds)
        if _turns(things) > turns:
            break
    else:
        raise AssertionError(f"nothing was answered in {case}")
    spent, turns, elapsed = server.cpu() - before, _turns(things) - turns, time.perf_counter() - start
    await stop(things)
    if wrong := sum(thing.wrong for thing in things):
        raise AssertionError(f"{wrong} blocks were wrong")
    if (made := server.records() - records) != (_turns(things) if case.records else 0):
        raise AssertionError(f"{_turns(things)} requests were answered in {case}, {made} records were kept")
    each = 1e6 * spent / turns
    count = case.connections
    return Figures(
        turns / elapsed, turns * case.blocks / elapsed, each, each / case.blocks, kib / count, 1e6 * cpu / count
    )


def _turns(things: list[Thing]) -> int:
    return sum(thing.turns for thing in things)


async def run(cases: list[Case], rounds: int, seconds: float) -> Rows:
    """Measure every case in each round, every one with a fresh server; return the medians.

    What cannot run here is left out, and said so.
    """
    taken: dict[Case, list[Figures]] = {}
    missing: set[str] = set()
    for number in range(rounds):
        for case in cases if number % 2 == 0 else reversed(cases):  # so that a drift of the machine evens out
            if case.target in missing:
                continue
            with tempfile.TemporaryDirectory() as folder:
                try:
                    with case.serve(Path(folder)) as server:
                        taken.setdefault(case, []).append(await measure(server, case, seconds))
                except Missing as reason:
                    missing.add(case.target)
                    print(f"{case.target} is left out: {reason}", file=sys.stderr)  # noqa: T201 - for a person
    return {case: _median(taken[case]) for case in cases if case in taken}


def _median(some: list[Figures]) -> Figures:
    return Figures(*(statistics.median(column) for column in zip(*map(astuple, some), strict=True)))


def cases(
    connections: list[int], formats: list[Format], blocks: list[int], qos: list[str], options: list[dict[str, Any]]
) -> list[Case]:
    """Return every combination for the simulator; `options` are the remaining fields of cases."""
    return [
        Case(count, wire_format, number, level, **option)
        for number in blocks
        for wire_format in formats
        for level in qos
        for count in connections
        for option in options
    ]


def beside(target: str, ours: list[Case]) -> list[Case]:
    """Return the cases of ours that a baseline runs too: JSON at QoS 0, records kept."""
    return [
        Case(case.connections, blocks=case.blocks, target=target)
        for case in ours
        if case == Case(case.connections, blocks=case.blocks)
        and (target != "plain amqtt" or case.connections <= AMQTT_MAX)
    ]


def added_by_records(rows: Rows) -> float | None:
    """Return by what part records add to the CPU of a request, the median of all loads that ran with and without."""
    added = [
        figures.cpu_per_request / rows[without].cpu_per_request - 1
        for case, figures in rows.items()
        if case.records and (without := replace(case, records=False)) in rows
    ]
    return statistics.median(added) if added else None


def table(rows: Rows) -> Table:
    """Show the rows, and how many times what C direct costs each of the same load costs."""
    shown = Table(
        "server", "connections", "format", "blocks", "QoS", "besides", "requests/s", "blocks/s", "us/request",
        "us/block", "KiB each", "us/connect", "x C direct",
    )  # fmt: skip
    for case, figures in rows.items():
        limit = rows.get(Case(case.connections, blocks=case.blocks, target="C direct"))
        shown.add_row(
            case.target, f"{case.connections:,}", case.wire_format, str(case.blocks), case.qos,
            case.besides, *(f"{value:,.1f}" for value in astuple(figures)),
            f"{figures.cpu_per_request / limit.cpu_per_request:.2f}" if limit else "",
        )  # fmt: skip
    return shown


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--connections", type=int, nargs="+", default=[1, 100, 1000, 5000])
    parser.add_argument("--formats", type=Format, choices=list(Format), nargs="+", default=list(Format))
    parser.add_argument("--blocks", type=int, nargs="+", default=[1, 8], help="blocks a request")
    parser.add_argument("--qos", choices=list(QOS), nargs="+", default=["0"], help="1+1: of the answers too")
    parser.add_argument(
        "--records", choices=["on", "off"], nargs="+", default=["on"], help="both: what they cost is told"
    )
    parser.add_argument("--tls", choices=["on", "off"], nargs="+", default=["off"], help="a certificate each")
    parser.add_argument("--quotas", choices=["count", "off"], nargs="+", default=["off"], help="AWS's: counted or not")
    parser.add_argument(
        "--faults", choices=["none", "drop", "withhold"], nargs="+", default=["none"], help="set for somebody else"
    )
    parser.add_argument("--beside", choices=list(TARGETS), nargs="*", default=[], help="no name: all of them")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--json", type=Path, help="write the rows to this file")
    return parser.parse_args()


def main() -> None:
    """Print a table and, with --json, the same as JSON."""
    given = _arguments()
    allow_many_files()
    options = [
        {"records": records == "on", "tls": tls == "on", "counted": quotas == "count", "fault": fault}
        for records in given.records
        for tls in given.tls
        for quotas in given.quotas
        for fault in given.faults
    ]
    wanted = cases(given.connections, given.formats, given.blocks, given.qos, options)
    targets = given.beside or (list(TARGETS) if "--beside" in sys.argv else [])
    for target in targets:
        wanted += beside(target, wanted)
    rows = uvloop.run(run(wanted, given.rounds, given.seconds))
    Console(width=140).print(table(rows))
    if (added := added_by_records(rows)) is not None:
        Console().print(f"Records add {added:+.1%} to the server's CPU of a request (median of the loads).")
    if given.json:
        told = [{**asdict(case), **asdict(figures)} for case, figures in rows.items()]
        given.json.write_text(json.dumps(told, indent=1) + "\n")


if __name__ == "__main__":
    main()
