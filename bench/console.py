"""What five open pages cost the simulator while things stream: its CPU with and without. Run by scripts/bench.

One simulator and one steady load, while the pages come and go: slices without, with, with, without, and again. A slice
is held against one that is near, so a machine that is slow for a while is slow for both. Two neighbours without pages
tell how far the machine itself differs.
"""

import argparse
import asyncio
import json
import re
import statistics
import tempfile
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import asdict, dataclass, field
from http import HTTPStatus
from http.client import HTTPConnection
from pathlib import Path
from typing import Final

import uvloop
from rich.console import Console
from rich.table import Table

from load import Thing, Work, connect, stop
from ota_broker.watched import LOOKS_FOR
from ota_stream.streams.topics import Format
from served import IMAGE, STREAM_ID, Simulator, allow_many_files

PAGES: Final = ("updates", f"streams/{STREAM_ID}", "things", "logs/AWSIotLogsV2", "requests")
_WARM_UP: Final = 2.0  # seconds at least, and until each thing has asked
_QUIET: Final = LOOKS_FOR + 1.0  # seconds after which nothing is kept for pages that were closed
_PATIENCE: Final = 60.0  # seconds a page may take
_LINE_MAX: Final = 1 << 22
_SLICES: Final = 4  # of a round with pages, and without
_STEP: Final = 0.01  # seconds between two portions of the load
_ANSWERED: Final = re.compile(
    rb'^ota_stream_requests_total{operation="GetStream",result="success"} (.+)$', re.MULTILINE
)


@dataclass(frozen=True)
class Spread:
    """The median of ratios, less one; their quartiles; and between what the median is, 19 times of 20."""

    median: float
    quartiles: tuple[float, float]
    surely: tuple[float, float]

    @classmethod
    def of(cls, ratios: Sequence[float]) -> "Spread":
        """Take two ratios or more."""
        added, many = sorted(ratio - 1 for ratio in ratios), len(ratios)
        low, median, high = statistics.quantiles(added, method="inclusive")
        rank = max(0, int((many - 1.96 * many**0.5) / 2))  # of the sign test
        return cls(median, (low, high), (added[rank], added[-1 - rank]))

    def __str__(self) -> str:
        (low, high), (least, most) = self.quartiles, self.surely
        return f"{self.median:+.1%} ({least:+.1%} to {most:+.1%}; half of all {low:+.1%} to {high:+.1%})"


@dataclass
class Slice:
    """What a while of streaming took: answered requests, seconds of CPU, seconds, pictures that all pages were sent."""

    requests: float
    cpu: float
    elapsed: float
    pushes: int = 0

    @property
    def each(self) -> float:
        """Microseconds of CPU a request."""
        return 1e6 * self.cpu / self.requests


@dataclass
class Found:
    """All slices; `without` has four of each round, two before and two after the four of `with_pages`.

    `opening` has seconds of CPU that the first look took beyond what the requests did, until each thing was met.
    """

    without: list[Slice] = field(default_factory=list)
    with_pages: list[Slice] = field(default_factory=list)
    opening: list[float] = field(default_factory=list)

    def added(self) -> Spread:
        """Return what the pages add to the CPU of a request."""
        pairs = zip(self.with_pages, self.without, strict=True)
        return Spread.of([shown.each / plain.each for shown, plain in pairs])

    def same_twice(self) -> Spread:
        """Return how two slices without pages differ that follow each other."""
        pairs = zip(self.without[::2], self.without[1::2], strict=True)
        return Spread.of([after.each / before.each for before, after in pairs])


class _Meter:
    """Reads what the simulator has used and answered, by itself."""

    def __init__(self, server: Simulator) -> None:
        self._server = server

    async def slices(self, many: int, seconds: float) -> list[Slice]:
        """Wait as often, and return what each took."""
        return [await self.slice(seconds) for _ in range(many)]

    async def slice(self, seconds: float) -> Slice:
        """Wait, and return what it took."""
        requests, cpu, start = await asyncio.to_thread(self._answered), self._server.cpu(), time.perf_counter()
        await asyncio.sleep(seconds)
        answered = await asyncio.to_thread(self._answered)
        return Slice(answered - requests, self._server.cpu() - cpu, time.perf_counter() - start)

    def _answered(self) -> float:
        found = _ANSWERED.search(_load(self._server.http_port, "/metrics"))
        return float(found[1]) if found else 0.0


