"""Runs a fleet to its end: starts the things by and by, counts, stops in time, and tells how it went."""

import asyncio
import gc
import resource
import time
from collections.abc import Callable, Iterator
from time import monotonic
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from ota_device.document import HTTP
from ota_device.errors import DeviceError, LinkError
from ota_device.fleet.line import Line
from ota_device.fleet.shelf import Shelf
from ota_device.fleet.site import Site, Target, reason_of
from ota_device.fleet.tally import Stage, Tally
from ota_device.fleet.thing import Thing, Verdict, Work
from ota_device.fleet.traits import Traits

SPARE_FILES: Final = 100  # descriptors a process needs beside its connections
REACH_WITHIN: Final = 10.0  # seconds
TIME_IS_UP: Final = "time is up"
STOPPED: Final = "stopped by the user"
_LAST_WORDS: Final = 0.05  # seconds for the last reports and goodbyes to leave
_GARBAGE: Final = 50_000  # allocations until the collector looks, in a process full of things that live


class Plan(Struct, frozen=True):
    """Who takes part, for how long at most (seconds), and the seed that everything by chance comes from."""

    classes: tuple[Traits, ...]
    limit: float
    seed: int = 0

    @property
    def count(self) -> int:
        """The number of things."""
        return sum(traits.count for traits in self.classes)

    @property
    def by_http(self) -> int:
        """The number of things that may download by HTTP, over a second connection."""
        return sum(traits.count for traits in self.classes if HTTP in traits.flavour.speaks)

    def names(self) -> Iterator[str]:
        """Give the name of every thing."""
        number = 0
        for traits in self.classes:
            for _ in range(traits.count):
                number += 1
                yield traits.thing.format(number=number)


Give = Callable[[Thing], Work]
"""Gives a thing its work."""


class Fleet:
    """A run. `things` and `site.tally` may be looked at all the time.

    `run` raises LinkError when nobody listens, DeviceError when there are not enough descriptors; one line.
    """

    def __init__(self, plan: Plan, target: Target, give: Callable[["Fleet"], Give]) -> None:
        self.site = Site(target, asyncio.get_running_loop())
        self.plan = _sharing(plan, self.site.shelf)
        self.things: list[Thing] = []
        self.started: float | None = None
        self.interrupted = False
        self._ended: float | None = None
        self._left = plan.count
        self._over = asyncio.Event()
        self._give = give(self)

    @property
    def tally(self) -> Tally:
        """The counts."""
        return self.site.tally

    @property
    def elapsed(self) -> float:
        """Seconds since the start, up to the end; 0 before."""
        return 0.0 if self.started is None else (self._ended or monotonic()) - self.started

    async def run(self) -> None:
        """Run until every thing has ended, or the time is up, or `stop`."""
        make_room(self.plan.count, self.plan.by_http)
        await _reach(self.site)
        self.started = began = monotonic()
        self._switch_on(began)
        collector = gc.get_threshold()
        gc.set_threshold(_GARBAGE, 20, 100)
        try:
            await self._wait(began + self.plan.limit)
        finally:
            gc.set_threshold(*collector)
            await self._close()

    def stop(self) -> None:
        """End it now; what has not ended fails."""
        self.interrupted = True
        self._over.set()

    async def _wait(self, end: float) -> None:
        tally = self.tally
        while not self._over.is_set() and monotonic() < end:
            try:
                async with asyncio.timeout(min(tally.interval, end - monotonic())):
                    await self._over.wait()
            except TimeoutError:
                tally.sample(self.elapsed)

    def _switch_on(self, began: float) -> None:
        """Plan the start of every thing."""
        site, number = self.site, 0
        on_over = self._on_over
        for traits in self.plan.classes:
            for order in range(traits.count):
                number += 1
                thing = Thing(number, traits, site, self.plan.seed, on_over)
                thing.work = self._give(thing)
                if traits.is_impaired:
                    thing.line = Line(thing)
                self.things.append(thing)
                start = began + order / traits.ramp + thing.dice.throw() * traits.spread
                site.agenda.at(start, thing.begin)
        site.tally.stages[Stage.WAITING] = number

    def _on_over(self, _: Thing) -> None:
        self._left -= 1
        if not self._left:
            self._over.set()

    async def _close(self) -> None:
        """End what has not ended, and let the sockets close."""
        now = monotonic()
        self.site.hang_up()
        for thing in self.things:
            thing.end(Verdict(succeeded=False, reason=STOPPED if self.interrupted else TIME_IS_UP), now)
        self.site.agenda.clear()
        self._ended = now
        self.tally.sample(self.elapsed, last=True)
        await asyncio.sleep(_LAST_WORDS)


def _sharing(plan: Plan, shelf: Shelf) -> Plan:
    """Let the agents of all things read blocks with one reader."""
    flavours = (replace(traits.flavour, read=shelf.reading(traits.flavour.read)) for traits in plan.classes)
    shared = zip(plan.classes, flavours, strict=True)
    return replace(plan, classes=tuple(replace(traits, flavour=flavour) for traits, flavour in shared))


def make_room(count: int, by_http: int = 0) -> None:
    """Raise the limit of open files as far as it goes; things that download by HTTP take two.

    Raises:
        DeviceError: the things do not fit.
    """
    wanted = count + by_http + SPARE_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        if hard != resource.RLIM_INFINITY and hard < wanted:
            raise DeviceError(
                f"{count} things need {wanted} open files, and this process may have {hard}: "
                f"{max(0, hard - SPARE_FILES) * count // (count + by_http)} things fit, or raise the limit (ulimit -Hn)"
            )
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


async def _reach(site: Site) -> None:
    """See whether anybody listens, before ten thousand things find out. Raises LinkError."""
    target = site.target
    where = f"{target.host}:{target.port}"
    try:
        await site.resolve()
        async with asyncio.timeout(REACH_WITHIN):
            _, writer = await asyncio.open_connection(*(site.address or (target.host, target.port)))
    except TimeoutError:
        raise LinkError(f"{where} does not answer: is it the right address?") from None
    except ConnectionRefusedError:
        raise LinkError(f"nobody listens on {where}: start the simulator with `ota-stream serve FIRMWARE`") from None
    except OSError as error:
        raise LinkError(f"{where} cannot be reached: {reason_of(error)}") from None
    writer.close()


def now_iso() -> str:
    """Return the time of day in UTC, for reports."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
