"""What the things of a fleet share: the way to the broker, the agenda, the counts, the shelf of blocks."""

import asyncio
import socket
import ssl
from collections import deque
from collections.abc import Callable
from time import monotonic
from typing import Final, Protocol

from msgspec import Struct

from ota_device.fleet import sources
from ota_device.fleet.agenda import Agenda
from ota_device.fleet.connection import Connection, Guest
from ota_device.fleet.mqtt import Level
from ota_device.fleet.shelf import Shelf
from ota_device.fleet.sources import Sources, no_port
from ota_device.fleet.tally import Tally
from ota_device.fleet.turn import Turn

KEEP_ALIVE: Final = 240  # seconds; a ping a thing every three minutes
DIALS_MAX: Final = 200  # connections being made at once
DIAL_TIME: Final = 15.0  # seconds for one


class Target(Struct, frozen=True):
    """Where a fleet connects, and how.

    `context` gives the TLS settings of a thing, or there is no TLS; `server_name` is what the broker's certificate
    must say, if not the host.
    """

    host: str
    port: int
    level: Level = Level.V311
    context: Callable[[str], ssl.SSLContext] | None = None
    server_name: str | None = None


class Dialler(Guest, Protocol):
    """Who wants a connection."""

    connection: Connection | None
    is_on: bool


class Site:
    """The surroundings of every thing of a fleet."""

    def __init__(self, target: Target, loop: asyncio.AbstractEventLoop) -> None:
        self.target = target
        self.loop = loop
        self.agenda = Agenda(loop)
        self.turn = Turn(loop)
        self.sources = Sources()
        self.tally = Tally()
        self.shelf = Shelf()
        self._waiting: deque[Dialler] = deque()
        self._dialling: set[asyncio.Task[None]] = set()
        self.address: tuple[str, int] | None = None

    async def resolve(self) -> None:
        """Find the address once. Raises OSError when the name has none."""
        found = await self.loop.getaddrinfo(self.target.host, self.target.port, type=socket.SOCK_STREAM)
        self.address = str(found[0][4][0]), self.target.port
        self.sources = sources.of(self.address[0])

    def dial(self, thing: Dialler) -> None:
        """Connect a thing when it is its turn; it hears `on_open` or `on_closed`."""
        self._waiting.append(thing)
        if len(self._dialling) < DIALS_MAX:
            self._next()

    def hang_up(self) -> None:
        """Stop connecting."""
        self._waiting.clear()
        for task in self._dialling:
            task.cancel()

    def _next(self) -> None:
        task = self.loop.create_task(self._dial(self._waiting.popleft()))
        self._dialling.add(task)
        task.add_done_callback(self._dialled)

    def _dialled(self, task: asyncio.Task[None]) -> None:
        self._dialling.discard(task)
        while self._waiting and len(self._dialling) < DIALS_MAX:
            self._next()

    async def _dial(self, thing: Dialler) -> None:
        if not thing.is_on or thing.connection is not None:  # switched off meanwhile
            return
        target = self.target
        connection = Connection(thing, target.level, KEEP_ALIVE)
        thing.connection = connection
        host, port = self.address or (target.host, target.port)
        source = self.sources.current
        try:
            context = None if target.context is None else target.context(thing.name)
            name = None if context is None else target.server_name or target.host
            async with asyncio.timeout(DIAL_TIME):
                await self.loop.create_connection(
                    lambda: connection,
                    host,
                    port,
                    ssl=context,
                    server_hostname=name,
                    local_addr=None if source is None else (source, 0),
                )
            self.agenda.at(monotonic() + DIAL_TIME, connection.expect_open)
        except TimeoutError:
            connection.fail(f"no connection within {DIAL_TIME:g} s")
        except OSError as error:
            if self.sources.leave(source, error):
                connection.forget()
                thing.connection = None
                self._waiting.append(thing)
            else:
                connection.fail(no_port(error) or reason_of(error))


def reason_of(error: OSError) -> str:
    """Return in words why no connection could be made."""
    if isinstance(error, ssl.SSLError):
        return f"TLS: {error.reason or error}"
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    return (error.strerror or str(error)).lower()
