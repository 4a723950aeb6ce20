"""MQTT control packets as values, whatever version wrote them."""

from collections.abc import Mapping
from enum import IntEnum, StrEnum
from types import MappingProxyType
from typing import Final

from msgspec import Struct

from ota_broker.front.codec.reasons import Reason
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
    AUTH = 15


class Cause(StrEnum):
    """Why a connection ended, in AWS's words (MB-12)."""

    API_INITIATED = "API_INITIATED_DISCONNECT"
    AUTH_ERROR = "AUTH_ERROR"
    CLIENT_INITIATED = "CLIENT_INITIATED_DISCONNECT"
    CLIENT_ERROR = "CLIENT_ERROR"
    CONNECTION_LOST = "CONNECTION_LOST"
    DUPLICATE_CLIENT_ID = "DUPLICATE_CLIENTID"
    FORBIDDEN = "FORBIDDEN_ACCESS"
    KEEP_ALIVE_TIMEOUT = "MQTT_KEEP_ALIVE_TIMEOUT"
    SERVER_INITIATED = "SERVER_INITIATED_DISCONNECT"
    THROTTLED = "THROTTLED"
    WEBSOCKET_TTL = "WEBSOCKET_TTL_EXPIRATION"


RECEIVE_MAX: Final = 65_535  # of a client that does not say (MQTT 5, 3.1.2.11.3)
PACKET_MAX: Final = 268_435_460  # bytes: what four length bytes can say, and the header (MQTT 5, 2.1.4)

REASONS: Final[Mapping[Cause, Reason]] = MappingProxyType(
    {
        Cause.API_INITIATED: Reason.ADMINISTRATIVE_ACTION,
        Cause.AUTH_ERROR: Reason.NOT_AUTHORIZED,
        Cause.CLIENT_INITIATED: Reason.SUCCESS,
        Cause.CLIENT_ERROR: Reason.PROTOCOL_ERROR,
        Cause.CONNECTION_LOST: Reason.UNSPECIFIED,
        Cause.DUPLICATE_CLIENT_ID: Reason.SESSION_TAKEN_OVER,
        Cause.FORBIDDEN: Reason.NOT_AUTHORIZED,
        Cause.KEEP_ALIVE_TIMEOUT: Reason.KEEP_ALIVE_TIMEOUT,
        Cause.SERVER_INITIATED: Reason.SERVER_SHUTTING_DOWN,
        Cause.THROTTLED: Reason.QUOTA_EXCEEDED,
        Cause.WEBSOCKET_TTL: Reason.ADMINISTRATIVE_ACTION,
    }
)
"""What an MQTT 5 client is told when its connection ends for a cause, unless the violation knows better (M5-4)."""


class Violation(OtaStreamError):
    """The peer broke a rule: its connection ends, nobody else's does. The message is one line for the log.

    `code` is what MQTT 5 calls it.
    """

    def __init__(self, reason: str, cause: Cause = Cause.CLIENT_ERROR, code: Reason | None = None) -> None:
        super().__init__(reason)
        self.cause = cause
        self.code = REASONS[cause] if code is None else code


class Malformed(Violation):
    """Bytes that are no packet (MU-7)."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason, Cause.CLIENT_ERROR, Reason.MALFORMED_PACKET)


class TooMany(Violation):
    """More in one packet than is read: what costs little to send must cost little to take."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason, Cause.THROTTLED)


class Refused(Violation):
    """A well-formed request that is not granted. MQTT 5 says so in its acknowledgement, MQTT 3.1.1 can only hang up."""


class Declined(Refused):
    """... for which AWS leaves a connection of MQTT 3.1.1 open: a SUBACK can say no."""


class Denied(Refused):
    """The peer may not do what it did (MU-1..MU-3). `rule` says which rule keeps it from it."""

    def __init__(self, action: str, resource: str, rule: str) -> None:
        super().__init__(f"{action} on {resource} is not allowed: {rule}", Cause.FORBIDDEN)
        self.action = action
        self.resource = resource
        self.rule = rule


class Properties(Struct, frozen=True, gc=False):
    """What MQTT 5 forwards with a message unaltered (3.3.2.3), and the subscriptions that brought it."""

    payload_format: int = 0
    content_type: str | None = None
    response_topic: str | None = None
    correlation_data: bytes | None = None
    user: tuple[tuple[str, str], ...] = ()
    subscription_ids: tuple[int, ...] = ()


class Message(Struct, frozen=True, gc=False):
    """An application message on its way to somebody. After `expires_at`, monotonic seconds, nobody gets it."""

    topic: str
    payload: bytes
    qos: int = 0
    retain: bool = False
    properties: Properties | None = None
    expires_at: float | None = None


class Will(Struct, frozen=True, gc=False):
    """A message for when its client is gone, `delay` seconds later; it then lasts for `lasts` seconds."""

    message: Message
    delay: int = 0
    lasts: int | None = None


class Connect(Struct, frozen=True, gc=False):
    """A CONNECT of either version.

    `clean_start` forgets an older session; this one lasts `session_expiry` seconds after the disconnect. The client
    takes `receive_max` unacknowledged messages, packets of `packet_max` bytes, `alias_max` topic aliases, and reason
    strings if it `wants_reasons`. User name and password are for admission, never for a log.
    """

    client_id: str
    clean_start: bool
    keep_alive: int
    will: Will | None = None
    user_name: str | None = None
    password: bytes | None = None
    level: int = 4
    session_expiry: int = 0
    receive_max: int = RECEIVE_MAX
    packet_max: int = PACKET_MAX
    alias_max: int = 0
    wants_reasons: bool = True
    wants_response_information: bool = False


class Publish(Struct, frozen=True, gc=False):
    """A PUBLISH as received; `topic` still as the bytes of the wire, empty when `alias` stands for it."""

    topic: bytes
    payload: bytes
    qos: int
    retain: bool
    packet_id: int
    properties: Properties | None = None
    lasts: int | None = None  # seconds
    alias: int = 0


class Subscribe(Struct, frozen=True, gc=False):
    """A SUBSCRIBE: filters with what is asked for, as `grants` has it; MQTT 3.1.1 can only ask for a QoS."""

    packet_id: int
    filters: tuple[tuple[str, int], ...]
    subscription_id: int = 0


class Unsubscribe(Struct, frozen=True, gc=False):
    """An UNSUBSCRIBE."""

    packet_id: int
    filters: tuple[str, ...]
