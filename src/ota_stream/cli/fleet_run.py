"""Runs a fleet for the commands that start one: shows it, obeys Ctrl-C, prints and writes what came of it."""

import asyncio
import signal
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, Final

import typer
import uvloop
from msgspec import Struct
from msgspec.structs import replace
from rich.console import Console

from ota_device.download import DownloadOptions
from ota_device.errors import DeviceError
from ota_device.fleet import metrics
from ota_device.fleet import report as reports
from ota_device.fleet.engine import Fleet, Give, Plan, now_iso
from ota_device.fleet.report import Expectation, Report
from ota_device.fleet.site import Target
from ota_device.fleet.traits import Traits
from ota_device.plan import Mode
from ota_stream.cli import fleet_files
from ota_stream.cli.control_client import CallError
from ota_stream.cli.endpoints import EndpointError
from ota_stream.cli.fleet_cloud import Cloud
from ota_stream.cli.fleet_news import News
from ota_stream.cli.fleet_view import milliseconds, view
from ota_stream.cli.logs import printable
from ota_stream.errors import OtaStreamError
from ota_stream.streams.topics import Format

SHOW_EVERY: Final = 0.25  # seconds
INTERRUPTED: Final = 130  # exit code, as of any program that Ctrl-C ends
_MB: Final = 1e6
# As the AWS C libraries do: the OTA agent writes CBOR and a bitmap, the JSON devices offset and count.
MODES: Final = {Format.CBOR: Mode.BITMAP, Format.JSON: Mode.OFFSET}

ReportOption = Annotated[Path | None, typer.Option(metavar="DIR", help="Write the report into this directory.")]
MetricsOption = Annotated[
    int | None, typer.Option(min=0, max=65_535, help="Port for Prometheus on 127.0.0.1; 0 picks a free one.")
]


class Run(Struct, frozen=True):
    """A run that is to be made. `give` hands every thing its work once the fleet is there.

    `cloud` is the simulator at the target, or None when it is none, or cannot be asked.
    """

    title: str
    plan: Plan
    target: Target
    give: Callable[[Fleet], Give]
    expectation: Expectation
    folder: Path | None = None
    metrics_port: int | None = None
    cloud: Cloud | None = None


def run(order: Run) -> None:
    """Run it to its end. Raises typer.Exit with 1 when it did not go as expected, with 130 after Ctrl-C.

    Raises:
        OtaStreamError: it cannot begin, or the report cannot be written; one line.
    """
    made = order.folder if order.folder is not None and fleet_files.check(order.folder) else None
    try:
        with nullcontext() if order.cloud is None else order.cloud.faulty():
            report = uvloop.run(_run(order))
    except (DeviceError, CallError, EndpointError):  # it has not begun: there is nothing to report
        if made is not None:
            made.rmdir()
        raise
    summary(report)
    if report.interrupted:
        raise typer.Exit(INTERRUPTED)
    if not report.met:
        raise typer.Exit(1)


async def _run(order: Run) -> Report:
    fleet = Fleet(order.plan, order.target, order.give)
    loop = asyncio.get_running_loop()
    console = Console(stderr=True, highlight=False)
    cloud, started, cpu = order.cloud, now_iso(), time.process_time()
    last = None if cloud is None else cloud.last()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, fleet.stop)
    try:
        with metrics.serving(fleet.tally, order.metrics_port) as port, view(fleet, console) as show:
            if port is not None:
                typer.echo(f"metrics: http://{metrics.HOST}:{port}/metrics", err=True)
            news = None if cloud is None else News(fleet, order.title, cloud.client)
            beside = [loop.create_task(_show(show))]
            beside += [] if news is None else [loop.create_task(news.go_on())]
            try:
                await fleet.run()
            finally:
                for each in beside:
                    each.cancel()
            if news is not None:
                await news.end()
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
    report = reports.of(fleet, order.title, started, time.process_time() - cpu, order.expectation)
    if cloud is not None and last is not None:
        report = replace(report, diagnosis=cloud.found(last, {thing.name for thing in fleet.things}))
    if order.folder is not None:
        fleet_files.write(order.folder, report, fleet)
    return report


async def _show(show: Callable[[], None]) -> None:
    while True:
        await asyncio.sleep(SHOW_EVERY)
        show()


def summary(report: Report) -> None:
    """Print what came of a run."""
    speed = f"{report.blocks_per_second:,.0f} blocks/s, {report.bytes_per_second / _MB:,.1f} MB/s"
    per_block = "" if report.cpu_per_block is None else f", {report.cpu_per_block:.0f} us of CPU a block here"
    typer.echo(
        f"{report.things:,} things in {report.elapsed:,.1f} s: {report.succeeded:,} succeeded, {report.failed:,} failed"
    )
    typer.echo(f"{report.images:,} images verified, {report.blocks:,} blocks, {speed}{per_block}")
    for name, found in (("block", report.block_delay), ("image", report.image_time)):
        p50, p95, p99, most = (milliseconds(value) for value in (found.p50, found.p95, found.p99, found.most))
        typer.echo(f"{name}: p50 {p50}, p95 {p95}, p99 {p99}, longest {most}")
    troubles = {
        "connections lost": report.lost_connections,
        "messages lost on purpose": report.lost_messages,
        "power cuts": report.power_cuts,
    }
    said = ", ".join(f"{many:,} {name}" for name, many in troubles.items() if many)
    if said:
        typer.echo(said)
    for reason, many in report.reasons.items():
        typer.echo(printable(f"{many:,} failed: {reason}"))
    for row in report.diagnosis or ():
        typer.echo(
            printable(f"found at {row.things:,}, for example {row.example}: {row.wrong} [{row.kind}, {row.rule}]")
        )
    if not report.met:
        typer.echo(f"not as expected: {_why(report)}")


def _why(report: Report) -> str:
    if report.interrupted:
        return "stopped before its end"
    allowed = report.expectation.unexpected
    if report.unexpected > allowed:
        return f"{report.unexpected:,} things ended otherwise than they should" + (
            f" ({allowed:,} may)" if allowed else ""
        )
    return f"it took longer than {report.expectation.within:g} s"


class FleetError(OtaStreamError):
    """A fleet cannot be run like this."""


def sized(
    traits: Traits, wire_format: Format, block_size: int | None, window: int | None, retry: float | None = None
) -> Traits:
    """Return a class whose requests are of these sizes, and repeated after this time, where they are given."""
    flavour, plain = traits.flavour, DownloadOptions(mode=MODES[wire_format], format=wire_format)
    return replace(
        traits,
        flavour=replace(
            flavour,
            block_size=block_size or flavour.block_size,
            block_count=window or flavour.block_count,
            retry_after=retry or flavour.retry_after,
        ),
        download=replace(
            plain,
            block_size=block_size or plain.block_size,
            block_count=window or plain.block_count,
            retry_after=retry or plain.retry_after,
        ),
    )
