"""One device's connection to the broker: the only module that knows paho.

Paho is driven by `receive`, in the caller's thread: no second thread, no queue between the two, no lock.
"""

import socket
import ssl
import time
from collections import deque
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from typing import Final, Self

import msgspec
import paho.mqtt.client as mqtt
from msgspec import Struct
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.reasoncodes import ReasonCode

from ota_device.errors import LinkError

ALPN: Final = "x-amzn-mqtt-ca"  # MS-1: what port 443 of AWS tells devices by
KEEP_ALIVE: Final = 60  # seconds; what the C agents ask for
DAY: Final = 86_400.0  # seconds
_STEP: Final = 1.0  # seconds in paho's loop at most: it also looks after keep-alive


class Message(Struct, frozen=True):
    """A message that arrived."""

    topic: str
    payload: bytes


class Event(Enum):
    """What `receive` tells when it has no message."""

    QUIET = "nothing arrived in time"
    RECONNECTED = "the connection was lost and is back; what was under way is gone"


class Credentials(Struct, frozen=True):
    """What a device has for TLS: files (PEM) of its certificate, of its key, and of the CA that it trusts."""

    certificate: Path
    key: Path
    ca: Path


class LinkOptions(Struct, frozen=True):
    """How patient a link is: seconds for an answer of the broker, attempts to reconnect, seconds before each.

    After `keep_alive` seconds of silence it pings. With `credentials` it speaks TLS, and `days_off` is how wrong the
    clock is by which it judges certificates.
    """

    patience: float = 5.0
    attempts: int = 10
    pause: float = 1.0
    keep_alive: int = KEEP_ALIVE
    credentials: Credentials | None = None
    days_off: float = 0.0


class _Client(mqtt.Client):
    """paho's, which keeps the two sockets it wakes itself with until the collector comes, in an order of its own."""

    def close(self) -> None:
        self._reset_sockets()