class _Browser:
    """A page that is open: reads its server-sent events and throws them away."""

    def __init__(self) -> None:
        self.pushes = 0

    async def open(self, port: int, page: str) -> None:
        """Load the page, as a browser does first, and begin to look."""
        await asyncio.to_thread(_load, port, f"/_ota/console/{page}")
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", port, limit=_LINE_MAX)
        self._writer.write(f"GET /_ota/console/{page}/live HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
        status = await self._reader.readline()
        if b" 200 " not in status:
            raise ConnectionError(f"{page}: {status!r}")
        self._looking = asyncio.create_task(self._look())

    async def _look(self) -> None:
        while line := await self._reader.readline():
            self.pushes += line.startswith(b"event: picture")

    async def close(self) -> None:
        """Look no more."""
        self._writer.close()
        await self._looking


def _load(port: int, path: str) -> bytes:
    with closing(HTTPConnection("127.0.0.1", port, timeout=_PATIENCE)) as connection:
        connection.request("GET", path)
        answer = connection.getresponse()
        if answer.status != HTTPStatus.OK:
            raise ConnectionError(f"{path}: {answer.status}")
        return answer.read()


@asynccontextmanager
async def looking(port: int, pages: Sequence[str]) -> AsyncGenerator[list[_Browser]]:
    """Have a browser at each page."""
    browsers = [_Browser() for _ in pages]
    for browser, page in zip(browsers, pages, strict=True):
        await browser.open(port, page)
    yield browsers
    for browser in browsers:
        await browser.close()


@asynccontextmanager
async def asking(things: list[Thing], rate: float) -> AsyncGenerator[None]:
    """Let things ask by turns, so many times a second in all; one that still waits for an answer is passed over."""

    async def ask() -> None:
        start, sent = time.perf_counter(), 0
        while True:
            while sent < (time.perf_counter() - start) * rate:
                thing = things[sent % len(things)]
                if not thing.left:
                    thing.ask()
                sent += 1
            await asyncio.sleep(_STEP)

    task = asyncio.create_task(ask())
    yield
    task.cancel()
    await asyncio.wait([task])


async def run(  # noqa: PLR0913, PLR0917 - what a measurement is
    count: int, rate: float, pages: Sequence[str], rounds: int, seconds: float, quiet: float = _QUIET
) -> Found:
    """Let as many things ask at a rate, and the pages come and go in as many rounds of four slices each."""
    found = Found()
    settle = max(_WARM_UP, 1.2 * count / rate)
    with tempfile.TemporaryDirectory() as folder, Simulator(Path(folder)) as server:
        meter = _Meter(server)
        things = await connect(count, Work(server.mqtt_port, STREAM_ID, IMAGE, Format.JSON))
        async with asking(things, rate):
            await asyncio.sleep(settle)  # a log group is there once something was logged
            for _ in range(rounds):
                found.without += await meter.slices(_SLICES // 2, seconds)
                async with looking(server.http_port, pages) as browsers:
                    await _look(meter, browsers, settle, seconds, found)
                await asyncio.sleep(quiet)
                found.without += await meter.slices(_SLICES // 2, seconds)
        await stop(things)
    return found


async def _look(meter: _Meter, browsers: list[_Browser], settle: float, seconds: float, found: Found) -> None:
    before, opening = found.without[-1], await meter.slice(settle)
    found.opening.append(opening.cpu - opening.requests * before.cpu / before.requests)
    for _ in range(_SLICES):
        pushes = sum(browser.pushes for browser in browsers)
        shown = await meter.slice(seconds)
        shown.pushes = sum(browser.pushes for browser in browsers) - pushes
        found.with_pages.append(shown)


def table(found: Found, pages: int) -> Table:
    """Return what was found, for people."""
    shown = Table("", "no page", "pages open")
    kinds = found.without, found.with_pages
    median = statistics.median
    shown.add_row("us/request", *(f"{median(each.each for each in kind):.1f}" for kind in kinds))
    shown.add_row("of a core", *(f"{median(each.cpu / each.elapsed for each in kind):.1%}" for kind in kinds))
    shown.add_row("requests/s", *(f"{median(each.requests / each.elapsed for each in kind):,.0f}" for kind in kinds))
    pushes = median(each.pushes / each.elapsed / max(1, pages) for each in found.with_pages)
    shown.add_row("pictures/s a page", "", f"{pushes:.1f}")
    shown.add_row("ms to begin", "", f"{1e3 * median(found.opening):.0f}")
    return shown


def main() -> None:
    """Print a table and, with --json, all slices as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--connections", type=int, default=10_000)
    parser.add_argument("--rate", type=float, default=10_000, help="requests/s of all")
    parser.add_argument("--pages", nargs="*", default=PAGES, metavar="PATH", help="one browser each")
    parser.add_argument("--rounds", type=int, default=12, help="of four pairs each")
    parser.add_argument("--seconds", type=float, default=2.0, help="of a slice")
    parser.add_argument("--json", type=Path, help="write the slices to this file")
    given = parser.parse_args()
    if given.rounds < 1:
        parser.error("a round at least")
    allow_many_files()
    found = uvloop.run(run(given.connections, given.rate, given.pages, given.rounds, given.seconds))
    console = Console(width=110)
    console.print(table(found, len(given.pages)))
    console.print(f"open pages add       {found.added()}", highlight=False)
    console.print(f"none, and none again {found.same_twice()}", highlight=False)
    if given.json:
        given.json.write_text(json.dumps(asdict(found), indent=1) + "\n")


if __name__ == "__main__":
    main()
