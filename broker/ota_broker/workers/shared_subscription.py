"""Requests through a shared subscription of an MQTT broker: one that shares `$aws` topics, or that renames them for us.

mosquitto grants a share of `$aws` topics and delivers nothing; behind a bridge to itself that renames the requests it
shares them (docs/scale.md). `prefix` is what the bridge makes of `$aws/`.
"""

import asyncio
import logging
import ssl
import uuid
from collections.abc import Iterable, Sequence
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import gmqtt  # type: ignore[import-untyped,unused-ignore]

from ota_broker.front.notices import Notices
from ota_broker.workers.mailbox import Mailbox
from ota_broker.workers.transport import FILTERS, IN_FLIGHT_MAX, PING, Kind, Request, TransportError
from ota_stream.answers import Reply

CONNECT_WITHIN: Final = 10.0  # seconds
RESERVED: Final = "$aws/"
DEFAULT_PORTS: Final = {"mqtt": 1883, "mqtts": 8883}
_REFUSED: Final = 0x80  # of a SUBACK: this reason code and those above
_NEVER: Final = -2  # of gmqtt's count of retries: -1 is without an end, and 0 one retry
_DELIVERED: Final = 0  # reason code of our PUBACK


def _one_line(record: logging.LogRecord) -> bool:
    """Let the library tell why a connection is lost, which it tells nobody else, without a traceback."""
    if record.exc_info:
        record.msg, record.args = f"mqtt: {record.getMessage()} {record.exc_info[1]}", None
        record.exc_info = None
    return True


logging.getLogger("gmqtt.mqtt.protocol").addFilter(_one_line)


class SharedSubscription:
    """The share `share`: the broker gives each request to one subscriber, and takes it back when that one is gone.

    A request at QoS 1 is acknowledged after its answer. A broker notices a hung worker after its keep-alive, 3 s.
    """

    def __init__(self, url: str, share: str, prefix: str, notices: Notices, tls: ssl.SSLContext | None) -> None:
        self.url = url
        parts = urlsplit(url)
        self._tls = tls or False
        self._host, self._port = parts.hostname or "127.0.0.1", parts.port or DEFAULT_PORTS[parts.scheme]
        self._user, self._password = parts.username, parts.password
        self._share, self._prefix = share, prefix
        self._notices = notices
        self._source, self._number = uuid.uuid4().hex, 0
        self._mailbox = Mailbox(notices)
        self._granted: asyncio.Queue[bool] = asyncio.Queue()
        self._watched: dict[str, asyncio.Event] = {}
        self._filters: list[str] = []
        self._opening: asyncio.Timeout | None = None
        self._trouble = "no answer"
        self._client: Any = None

    async def open(self, kinds: Iterable[Kind]) -> None:
        """Connect and subscribe. Raises TransportError."""
        self._filters = [
            f"$share/{self._share}/{self._prefix}{one.removeprefix(RESERVED)}"
            for kind in kinds
            for one in FILTERS[kind]
        ]
        make: Any = gmqtt.Client
        client = self._client = make(
            f"ota-stream-{self._source[:12]}", optimistic_acknowledgement=False, receive_maximum=IN_FLIGHT_MAX
        )
        client.on_connect, client.on_message = self._connected, self._arrived
        client.on_subscribe, client.on_disconnect = self._subscribed, self._lost
        if self._user is not None:
            client.set_auth_credentials(unquote(self._user), unquote(self._password or ""))
        try:
            async with asyncio.timeout(CONNECT_WITHIN) as self._opening:
                await client.connect(self._host, self._port, ssl=self._tls, keepalive=PING + 1)
                for _ in self._filters:
                    if not await self._granted.get():
                        raise TransportError(f"the broker refuses {self._filters[0]}: may this worker subscribe to it?")
        except (OSError, TimeoutError, gmqtt.MQTTConnectError) as error:
            why = str(error) or self._trouble
            raise TransportError(f"no MQTT 5 broker answers at {self._host} port {self._port}: {why}") from None
        self._opening = None

    async def take(self) -> list[Request]:
        """Do what Transport.take says."""
        return await self._mailbox.take()

    async def send(self, replies: Iterable[Reply]) -> None:
        """Do what Transport.send says."""
        if not self._client.is_connected:
            raise TransportError("the connection to the broker is lost: replies are not sent")
        for reply in replies:
            self._client.publish(reply.topic, reply.payload, qos=reply.qos)

    async def done(self, requests: Sequence[Request]) -> None:
        """Let the acknowledgements go."""
        for request in requests:
            if isinstance(request.ticket, asyncio.Event):
                request.ticket.set()

    async def ask(self, topic: str, answers: Sequence[str], within: float) -> bool:
        """Do what Transport.ask says.

        A share of our own, of this one request, gets it whoever else is there: its first arrival is that one's.
        """
        request = self._prefix + topic.removeprefix(RESERVED)
        come, answered = asyncio.Event(), asyncio.Event()
        self._watched = {request: come, **dict.fromkeys(answers, answered)}
        filters = (f"$share/{self._source}/{request}", *answers)
        for one in filters:
            self._client.subscribe(one, qos=0)
        try:
            async with asyncio.timeout(within):
                for _ in filters:
                    await self._granted.get()
                self._client.publish(topic, b"", qos=0)
                await come.wait()
                await answered.wait()
        except TimeoutError:
            return False
        finally:
            self._watched = {}
            for one in filters:
                self._client.unsubscribe(one)
        return True

    async def close(self) -> None:
        """Do what Transport.close says."""
        if self._client is not None and self._client.is_connected:
            await self._client.disconnect()

    def _connected(self, client: Any, _flags: int, _rc: int, _properties: Any) -> None:  # noqa: ANN401
        """Subscribe, after every reconnect too: our session ends with the connection."""
        for one in self._filters:
            client.subscribe(one, qos=1)

    def _subscribed(self, _client: Any, _mid: int, granted: Sequence[int], _properties: Any) -> None:  # noqa: ANN401
        for code in granted:
            self._granted.put_nowait(code < _REFUSED)
            if code >= _REFUSED:
                self._notices.say("mqtt", f"the broker refuses a subscription with 0x{code:02X}")

    def _lost(self, _client: Any, _packet: Any, exc: Exception | None = None) -> None:  # noqa: ANN401
        version = self._client._connection_state.protocol_version  # noqa: SLF001 - it is told nowhere else
        if self._opening is not None and version == gmqtt.constants.MQTTv50:  # else refused as that: 3.1.1 is tried
            self._client.set_config({"reconnect_retries": _NEVER})
            self._trouble = "it closes the connection"
            self._opening.reschedule(0)
            self._opening = None
            return
        self._notices.say("mqtt", f"the connection to the broker is lost{f': {exc}' if exc else ''}; trying again")

    async def _arrived(self, _client: Any, topic: str, payload: bytes, qos: int, _properties: Any) -> int:  # noqa: ANN401
        """Take a message; what this returns, and when, is the acknowledgement of QoS 1."""
        if (watch := self._watched.pop(topic, None)) is not None:
            watch.set()
            return _DELIVERED
        if not topic.startswith(self._prefix):
            return _DELIVERED
        ticket = asyncio.Event() if qos else None
        self._number += 1
        whole = RESERVED + topic.removeprefix(self._prefix)
        kept = self._mailbox.put(Request(whole, bytes(payload), self._source, self._number, ticket))
        if kept and ticket is not None:
            await ticket.wait()
        return _DELIVERED