class Link:
    """A connection that comes back by itself, `attempts` times at most before it is given up.

    Use it as `with Link(host, port, client_id) as link:`. Entering connects; leaving disconnects.

    Raises:
        LinkError: from every method that waits, one line that says what to do.
    """

    def __init__(self, host: str, port: int, client_id: str, options: LinkOptions | None = None) -> None:
        self._host, self._port = host, port
        self._options = options or LinkOptions()
        self._topics: dict[str, int] = {}  # with the QoS asked for
        self._arrived: deque[Message] = deque()
        self._connack: ReasonCode | None = None
        self._subacks: dict[int, list[ReasonCode]] = {}
        self._unacknowledged: set[int] = set()
        self._came_back = False  # while a publish waited, so `receive` has not told
        # Reconnecting is ours: paho would try for ever, and only in a thread of its own.
        self._client = _Client(CallbackAPIVersion.VERSION2, client_id, reconnect_on_failure=False)
        self._client.connect_timeout = self._options.patience
        if self._options.credentials is not None:
            self._speak_tls(self._options.credentials)
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_message = self._on_message
        self._client.on_publish = self._on_publish

    def _speak_tls(self, credentials: Credentials) -> None:
        try:
            context = ssl.create_default_context(cafile=credentials.ca)
            context.load_cert_chain(credentials.certificate, credentials.key)
            context.set_alpn_protocols([ALPN])
            self._client.tls_set_context(context)  # pyright: ignore[reportUnknownMemberType]
        except FileNotFoundError:
            missing = next((file for file in msgspec.structs.astuple(credentials) if not file.exists()), "a file")
            raise LinkError(f"{missing} is not there: `ota-stream certs thing` writes it") from None
        except (OSError, ValueError) as error:  # an SSLError is an OSError
            raise LinkError(f"certificate, key or CA cannot be used: {_told(error)}") from None

    def __enter__(self) -> Self:
        try:
            self._connect()
        except LinkError:
            self._leave()  # nobody will leave what was never entered
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._leave()

    def _leave(self) -> None:
        self._client.disconnect()
        self._client.close()  # the goodbye may not have been sent at once

    def drop(self) -> None:
        """Be gone at once, as a device without power: no word of MQTT, and nothing of what waits is sent."""
        connected = self._client.socket()
        if isinstance(connected, socket.socket):
            connected.shutdown(socket.SHUT_RDWR)

    def subscribe(self, *topics: str, qos: int = 0) -> None:
        """Subscribe, as the C agents do at QoS 0, now and after every reconnection."""
        wanted = dict.fromkeys(topics, qos)
        self._topics.update(wanted)
        self._subscribe(wanted)

    def unsubscribe(self, *topics: str) -> None:
        """End subscriptions. What is under way may still arrive."""
        for topic in topics:
            self._topics.pop(topic, None)
        self._client.unsubscribe(list(topics))

    def publish(self, topic: str, payload: bytes, *, qos: int = 0) -> None:
        """Publish. At QoS 0 a message on a lost connection is a lost message: `receive` will tell.

        At QoS 1 wait for the acknowledgement, like the C agents; what arrives meanwhile is kept for `receive`.
        """
        number = self._client.publish(topic, payload, qos).mid
        if qos:
            self._unacknowledged.add(number)
            self._settle()

    def receive(self, timeout: float) -> Message | Event:
        """Return the next message, or what happened instead; wait up to `timeout` seconds, at least look once."""
        until = time.monotonic() + timeout
        if self._came_back:
            self._came_back = False
            return Event.RECONNECTED
        while not self._arrived:
            left = until - time.monotonic()
            if not self._turn(left):
                self._reconnect()
                return Event.RECONNECTED
            if left <= 0 and not self._arrived:
                return Event.QUIET
        return self._arrived.popleft()

    def _settle(self) -> None:
        """Wait until everything is acknowledged, over lost connections too: paho then publishes it again."""
        until = time.monotonic() + self._options.patience
        while self._unacknowledged:
            left = until - time.monotonic()
            if left <= 0:
                raise LinkError(f"{self._address} did not answer PUBLISH within {self._options.patience:g} s")
            if not self._turn(left):
                self._reconnect()
                self._came_back = True
                until = time.monotonic() + self._options.patience

    def _turn(self, timeout: float) -> bool:
        """Let paho read and write for up to `timeout` seconds. False when the connection is gone."""
        return self._client.loop(min(max(timeout, 0.0), _STEP)) == mqtt.MQTT_ERR_SUCCESS

    def _wait_for(self, condition: Callable[[], bool], what: str) -> None:
        until = time.monotonic() + self._options.patience
        while not condition():
            left = until - time.monotonic()
            if left <= 0:
                raise LinkError(f"{self._address} did not {what} within {self._options.patience:g} s: is it a broker?")
            # A refusal comes with the end of the connection, so the condition has the last word.
            if not self._turn(left) and not condition():
                raise LinkError(f"{self._address} closed the connection{self._hint}: the simulator's log says why")

    @property
    def _hint(self) -> str:
        """With TLS 1.3 a client learns at its first read, behind the handshake, that it was refused."""
        return "" if self._options.credentials is None or self._connack else ", it may not accept the certificate"

    def _connect(self) -> None:
        self._connack = None
        try:
            self._client.connect(self._host, self._port, self._options.keep_alive)
        except ConnectionRefusedError:
            raise LinkError(
                f"nobody listens on {self._address}: start the simulator with `ota-stream serve FIRMWARE`"
            ) from None
        except ssl.SSLCertVerificationError as error:
            raise LinkError(f"{self._address} is not who it should be: {error.verify_message}") from None
        except ssl.SSLError as error:
            raise LinkError(f"no TLS with {self._address}: {_told(error)}; is it the TLS port?") from None
        except (OSError, ValueError) as error:  # ValueError: a host that cannot be one
            raise LinkError(f"cannot reach {self._address}: {error}") from None
        if self._options.days_off:
            self._check_by_own_clock()
        self._wait_for(lambda: self._connack is not None, "answer CONNECT")
        if self._connack is not None and self._connack.is_failure:
            raise LinkError(f"{self._address} refused the connection: {self._connack}")

    def _check_by_own_clock(self) -> None:
        """Judge the server's certificate by a clock that is wrong. Raises LinkError."""
        connected = self._client.socket()
        certificate = connected.getpeercert() if isinstance(connected, ssl.SSLSocket) else None
        if not certificate:
            return
        now = time.time() + self._options.days_off * DAY
        begins, ends = (ssl.cert_time_to_seconds(str(certificate[name])) for name in ("notBefore", "notAfter"))
        if not begins <= now <= ends:
            told = "has expired" if now > ends else "is not yet valid"
            day = datetime.fromtimestamp(now, UTC).date()
            raise LinkError(f"the certificate of {self._address} {told} by this device's clock, where it is {day}")

    def _subscribe(self, topics: Mapping[str, int]) -> None:
        _, number = self._client.subscribe(list(topics.items()))
        if number is None:
            raise LinkError(f"{self._address} closed the connection: the simulator's log says why")
        self._wait_for(lambda: number in self._subacks, "answer SUBSCRIBE")
        for topic, granted in zip(topics, self._subacks.pop(number), strict=False):
            if granted.is_failure:
                raise LinkError(f"{self._address} refused the subscription to {topic}")

    def _reconnect(self) -> None:
        trouble: LinkError | None = None
        for _ in range(self._options.attempts):
            time.sleep(self._options.pause)
            try:
                self._connect()
                if self._topics:
                    self._subscribe(self._topics)
            except LinkError as error:
                trouble = error
            else:
                return
        raise LinkError(f"the connection was lost and is not back after {self._options.attempts} attempts: {trouble}")

    @property
    def _address(self) -> str:
        return f"{self._host}:{self._port}"

    # What paho calls, from inside `loop`

    def _on_connect(
        self, _client: mqtt.Client, _data: object, _flags: object, reason: ReasonCode, _properties: object
    ) -> None:
        self._connack = reason

    def _on_subscribe(
        self, _client: mqtt.Client, _data: object, number: int, reasons: list[ReasonCode], _properties: object
    ) -> None:
        self._subacks[number] = reasons

    def _on_publish(
        self, _client: mqtt.Client, _data: object, number: int, _reason: ReasonCode, _properties: object
    ) -> None:
        self._unacknowledged.discard(number)

    def _on_message(self, _client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
        self._arrived.append(Message(message.topic, bytes(message.payload)))


def _told(error: OSError | ValueError) -> str:
    return getattr(error, "reason", None) or str(error)
