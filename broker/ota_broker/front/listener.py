"""The open port: takes connections in, turns the wheel, and closes everything at the end."""

import asyncio
import contextlib
import logging
import secrets
import socket
import ssl
import sys
from collections.abc import Callable
from typing import Final

from ota_broker.front import limits
from ota_broker.front.access import Access, Admission, Everybody, Identity, Refusals, Unrecorded
from ota_broker.front.codec.packets import Cause
from ota_broker.front.connection import Connection
from ota_broker.front.delivery.kept import Rows
from ota_broker.front.delivery.shared import Chance
from ota_broker.front.disturbed import Disturb
from ota_broker.front.exchange import Answering, Exchange
from ota_broker.front.metering import metered
from ota_broker.front.metering.meter import Meter
from ota_broker.front.metering.quotas import OFF, Quotas
from ota_broker.front.notices import Later, Notices
from ota_broker.front.options import MqttOptions
from ota_broker.front.outbox import Outbox
from ota_broker.front.profile import Profile
from ota_broker.front.secured import SecuredPort, identity_of
from ota_broker.front.wheel import Wheel
from ota_stream.clock import Clock
from ota_stream.errors import OtaStreamError

TICK: Final = 0.25  # seconds between two looks at deadlines and files
REEXAMINED_MAX: Final = 256  # connections asked for in one turn: two milliseconds
_BACKLOG: Final = 4096
_TURNS_TO_ENTER: Final = 4  # of asyncio's loop, from a socket that is accepted to its protocol
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
        admission: Admission | None = None,
        options: MqttOptions | None = None,
        rows: Rows | None = None,
        refusals: Refusals | None = None,
        quotas: Quotas = OFF,
        call_later: Later | None = None,
        chance: Chance = secrets.randbelow,
    ) -> None:
        loop = asyncio.get_running_loop()
        self.now = clock.monotonic
        self.notices = notices
        self.wheel = Wheel(self.now())
        self.outbox = Outbox(loop, keep_records)
        self.exchange = Exchange(
            cloud,
            profile,
            clock,
            notices,
            self.wheel,
            options=options or MqttOptions(),
            rows=rows or Rows(),
            chance=chance,
            refusals=refusals or Unrecorded(),
            call_later=call_later or loop.call_later,
        )
        self.host, self.port = "", 0
        self.accepted = 0  # connections since the start
        self.disturb: Disturb | None = None
        self.meter = Meter(quotas, notices)
        self.new_connection = metered.maker(self, self.meter)
        self._loop = loop
        self._on_tick = on_tick
        self._admission = admission or Everybody()
        self._connections: set[Connection] = set()
        self._doubted: list[Connection] = []  # whose rights are to be asked for
        self._waiting: dict[Connection, None] = {}  # those that have not sent CONNECT, oldest first
        self._empty = asyncio.Event()  # set while nobody is connected
        self._empty.set()
        self._servers: list[asyncio.Server] = []
        self._secured: list[SecuredPort] = []
        self._timer: asyncio.TimerHandle | None = None
        self._is_closing = False

    async def start(self, host: str, port: int) -> None:
        """Open the port; 0 picks a free one, which `port` then tells.

        Raises:
            ListenError: one line that says why it cannot be opened.
        """
        self.host, self.port = await self.listen(open_port(host, port))
        self.begin()

    def begin(self) -> None:
        """Let time pass: once, when the first port is open."""
        _raise_file_limit()
        self._tick()

    async def listen(self, opened: socket.socket, context: ssl.SSLContext | None = None) -> tuple[str, int]:
        """Let in who comes to a port, by TLS where there is a context; return its address."""
        make: Callable[[], asyncio.Protocol] = self.new_connection
        if context is not None:
            make = SecuredPort(context, make, self.wheel, self.now, self.notices)
            self._secured.append(make)
        self._servers.append(await self._loop.create_server(make, sock=opened, backlog=_BACKLOG))
        host, port = opened.getsockname()[:2]
        return host, port

    async def stop(self) -> None:
        """Close the port and every connection; what was answered has left, or is dropped after two seconds."""
        if self._timer is not None:
            self._timer.cancel()
        self._is_closing = True
        for secured in self._secured:
            secured.close()
        await self._close_ports()
        for connection in list(self._connections):
            connection.dismiss(Cause.SERVER_INITIATED, "the simulator stops")
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._empty.wait(), _STOP_WITHIN)
        for connection in list(self._connections):
            connection.cut()
        await asyncio.sleep(0)  # their sockets are closed now

    async def _close_ports(self) -> None:
        """Take nobody in any more, then close: asyncio forgets sockets that come in while a server closes."""
        for server in self._servers:
            for opened in server.sockets:
                self._loop.remove_reader(opened)
        for _ in range(_TURNS_TO_ENTER):
            await asyncio.sleep(0)
        for server in self._servers:
            server.close()

    def identify(self, transport: asyncio.BaseTransport) -> Identity:
        """Return who stands behind a transport: it says so itself, or is of the holder of a certificate."""
        known: Identity | None = transport.get_extra_info("identity")
        return identity_of(transport.get_extra_info("ssl_object")) if known is None else known

    def reexamine(self) -> None:
        """Let go of who may not stay, since something about rights has changed.

        Some of them each turn of the loop: what the others do meanwhile is judged by their new rights anyhow.
        """
        if not self._doubted:
            self._loop.call_soon(self._reexamine_some)
        self._doubted = list(self._connections)

    def _reexamine_some(self) -> None:
        some, self._doubted = self._doubted[:REEXAMINED_MAX], self._doubted[REEXAMINED_MAX:]
        for connection in some:
            connection.reexamine()
        if self._doubted:
            self._loop.call_soon(self._reexamine_some)

    def be_disturbed(self, disturb: Disturb | None) -> None:
        """Put something in the way of every packet of every client, or nothing again."""
        if disturb is not self.disturb:
            self.disturb = disturb
            for connection in self._connections:
                connection.be_disturbed()

    def admit(self, client_id: str, identity: Identity, address: str) -> Access | str:
        """Return what a client may do, or the rule that keeps it out."""
        return self._admission.admit(client_id, identity, address)

    @property
    def connected(self) -> int:
        """How many connections are open."""
        return len(self._connections)

    def entered(self, connection: Connection) -> bool:
        """Count a connection in. False when there is no room, or the door is closing."""
        if self._is_closing:
            return False
        if len(self._connections) >= limits.CONNECTIONS_MAX:
            self.notices.say("refused", f"{connection.peer}: {limits.CONNECTIONS_MAX} connections are open already")
            return False
        if len(self._waiting) >= limits.WAITING_MAX:  # A6: silent peers keep nobody out
            oldest = next(iter(self._waiting))
            self.notices.say("refused", f"{oldest.peer}: {limits.WAITING_MAX} newer connections wait for a CONNECT too")
            self.waits_no_more(oldest)
            oldest.cut()
        self.accepted += 1
        self._waiting[connection] = None
        self._connections.add(connection)
        self._empty.clear()
        return True

    def waits_no_more(self, connection: Connection) -> None:
        """Note that a connection has sent its CONNECT."""
        self._waiting.pop(connection, None)

    def left(self, connection: Connection) -> None:
        """Count a connection out."""
        self.waits_no_more(connection)
        self._connections.discard(connection)
        if not self._connections:
            self._empty.set()

    def turn(self) -> None:
        """Do what is due."""
        now = self.now()
        self.wheel.turn(now)
        self.meter.turn(now)
        self._on_tick()

    def _tick(self) -> None:
        self.turn()
        self._timer = self._loop.call_later(TICK, self._tick)


def open_port(host: str, port: int) -> socket.socket:
    """Open a port, 0 for a free one: peers may come, and wait until somebody listens.

    Raises:
        ListenError: one line that says why it cannot be opened.
    """
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        opened = socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except OSError as error:
        why = (error.strerror or str(error)).partition(" (while")[0]  # what follows says the address again
        raise ListenError(f"cannot listen on {host} port {port}: {why}") from error
    # asyncio leaves this out for a socket it did not make: what is accepted inherits it
    opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return opened


def _raise_file_limit() -> None:
    """Allow as many open files as we may: every device is one."""
    if sys.platform == "win32":
        return
    import resource  # noqa: PLC0415 - Unix only

    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
