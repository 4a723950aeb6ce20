"""A Locust user that is a shard of a fleet: Locust distributes, counts and draws, the things are those of `load`.

    locust -f "$(python -m ota_stream.locust.locustfile)" --host mqtt://127.0.0.1:1883 --stream fw --things 200 -u 4

With `--update app.bin` instead of `--stream` a shard is of job agents: each carries out an update of its own, once.
The engine runs on an event loop of its own in a real thread, beside Locust's greenlets; a task looks at its counts
twice a second and tells Locust what is new. So a user in Locust's pages is a shard, and a block costs what it costs in
`load`. This folder is no package on purpose: importing Locust changes the whole process.
"""
# Locust's types are not whole:
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import uuid4

import gevent  # type: ignore[import-untyped,unused-ignore]
import gevent.monkey  # type: ignore[import-untyped,unused-ignore]
import uvloop
from locust import User, constant, events, task
from locust.argument_parser import LocustArgumentParser
from locust.env import Environment

from ota_device.flavours import FLAVOURS, FlavourName
from ota_device.fleet.engine import STOPPED, Fleet, Give, Plan
from ota_device.fleet.histogram import Histogram, edge
from ota_device.fleet.site import Target
from ota_device.fleet.traits import Traits
from ota_stream.cli.fleet_run import sized
from ota_stream.cli.fleet_work import Stream, Update, Work, giver
from ota_stream.errors import OtaStreamError
from ota_stream.stores.datadir import DEFAULT
from ota_stream.streams.topics import Format

KIND: Final = "OTA"  # the type of Locust's rows
BLOCK: Final = "GetStream"
IMAGE: Final = "Image"
LOOK_EVERY: Final = 0.5  # seconds
FOR_GOOD: Final = 30 * 86_400.0  # seconds: until Locust says stop
END_WITHIN: Final = 10.0  # seconds a shard has to stop
DEFAULT_PORT: Final = 1883
_PAUSE: Final = 0.02  # seconds

_start_thread: Final[Any] = gevent.monkey.get_original("_thread", "start_new_thread")

OPTIONS: Final[Mapping[str, Mapping[str, Any]]] = MappingProxyType({
    "--stream": {"default": "", "help": "Id of the stream to download, again and again."},
    "--update": {"default": "", "help": "Firmware: each shard has an update made for its things, and carries it out."},
    "--flavour": {"choices": [one.value for one in FlavourName], "default": "freertos", "help": "Agent for --update."},
    "--data-dir": {"default": str(DEFAULT), "help": "Data directory of the simulator, for --update."},
    "--things": {"type": int, "default": 100, "help": "Things in a shard."},
    "--file-id": {"type": int, "default": 0, "help": "Which file of the stream."},
    "--block-size": {"type": int, "default": None, "help": "Bytes a block; 4096, or the flavour's."},
    "--window": {"type": int, "default": None, "help": "Blocks a request; 8, or the flavour's."},
    "--format": {"choices": [one.value for one in Format], "default": "cbor", "help": "json or cbor."},
    "--start-rate": {"type": float, "default": 500.0, "help": "Things that start a second in a shard."},
})  # fmt: skip
"""What a run says beside Locust's own options; the master hands them to its workers."""


@events.init_command_line_parser.add_listener  # type: ignore[untyped-decorator]
def _add_options(parser: LocustArgumentParser) -> None:
    group = parser.add_argument_group("ota-stream")
    for name, how in OPTIONS.items():
        group.add_argument(name, **how)


@events.init.add_listener  # type: ignore[untyped-decorator]
def _be_patient(environment: Environment, **_: Any) -> None:  # noqa: ANN401 - of Locust
    """Let shards come to their end: without it Locust kills its users at once, and what they had not told is lost."""
    environment.stop_timeout = environment.stop_timeout or END_WITHIN


