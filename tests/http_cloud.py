"""A real cloud behind the real HTTP server, on a socket and over a real database, for tests."""

import asyncio
import http.client
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from live import PATIENCE, MovableClock
from ota_broker.services import Outlets, Place, open_services
from ota_stream.answers import Effect, Reply
from ota_stream.api.app import create_app
from ota_stream.api.guard import LocalOnly
from ota_stream.api.server import HttpServer
from ota_stream.jobs.options import JobOptions
from ota_stream.stores.log_events import StoredEvents
from ota_stream.stores.sqlite import Database
from ota_stream.streams.catalog import Catalog
from ota_stream.updates.options import UpdateOptions


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

    update_options = UpdateOptions(pace=0.0, roles="ignore")
    aws_backend: str | None = None
    tail_pace = 0.05  # seconds between two portions of a live tail

    def __init__(self, folder: Path, base: str = "http://127.0.0.1:1", mqtt: str = "127.0.0.1:1883") -> None:
        self.database = Database(folder / "state.db")
        self.clock = MovableClock()
        self.replies: list[Reply] = []
        self.records: list[Any] = []
        self.catalog = Catalog()
        place = Place(
            folder, base, JobOptions(), self.update_options, self.clock, self.aws_backend, tail_pace=self.tail_pace
        )
        self.events = StoredEvents(folder)
        outlets = Outlets(
            self.hand_over,
            lambda: self.commit(),  # noqa: PLW0108 - a test puts another one there
            lambda kind: base.partition("://")[2] if kind == "iot:Jobs" else mqtt,
        )
        self.services = open_services(self.database, self.events, self.catalog, place, outlets)
        self.lost = list(self.services.restore())
        self.operated, self.book = self.services.cloud, self.services.book
        self.presigner, self.updates = self.operated.presigner, self.operated.updates
        self.jobs, self.devices = self.operated.jobs, self.operated.devices
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
        self.folder, self._names = folder, names
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._main()))

    async def _main(self) -> None:
        super().__init__(self.folder, self.base)  # here, because a database belongs to its thread
        self._loop = asyncio.get_running_loop()
        self._done = asyncio.Event()
        await self._serve()
        self._ready.set()
        while not self._done.is_set():
            if self.works:
                self.turn()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._done.wait(), 0.005)
        await self._close()
        self.events.close()
        self.database.close()

    async def _serve(self) -> None:
        await self.server.serve(LocalOnly(create_app(self.operated), self._names))

    async def _close(self) -> None:
        await self.server.stop()

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
