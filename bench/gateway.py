"""The AWS API beside moto's own server: latency and server CPU per call. Run by `scripts/bench aws`."""

import argparse
import json
import statistics
import tempfile
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table

from calls import CASES, FIRST, SET_UP, Caller, Case, Sample, sample
from served import MotoServer, Simulator

ASKED: Final = {True: (0.6, 8.0), False: (2.0, 2.0)}
"""For own and passed-on operations: at most so many ms (median, quiet machine), and so many times moto's speed."""


@dataclass(frozen=True)
class Row:
    """One operation: ours and the reference. Times in milliseconds, `faster` is the ratio of the medians."""

    operation: str
    own: bool
    median: float
    p90: float
    cpu: float
    reference: str
    reference_median: float
    reference_p90: float
    reference_cpu: float
    faster: float


@dataclass(frozen=True)
class Start:
    """A simulator's start: seconds to the ready line and for the first call, memory in MiB before and after it."""

    ready: float
    first_call: float
    mib_ready: float
    mib_after: float


def row_of(case: Case, ours: list[Sample], reference: list[Sample]) -> Row:
    """Put the samples of all rounds together."""
    median, p90, cpu = _figures(ours)
    reference_median, reference_p90, reference_cpu = _figures(reference)
    return Row(
        case.name, case.own, median, p90, cpu,
        case.reference, reference_median, reference_p90, reference_cpu, reference_median / median,
    )  # fmt: skip


def _figures(samples: list[Sample]) -> tuple[float, float, float]:
    """Return median and 90th percentile of the latency, and the mean of the CPU, in milliseconds."""
    elapsed = sorted(each.elapsed for each in samples)
    p90 = elapsed[int(0.9 * (len(elapsed) - 1))]
    return 1e3 * statistics.median(elapsed), 1e3 * p90, 1e3 * statistics.fmean(each.cpu for each in samples)


def run(rounds: int, calls: int) -> tuple[Start, list[Row]]:
    """Measure every case `calls` times a round on both servers, by turns, so that a drift of the machine evens out."""
    with (
        tempfile.TemporaryDirectory() as folder,
        Simulator(Path(folder)) as ours,
        MotoServer() as moto,
        closing(Caller(ours.http_port)) as us,
        closing(Caller(moto.http_port)) as them,
    ):
        start = _start(ours, us)
        for call in SET_UP:
            us.call(call)
            them.call(call)
        taken: dict[Case, tuple[list[Sample], list[Sample]]] = {}
        for number in range(rounds + 1):
            if number == 1:
                taken.clear()  # the first round was to warm up
            numbers = range(number * calls, (number + 1) * calls)
            for case in CASES:
                mine, theirs = taken.setdefault(case, ([], []))
                mine.extend(sample(us, case.call, case.undo, numbers, ours.cpu))
                theirs.extend(sample(them, case.reference_call, case.undo, numbers, moto.cpu))
    return start, [row_of(case, *samples) for case, samples in taken.items()]


def _start(ours: Simulator, caller: Caller) -> Start:
    """Make the first call, before which nothing of moto is imported."""
    before = ours.kib()
    first = caller.call(FIRST)
    return Start(ours.ready_after, first, before / 1024, ours.kib() / 1024)


def main() -> None:
    """Print a table and, with --json, the same as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--calls", type=int, default=100, help="of each operation, a round")
    parser.add_argument("--json", type=Path, help="write the start and the rows to this file")
    arguments = parser.parse_args()
    start, rows = run(arguments.rounds, arguments.calls)
    console = Console(width=140)
    console.print(table(rows))
    console.print(
        f"Ready after {start.ready:.2f} s with {start.mib_ready:.0f} MiB. "
        f"The first call took {start.first_call:.2f} s, {start.mib_after:.0f} MiB then."
    )
    if arguments.json:
        told = {"start": asdict(start), "rows": [asdict(row) for row in rows]}
        arguments.json.write_text(json.dumps(told, indent=1) + "\n")


def table(rows: list[Row]) -> Table:
    """Show the rows, and what was asked for."""
    shown = Table(
        "operation", "ms", "p90 ms", "CPU ms", "moto's", "ms", "p90 ms", "CPU ms", "times faster", "asked for"
    )
    for row in rows:
        most, least = ASKED[row.own]
        figures = (row.median, row.p90, row.cpu)
        reference = (row.reference_median, row.reference_p90, row.reference_cpu)
        shown.add_row(
            row.operation, *(f"{value:.2f}" for value in figures),
            row.reference, *(f"{value:.2f}" for value in reference),
            f"{row.faster:.1f}", f"{most} ms, {least:.0f} times",
        )  # fmt: skip
    return shown


if __name__ == "__main__":
    main()
