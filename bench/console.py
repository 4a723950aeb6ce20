"""What five open pages cost the simulator while things stream: its CPU with and without. Run by scripts/bench."""

import argparse
import asyncio
import json
import statistics
import tempfile
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import asdict, dataclass
from http import HTTPStatus
from http.client import HTTPConnection
from pathlib import Path
from typing import Final

import uvloop
from rich.console import Console
from rich.table import Table

from load import Thing, Work, connect, stop
from ota_stream.streams.topics import Format
from served import IMAGE, STREAM_ID, Simulator, allow_many_files

PAGES: Final = ("updates", f"streams/{STREAM_ID}", "things", "logs/AWSIotLogsV2", "requests")
_WARM_UP: Final = 1.0  # seconds
_PATIENCE: Final = 30.0  # seconds a page may take
_LINE_MAX: Final = 1 << 22
_STEP: Final = 0.05  # seconds between two portions of the paced load


@dataclass(frozen=True)
class Row:
    """One measurement. CPU in microseconds a request and as a share of one core; `added` by the open pages."""

    load: str
    requests_per_s: float
    without: float
    with_pages: float
    core_without: float
    core_with: float
    added: float
    pushes: float


@dataclass
class Spent:
    """What a while of streaming took: requests, seconds of CPU, seconds, and how many pictures all pages were sent."""

    turns: int
    cpu: float
    elapsed: float
    pushes: int = 0

    @property
    def each(self) -> float:
        """Microseconds of CPU a request."""
        return 1e6 * self.cpu / self.turns

    @property
    def core(self) -> float:
        """Share of a core."""
        return self.cpu / self.elapsed


class _Browser:
    """A page that is open: reads its server-sent events and throws them away."""

    def __init__(self) -> None:
        self.pushes = 0

    async def open(self, port: int, page: str) -> None:
        """Load the page, as a browser does first, and begin to look."""
        await asyncio.to_thread(_load, port, page)
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


def _load(port: int, page: str) -> None:
    """Load the page itself, as a browser does first."""
    with closing(HTTPConnection("127.0.0.1", port, timeout=_PATIENCE)) as connection:
        connection.request("GET", f"/_ota/console/{page}")
        answer = connection.getresponse()
        answer.read()
        if answer.status != HTTPStatus.OK:
            raise ConnectionError(f"{page}: {answer.status}")


@asynccontextmanager
async def looking(port: int, pages: Sequence[str]) -> AsyncGenerator[list[_Browser]]:
    """Have a browser at each page."""
    browsers = [_Browser() for _ in pages]
    for browser, page in zip(browsers, pages, strict=True):
        await browser.open(port, page)
    yield browsers
    for browser in browsers:
        await browser.close()


async def spent(server: Simulator, things: list[Thing], seconds: float, rate: float | None) -> Spent:
    """Stream for a while, as fast as it goes or at `rate` requests a second in all, and return what it took."""
    for thing in things:
        thing.running = rate is None
        if thing.running and not thing.left:
            thing.ask()
    turns, cpu, start = _turns(things), server.cpu(), time.perf_counter()
    if rate is None:
        await asyncio.sleep(seconds)
    else:
        await _paced(things, seconds, rate)
    result = Spent(_turns(things) - turns, server.cpu() - cpu, time.perf_counter() - start)
    for thing in things:
        thing.running = False
    return result


async def _paced(things: list[Thing], seconds: float, rate: float) -> None:
    start, sent = time.perf_counter(), 0
    while (passed := time.perf_counter() - start) < seconds:
        while sent < passed * rate:
            thing = things[sent % len(things)]
            if not thing.left:
                thing.ask()
            sent += 1
        await asyncio.sleep(_STEP)


def _turns(things: list[Thing]) -> int:
    return sum(thing.turns for thing in things)


async def measure(count: int, seconds: float, rate: float | None, pages: Sequence[str]) -> Spent:
    """Measure a fresh simulator while these pages are open: what is kept for them goes on for ten minutes."""
    with tempfile.TemporaryDirectory() as folder, Simulator(Path(folder)) as server:
        things = await connect(count, Work(server.mqtt_port, STREAM_ID, IMAGE, Format.JSON))
        await spent(server, things, _WARM_UP, rate)  # a log group is there once something was logged
        async with looking(server.http_port, pages) as browsers:
            await spent(server, things, _WARM_UP, rate)
            before = sum(browser.pushes for browser in browsers)
            found = await spent(server, things, seconds, rate)
            found.pushes = sum(browser.pushes for browser in browsers) - before
        await stop(things)
    return found


async def run(count: int, rates: list[float], pages: Sequence[str], rounds: int, seconds: float) -> list[Row]:
    """Measure each load without and with the pages by turns; return the least of each: others only add."""
    taken: dict[float, tuple[list[Spent], list[Spent]]] = {rate: ([], []) for rate in rates}
    for number in range(rounds):
        for rate in rates:
            for looked in (False, True) if number % 2 else (True, False):  # so that a drift of the machine evens out
                taken[rate][looked].append(await measure(count, seconds, rate or None, pages if looked else ()))
    return [_row(f"{rate:,.0f}/s" if rate else "full speed", *some, len(pages)) for rate, some in taken.items()]


def _row(load: str, without: list[Spent], with_pages: list[Spent], pages: int) -> Row:
    median = statistics.median
    before, after = min(one.each for one in without), min(one.each for one in with_pages)
    return Row(
        load,
        median(one.turns / one.elapsed for one in with_pages),
        before,
        after,
        min(one.core for one in without),
        min(one.core for one in with_pages),
        after / before - 1,
        median(one.pushes / one.elapsed / pages for one in with_pages),
    )


def main() -> None:
    """Print a table and, with --json, the same as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--connections", type=int, default=10_000)
    parser.add_argument("--rates", type=float, nargs="+", default=[10_000], help="requests/s of all; 0: full speed")
    parser.add_argument("--pages", nargs="+", default=PAGES, metavar="PATH", help="one browser each")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--json", type=Path, help="write the rows to this file")
    given = parser.parse_args()
    allow_many_files()
    rows = uvloop.run(run(given.connections, given.rates, given.pages, given.rounds, given.seconds))
    table = Table(
        "load", "requests/s", "us/request", "with pages", "of a core", "with pages", "added", "pushes/s a page"
    )
    for row in rows:
        shares = f"{row.core_without:.1%}", f"{row.core_with:.1%}", f"{row.added:+.1%}"
        table.add_row(
            row.load, f"{row.requests_per_s:,.0f}", f"{row.without:.1f}", f"{row.with_pages:.1f}", *shares,
            f"{row.pushes:.1f}",
        )  # fmt: skip
    Console(width=110).print(table)
    if given.json:
        given.json.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n")


if __name__ == "__main__":
    main()
