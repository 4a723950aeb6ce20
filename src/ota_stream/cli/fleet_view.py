"""Shows a running fleet: bars and rates on a terminal, a line every few seconds elsewhere."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Final

import typer
from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from ota_device.fleet.engine import Fleet
from ota_device.fleet.tally import Stage
from ota_stream.cli.logs import printable

LINE_EVERY: Final = 5.0  # seconds between two lines where there is no terminal
REASONS_SHOWN: Final = 5
_MB: Final = 1e6

Show = Callable[[], None]
"""Is called several times a second."""


class Rates:
    """Blocks and bytes a second since the last look."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._before = (0.0, 0, 0)
        self._rates = (0.0, 0.0)

    def look(self, least: float) -> tuple[float, float]:
        """Return blocks/s and bytes/s; they are renewed when `least` seconds have passed."""
        tally, now = self._fleet.tally, self._fleet.elapsed
        at, blocks, size = self._before
        if now - at >= least:
            self._rates = (tally.blocks - blocks) / (now - at), (tally.bytes - size) / (now - at)
            self._before = now, tally.blocks, tally.bytes
        return self._rates


@contextmanager
def view(fleet: Fleet, console: Console) -> Generator[Show]:
    """Give what shows the fleet."""
    with _screen(fleet, console) if console.is_terminal else _lines(fleet) as show:
        yield show


@contextmanager
def _screen(fleet: Fleet, console: Console) -> Generator[Show]:
    rates = Rates(fleet)
    with Live(console=console, auto_refresh=False, transient=True) as live:
        yield lambda: live.update(_picture(fleet, rates), refresh=True)


@contextmanager
def _lines(fleet: Fleet) -> Generator[Show]:
    rates, said = Rates(fleet), 0.0

    def show() -> None:
        nonlocal said
        if fleet.elapsed - said >= LINE_EVERY:
            said = fleet.elapsed
            typer.echo(line(fleet, *rates.look(LINE_EVERY / 2)), err=True)

    yield show


def line(fleet: Fleet, blocks: float, size: float) -> str:
    """Return one line about a moment."""
    tally = fleet.tally
    stages = tally.stages
    delay = " ".join(f"p{round(share * 100)} {milliseconds(tally.block_delay.percentile(share))}" for share in _SHARES)
    return (
        f"{fleet.elapsed:6.1f} s  {tally.connected} connected, {stages[Stage.DOWNLOADING]} downloading, "
        f"{tally.verified} verified, {tally.rebooted} rebooted, {stages[Stage.SUCCEEDED]} succeeded, "
        f"{stages[Stage.FAILED]} failed; {blocks:,.0f} blocks/s, {size / _MB:,.1f} MB/s, block {delay}"
    )


_SHARES: Final = (0.5, 0.95, 0.99)


def milliseconds(seconds: float | None) -> str:
    """Write a time as people read it."""
    if seconds is None:
        return "-"
    return f"{seconds:,.2f} s" if seconds >= 1 else f"{seconds * 1000:,.1f} ms"


def _picture(fleet: Fleet, rates: Rates) -> Group:
    tally, total = fleet.tally, fleet.plan.count
    bars = Table.grid(padding=(0, 2))
    for name, many in (
        ("connected", tally.connected),
        ("downloading", tally.stages[Stage.DOWNLOADING]),
        ("verified", tally.stages[Stage.VERIFIED]),
        ("rebooted", tally.stages[Stage.REBOOTED]),
        ("succeeded", tally.stages[Stage.SUCCEEDED]),
        ("failed", tally.stages[Stage.FAILED]),
    ):
        bars.add_row(name, ProgressBar(total=total, completed=many, width=40), f"{many:,} of {total:,}")
    blocks, size = rates.look(1.0)
    speed = Text(f"{fleet.elapsed:,.0f} s   {blocks:,.0f} blocks/s   {size / _MB:,.1f} MB/s")
    delays = Table.grid(padding=(0, 2))
    for name, histogram in (("block", tally.block_delay), ("image", tally.image_time)):
        cells = (f"p{round(share * 100)} {milliseconds(histogram.percentile(share))}" for share in _SHARES)
        delays.add_row(name, *cells)
    reasons = (Text(printable(f"{many:,} failed: {why}")) for why, many in tally.reasons.most_common(REASONS_SHOWN))
    return Group(bars, speed, delays, *reasons)
