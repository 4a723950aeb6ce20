"""MQTT control packets as values, whatever version wrote them."""

from enum import IntEnum, StrEnum

from msgspec import Struct

from ota_stream.errors import OtaStreamError


class PacketType(IntEnum):
    """High nibble of the first byte."""

    CONNECT = 1
    CONNACK = 2
    PUBLISH = 3
    PUBACK = 4
    PUBREC = 5
    PUBREL = 6
    PUBCOMP = 7
    SUBSCRIBE = 8
    SUBACK = 9
    UNSUBSCRIBE = 10
    UNSUBACK = 11
    PINGREQ = 12
    PINGRESP = 13
    DISCONNECT = 14


class Cause(StrEnum):
    """Why a connection ended, in AWS's words (MB-12)."""

    CLIENT_INITIATED = "CLIENT_INITIATED_DISCONNECT"
    CLIENT_ERROR = "CLIENT_ERROR"
    CONNECTION_LOST = "CONNECTION_LOST"
    DUPLICATE_CLIENT_ID = "DUPLICATE_CLIENTID"
    FORBIDDEN = "FORBIDDEN_ACCESS"
    KEEP_ALIVE_TIMEOUT = "MQTT_KEEP_ALIVE_TIMEOUT"
    SERVER_INITIATED = "SERVER_INITIATED_DISCONNECT"
    THROTTLED = "THROTTLED"


class Violation(OtaStreamError):
    """The peer broke a rule: its connection ends, nobody else's does. The message is one line for the log."""

    def __init__(self, reason: str, cause: Cause = Cause.CLIENT_ERROR) -> None:
        super().__init__(reason)
        self.cause = cause


class Message(Struct, frozen=True, gc=False):
    """An application message on its way to somebody."""

    topic: str
    payload: bytes
    qos: int = 0
    retain: bool = False


class Connect(Struct, frozen=True, gc=False):
    """A CONNECT. User name and password are read and not judged: agents put a metrics string there."""

    client_id: str
    clean_session: bool
    keep_alive: int
    will: Message | None


class Publish(Struct, frozen=True, gc=False):
    """A PUBLISH as received; `topic` still as the bytes of the wire."""

    topic: bytes
    payload: bytes
    qos: int
    retain: bool
    packet_id: int


class Subscribe(Struct, frozen=True, gc=False):
    """A SUBSCRIBE: filters with the QoS asked for."""

    packet_id: int
    filters: tuple[tuple[str, int], ...]


class Unsubscribe(Struct, frozen=True, gc=False):
    """An UNSUBSCRIBE."""

    packet_id: int
    filters: tuple[str, ...]
