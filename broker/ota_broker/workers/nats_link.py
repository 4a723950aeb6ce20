"""A connection to NATS: found again when it is lost, with signs of life every two seconds."""

import asyncio
import contextlib
import ssl
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, Final

import nats
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error

from ota_broker.front.notices import Notices
from ota_broker.workers.subjects import subject_of
from ota_broker.workers.transport import PING, TransportError
from ota_stream.answers import Reply

CONNECT_WITHIN: Final = 5.0  # seconds, the first time; later without an end
_AGAIN_AFTER: Final = 0.25  # seconds between two tries to connect
_FIRST_TRIES: Final = 4  # of each server


class NatsLink:
    """Publishes and subscribes; `on_reconnect` runs each time the connection is back.

    `urls`: one or several, with commas between them: the nodes of a cluster.
    """

    def __init__(
        self,
        urls: str,
        notices: Notices,
        tls: ssl.SSLContext | None,
        on_reconnect: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self._urls = [url.strip() for url in urls.split(",")]
        self._notices = notices
        self._tls = tls
        self._on_reconnect = on_reconnect
        self._trouble = ""
        self.client: Any = None  # nats-py's types are not whole; from `open` on

    async def open(self) -> None:
        """Connect. Raises TransportError."""
        try:
            self.client = await asyncio.wait_for(self._connect(), CONNECT_WITHIN)
        except (TimeoutError, OSError, Error, ValueError) as error:
            why = self._trouble or _said(error)
            raise TransportError(f"no NATS server answers at {', '.join(self._urls)}: {why}") from None

    async def _connect(self) -> Client:
        connect: Any = nats.connect  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
        client: Client = await connect(
            self._urls,
            name="ota-stream worker",
            tls=self._tls,
            ping_interval=PING,
            max_outstanding_pings=2,
            max_reconnect_attempts=_FIRST_TRIES,
            reconnect_time_wait=_AGAIN_AFTER,
            error_cb=self._failed,
            reconnected_cb=self._reconnected,
            disconnected_cb=self._lost,
        )
        client.options["max_reconnect_attempts"] = -1  # once it was there we wait for it
        return client

    async def publish(self, replies: Iterable[Reply]) -> None:
        """Hand messages to the server. Raises TransportError."""
        publish = self.client.publish
        try:
            for reply in replies:
                await publish(subject_of(reply.topic), reply.payload)
        except Error as error:
            raise TransportError(f"NATS takes no message: {_said(error)}") from None

    async def ask(self, topic: str, answers: Sequence[str], within: float) -> bool:
        """Do what Transport.ask says."""
        come = asyncio.Event()

        async def arrived(_: Msg) -> None:
            come.set()

        watched = [await self.client.subscribe(subject_of(answer), cb=arrived) for answer in answers]
        try:
            await self.client.publish(subject_of(topic))
            async with asyncio.timeout(within):
                await come.wait()
        except TimeoutError:
            return False
        finally:
            for one in watched:
                await one.unsubscribe()
        return True

    async def close(self) -> None:
        """Send what waits, and leave."""
        if self.client is None:
            return
        with contextlib.suppress(Error, OSError, TimeoutError):
            await self.client.flush(timeout=PING)
        with contextlib.suppress(Error, OSError):
            await self.client.close()

    async def _failed(self, error: Exception) -> None:
        self._trouble = _said(error)
        if self.client is not None:
            self._notices.say("nats", self._trouble)

    async def _lost(self) -> None:
        if self.client is not None and not self.client.is_closed:
            self._notices.say("nats", "the connection is lost; trying again")

    async def _reconnected(self) -> None:
        self._notices.say("nats", "connected again")
        while self._on_reconnect is not None and self.client.is_connected:
            try:
                await self._on_reconnect()
            except TransportError as error:  # a cluster that has just lost a node takes a moment to choose a leader
                self._notices.say("nats", str(error))
                await asyncio.sleep(_AGAIN_AFTER)
            else:
                return


def _said(error: BaseException) -> str:
    return str(error) or type(error).__name__
