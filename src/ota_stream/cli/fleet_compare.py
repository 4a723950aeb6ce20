"""`ota-stream report compare`: two runs of a fleet side by side."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Final

import typer

from ota_device.fleet.report import Report
from ota_stream.cli import tables
from ota_stream.cli.fleet_files import read
from ota_stream.cli.fleet_view import milliseconds

_MB: Final = 1e6
Value = float | None
Write = Callable[[Value], str]

report_app: Final = typer.Typer(help="Reports of fleets.", no_args_is_help=True)
RunArgument = typer.Argument(help="Directory of a report, or its report.json.")


@report_app.command("compare")
def compare(
    before: Annotated[Path, RunArgument],
    after: Annotated[Path, RunArgument],
) -> None:
    """Put two runs side by side: numbers, times, failures, and how much each has changed.

    Example:
      ota-stream report compare monday tuesday
    """
    one, other = read(before), read(after)
    tables.rows(("", str(before), str(after), "CHANGE"), list(_rows(one, other)))


def _count(value: Value) -> str:
    return "-" if value is None else f"{value:,.0f}"


def _rate(value: Value) -> str:
    return "-" if value is None else f"{value:,.1f}"


_ROWS: Final[tuple[tuple[str, Callable[[Report], Value], Write], ...]] = (
    ("things", lambda run: run.things, _count),
    ("succeeded", lambda run: run.succeeded, _count),
    ("failed", lambda run: run.failed, _count),
    ("unexpected", lambda run: run.unexpected, _count),
    ("seconds", lambda run: run.elapsed, _rate),
    ("images", lambda run: run.images, _count),
    ("blocks", lambda run: run.blocks, _count),
    ("blocks/s", lambda run: run.blocks_per_second, _count),
    ("MB/s", lambda run: run.bytes_per_second / _MB, _rate),
    ("requests", lambda run: run.requests, _count),
    ("connections lost", lambda run: run.lost_connections, _count),
    ("block p50", lambda run: run.block_delay.p50, milliseconds),
    ("block p95", lambda run: run.block_delay.p95, milliseconds),
    ("block p99", lambda run: run.block_delay.p99, milliseconds),
    ("image p50", lambda run: run.image_time.p50, milliseconds),
    ("image p95", lambda run: run.image_time.p95, milliseconds),
    ("image p99", lambda run: run.image_time.p99, milliseconds),
    ("CPU us/block", lambda run: run.cpu_per_block, _rate),
)
"""What is compared, and how it is written."""


def _rows(one: Report, other: Report) -> Iterator[tuple[str, str, str, str]]:
    yield "title", one.title, other.title, ""
    yield "started", one.started, other.started, ""
    for name, value, write in _ROWS:
        before, after = value(one), value(other)
        yield name, write(before), write(after), _change(before, after)
    for reason in dict.fromkeys([*one.reasons, *other.reasons]):
        before, after = one.reasons.get(reason, 0), other.reasons.get(reason, 0)
        yield f"failed: {reason}", _count(before), _count(after), _change(before, after)


def _change(before: Value, after: Value) -> str:
    if before == after or before is None or after is None:
        return ""
    return f"{after / before - 1:+.1%}" if before else "new"
