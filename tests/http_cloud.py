"""A real cloud behind the real HTTP server, on a socket and over a real database, for tests."""

import asyncio
import http.client
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

from live import PATIENCE, MovableClock
from ota_stream.answers import Effect, Reply
from ota_stream.api.app import create_app
from ota_stream.api.operated import Operated
from ota_stream.api.presign import Presigner
from ota_stream.api.server import HttpServer
from ota_stream.jobs.book import JobBook, JobTables
from ota_stream.jobs.control import JobControl
from ota_stream.jobs.executions import JobExecution
from ota_stream.jobs.jobs import EventType, Job, Thing, ThingGroup, WaitingThing
from ota_stream.jobs.options import JobOptions
from ota_stream.jobs.queries import JobQueries
from ota_stream.jobs.registry import Registry
from ota_stream.jobs.service import JobService
from ota_stream.signing.jobs import SigningJob
from ota_stream.signing.profiles import SigningProfile
from ota_stream.signing.service import SigningBook, SigningService
from ota_stream.stores.keys import KeyFolder
from ota_stream.stores.objects import ObjectRow, ObjectStore
from ota_stream.stores.sqlite import Database
from ota_stream.streams.catalog import Catalog
from ota_stream.updates.creation import MadeStream
from ota_stream.updates.options import UpdateOptions
from ota_stream.updates.service import Below, UpdateBook, UpdateService
from ota_stream.updates.states import OtaUpdate


class Answered(NamedTuple):
    """An answer over HTTP; header names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        assert self.headers["content-type"] == "application/json"
        return json.loads(self.body)


class World:
    """All services of a cloud over one folder; what it hands over and how often it commits is noted."""

    def __init__(self, folder: Path, base: str = "http://127.0.0.1:1") -> None:
        self.database = Database(folder / "state.db")
        self.clock = MovableClock()
        self.replies: list[Reply] = []
        self.records: list[Any] = []
        self.presigner = Presigner(base, b"secret")
        table = self.database.table
        self.book = JobBook(
            JobTables(
                jobs=table("jobs", Job),
                executions=table("executions", JobExecution),
                waiting=table("waiting", WaitingThing),
                things=table("things", Thing),
                groups=table("groups", ThingGroup),
                event_types=table("event types", EventType),
            )
        )
        options = JobOptions()

        def presign(url: str, seconds: float) -> str:
            return self.presigner.resolve(url, self.clock.wall() + seconds)

        self.jobs = JobControl(self.book, options, presign)
        self.devices = JobService(self.book, options, presign)
        self.catalog = Catalog()
        keys = KeyFolder(folder / "keys", self.clock)
        objects = ObjectStore(folder / "objects", table("objects", ObjectRow))
        signing_book = SigningBook(
            table("profiles", SigningProfile), table("signing jobs", SigningJob), table("tokens", str)
        )
        signing = SigningService(signing_book, keys, lambda: str(uuid4()))
        self.updates = UpdateService(
            UpdateBook(table("updates", OtaUpdate), table("streams", MadeStream)),
            Below(self.catalog, signing, self.jobs, objects),
            lambda: str(uuid4()),
            UpdateOptions(pace=0.0),
        )
        self.operated = Operated(
            catalog=self.catalog,
            jobs=self.jobs,
            queries=JobQueries(self.book, options),
            registry=Registry(self.book, options, presign),
            signing=signing,
            updates=self.updates,
            objects=objects,
            keys=keys,
            presigner=self.presigner,
            clock=self.clock,
            hand_over=self.hand_over,
            commit=lambda: self.commit(),  # noqa: PLW0108 - a test puts another one there
            groups=self.book.groups,
            arn=UpdateOptions().arn,
        )
        self.commit: Callable[[], None] = self.database.flush

    def hand_over(self, effect: Effect) -> None:
        self.replies.extend(effect.replies)
        self.records.extend(effect.records)

    def turn(self) -> None:
        """Do what is due, as the simulator's clock does."""
        now = self.clock.wall()
        for service in (self.updates, self.jobs):
            self.hand_over(service.on_time(now))
        self.database.flush()


class HttpCloud(World):
    """A world that is served, by a thread of its own, until the `with` block of `serving_http` ends."""

    def __init__(self, folder: Path, names: tuple[str, ...] = ()) -> None:
        self.server = HttpServer("127.0.0.1", 0)
        self.base, self.host, self.port = self.server.base, self.server.host, self.server.port
        self.works = True  # False: time stands still for updates and jobs
        self._folder, self._names = folder, names
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._main()))

    async def _main(self) -> None:
        super().__init__(self._folder, self.base)  # here, because a database belongs to its thread
        self._loop = asyncio.get_running_loop()
        self._done = asyncio.Event()
        await self.server.serve(create_app(self.operated, self._names))
        self._ready.set()
        while not self._done.is_set():
            if self.works:
                self.turn()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._done.wait(), 0.005)
        await self.server.stop()
        self.database.close()

    def start(self) -> None:
        self._thread.start()
        assert self._ready.wait(PATIENCE), "the HTTP server did not open"

    def stop(self) -> None:
        if not self._thread.is_alive():
            return
        self._loop.call_soon_threadsafe(self._done.set)
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive(), "the HTTP server did not close"

    def run(self, function: Callable[[], object]) -> Any:
        """Run a function on the server's loop and return what it returns."""

        async def call() -> object:
            return function()

        return asyncio.run_coroutine_threadsafe(call(), self._loop).result(PATIENCE)

    def ask(self, method: str, target: str, body: bytes | dict[str, Any] | None = None, **headers: str) -> Answered:
        """Send one request; a dict goes as JSON, header names take an underscore for a hyphen."""
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        if isinstance(body, dict):
            given = {"content-type": "application/json", **given}
            body = json.dumps(body).encode()
        with closing(http.client.HTTPConnection(self.host, self.port, timeout=PATIENCE)) as connection:
            connection.request(method, target, body, given)
            answer = connection.getresponse()
            return Answered(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())


@contextmanager
def serving_http(folder: Path, names: tuple[str, ...] = ()) -> Iterator[HttpCloud]:
    """Serve a cloud over `folder` on a free port of 127.0.0.1."""
    cloud = HttpCloud(folder, names)
    cloud.start()
    try:
        yield cloud
    finally:
        cloud.stop()
