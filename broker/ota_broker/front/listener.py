"""The open port: takes connections in, turns the wheel, and closes everything at the end."""

import asyncio
import contextlib
import logging
import sys
from collections.abc import Callable
from typing import Final

from ota_broker.front import limits
from ota_broker.front.connection import Connection
from ota_broker.front.exchange import Answering, Exchange
from ota_broker.front.notices import Notices
from ota_broker.front.outbox import Outbox
from ota_broker.front.profile import Profile
from ota_broker.front.wheel import Wheel
from ota_stream.clock import Clock
from ota_stream.errors import OtaStreamError

TICK: Final = 0.25  # seconds between two looks at deadlines and files
_BACKLOG: Final = 4096
_STOP_WITHIN: Final = 2.0  # seconds for the last bytes at shutdown

log: Final = logging.getLogger("ota_broker")


class ListenError(OtaStreamError):
    """The port cannot be opened."""


class Listener:
    """Our front door. `keep_records` runs before anything leaves; `on_tick` about four times a second."""

    def __init__(  # noqa: PLR0913 - the one place where the door is put together
        self,
        cloud: Answering,
        profile: Profile,
        clock: Clock,
        notices: Notices,
        *,
        keep_records: Callable[[], None],
        on_tick: Callable[[], None],
    ) -> None:
        loop = asyncio.get_running_loop()
        self.now = clock.monotonic
        self.notices = notices
        self.wheel = Wheel(self.now())
        self.outbox = Outbox(loop, keep_records)
        self.exchange = Exchange(cloud, profile, clock, self.notices, self.wheel)
        self.host, self.port = "", 0
        self._loop = loop
        self._on_tick = on_tick
        self._connections: set[Connection] = set()
        self._empty = asyncio.Event()  # set while nobody is connected
        self._empty.set()
        self._server: asyncio.Server | None = None
        self._timer: asyncio.TimerHandle | None = None

    async def start(self, host: str, port: int) -> None:
        """Open the port; 0 picks a free one, which `port` then tells.

        Raises:
            ListenError: one line that says why it cannot be opened.
        """
        _raise_file_limit()
        try:
            self._server = await self._loop.create_server(lambda: Connection(self), host, port, backlog=_BACKLOG)
        except OSError as error:
            raise ListenError(f"cannot listen on {host} port {port}: {error.strerror or error}") from error
        self.host, self.port = self._server.sockets[0].getsockname()[:2]
        self._tick()

    async def stop(self) -> None:
        """Close the port and every connection; what was answered has left, or is dropped after two seconds."""
        if self._timer is not None:
            self._timer.cancel()
        if self._server is not None:
            self._server.close()
        for connection in list(self._connections):
            connection.finish()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._empty.wait(), _STOP_WITHIN)
        for connection in list(self._connections):
            connection.cut()

    def entered(self, connection: Connection) -> bool:
        """Count a connection in. False when there is no room."""
        if len(self._connections) >= limits.CONNECTIONS_MAX:
            self.notices.say("refused", f"{connection.peer}: {limits.CONNECTIONS_MAX} connections are open already")
            return False
        self._connections.add(connection)
        self._empty.clear()
        return True

    def left(self, connection: Connection) -> None:
        """Count a connection out."""
        self._connections.discard(connection)
        if not self._connections:
            self._empty.set()

    def _tick(self) -> None:
        self.wheel.turn(self.now())
        self._on_tick()
        self._timer = self._loop.call_later(TICK, self._tick)


def _raise_file_limit() -> None:
    """Allow as many open files as we may: every device is one."""
    if sys.platform == "win32":
        return
    import resource  # noqa: PLC0415 - Unix only

    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