class Engine:
    """The engine of one shard in a thread of its own. `fleet` is None until it runs; `fault` says why it does not."""

    def __init__(self, plan: Plan, target: Target, work: Work) -> None:
        self.fleet: Fleet | None = None
        self.fault: Exception | None = None
        self.ended = False
        self._plan, self._target, self._work = plan, target, work
        self._loop = uvloop.new_event_loop()

    def start(self) -> None:
        """Prepare the work, and start the thread: a real one, because a greenlet would stop all others."""
        try:
            give = giver(self._work, self._plan)
        except OtaStreamError as error:
            self.fault, self.ended = error, True
            return
        _start_thread(self._run, (give,))

    def stop(self) -> None:
        """Ask it to stop; `ended` tells when it has."""
        if self.fleet is not None and not self.ended:
            self._loop.call_soon_threadsafe(self.fleet.stop)

    def _run(self, give: Callable[[Fleet], Give]) -> None:
        try:
            self._loop.run_until_complete(self._main(give))
        except Exception as error:  # noqa: BLE001 - told by the greenlet that looks
            self.fault = error
        finally:
            self.ended = True
            self._loop.close()

    async def _main(self, give: Callable[[Fleet], Give]) -> None:
        self.fleet = Fleet(self._plan, self._target, give)
        await self.fleet.run()


class Told:
    """What Locust has been told of a fleet."""

    def __init__(self) -> None:
        self.blocks: list[int] = []
        self.images: list[int] = []
        self.bytes = 0
        self.reasons: Counter[str] = Counter()


def new_times(histogram: Histogram, told: list[int]) -> list[tuple[float, int]]:
    """Return what a histogram has that was not told: milliseconds and how many; and note it as told."""
    now = list(histogram.counts)
    before = told or [0] * len(now)
    told[:] = now
    steps = (late - early for early, late in zip(before, now, strict=True))
    return [(edge(bucket + 0.5) * 1000, many) for bucket, many in enumerate(steps) if many]


class Shard(User):
    """So many things at once: a download over and over until Locust says stop, or an update."""

    wait_time = constant(0)
    _engine: Engine

    def on_start(self) -> None:
        """Start the things."""
        given = self.environment.parsed_options
        assert given is not None  # noqa: S101 - set before a user starts
        if bool(given.stream) is bool(given.update):
            raise OtaStreamError("say what to do: either --stream ID or --update FIRMWARE")
        where = urlsplit(self.host or "")
        begin = f"shard-{uuid4().hex[:8]}-"
        traits = Traits(
            count=given.things,
            thing=begin + "{number:05}",
            ramp=given.start_rate,
            flavour=FLAVOURS[FlavourName(given.flavour)],
        )
        plan = Plan((sized(traits, Format(given.format), given.block_size, given.window),), FOR_GOOD)
        target = Target(where.hostname or "127.0.0.1", where.port or DEFAULT_PORT)
        self._told = Told()
        work: Work = Stream(given.stream, given.file_id, again=FOR_GOOD)
        if given.update:
            work = Update(Path(given.update), Path(given.data_dir))
        self._engine = Engine(plan, target, work)
        self._engine.start()

    @task
    def look(self) -> None:
        """Tell Locust what is new."""
        gevent.sleep(LOOK_EVERY)
        self._tell()
        if self._engine.ended:
            self.stop()

    def on_stop(self) -> None:
        """End the things."""
        self._engine.stop()
        for _ in range(round(END_WITHIN / _PAUSE)):
            if self._engine.ended:
                break
            gevent.sleep(_PAUSE)
        self._tell()

    def _tell(self) -> None:
        fleet, told = self._engine.fleet, self._told
        fault, self._engine.fault = self._engine.fault, None
        if fault is not None:
            self._fail(str(fault))
        if fleet is None:
            return
        tally, stats = fleet.tally, self.environment.stats
        images, blocks = new_times(tally.image_time, told.images), new_times(tally.block_delay, told.blocks)
        size, told.bytes = tally.bytes - told.bytes, tally.bytes
        each = size // max(1, sum(many for _, many in blocks))
        for name, new, length in ((IMAGE, images, 0), (BLOCK, blocks, each)):
            for milliseconds, many in new:
                for _ in range(many):
                    stats.log_request(KIND, name, round(milliseconds), length)
        for reason, many in tally.reasons.items():
            for _ in range(many - told.reasons[reason] if reason != STOPPED else 0):
                self._fail(reason)
            told.reasons[reason] = many

    def _fail(self, reason: str) -> None:
        self.environment.events.request.fire(
            request_type=KIND,
            name=IMAGE,
            response_time=0,
            response_length=0,
            exception=OtaStreamError(reason),
            context={},
        )


if __name__ == "__main__":
    print(__file__)  # noqa: T201 - the path that locust wants
