"""CONNECT on the wire: the one packet that says which version of MQTT all the others are."""

from typing import Final

from ota_broker.front.codec import mqtt5, mqtt311, properties
from ota_broker.front.codec.fields import Reader
from ota_broker.front.codec.packets import (
    PACKET_MAX,
    RECEIVE_MAX,
    Cause,
    Connect,
    Malformed,
    Message,
    PacketType,
    Violation,
    Will,
)
from ota_broker.front.codec.properties import Property
from ota_broker.front.codec.reasons import Reason

NEVER: Final = 0xFFFF_FFFF  # seconds: a session that does not expire (MQTT 5, 3.1.2.11.2)
_LEVELS: Final = {mqtt311.LEVEL: "3.1.1", mqtt5.LEVEL: "5"}

_CLEAN_START: Final = 0x02
_WILL: Final = 0x04
_WILL_RETAIN: Final = 0x20
_PASSWORD: Final = 0x40
_USER_NAME: Final = 0x80


class BadProtocol(Violation):
    """A CONNECT of another protocol or level."""


class BadClientId(Violation):
    """A CONNECT whose client id cannot be taken."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason, Cause.CLIENT_ERROR, Reason.CLIENT_ID_NOT_VALID)


def level_of(data: bytes, start: int, end: int) -> int:
    """Return the protocol level of a CONNECT. Raises BadProtocol."""
    reader = Reader(data, start, end)
    name, level = reader.binary(), reader.number(1)
    if name != b"MQTT" or level not in _LEVELS:
        spoken = " and ".join(f"{version} (level {known})" for known, version in _LEVELS.items())
        raise BadProtocol(f"protocol {name[:16]!r} level {level}; this broker speaks MQTT {spoken}")
    return level


def decode_connect(flags: int, data: bytes, start: int, end: int) -> Connect:
    """Read a CONNECT of either version (3.1)."""
    if flags:
        raise Malformed("CONNECT with flags in its first byte")
    level = level_of(data, start, end)
    reader = Reader(data, start + 7, end)  # the protocol's name and level are seven bytes
    connect_flags, keep_alive = reader.number(1), reader.number(2)
    if connect_flags & 1:
        raise Malformed("CONNECT with its reserved flag set")
    if level == mqtt311.LEVEL and connect_flags & _PASSWORD and not connect_flags & _USER_NAME:
        raise Malformed("CONNECT with a password and no user name")
    clean = bool(connect_flags & _CLEAN_START)
    agreed = properties.decode(reader, PacketType.CONNECT) if level == mqtt5.LEVEL else {}
    if Property.AUTHENTICATION_DATA in agreed and Property.AUTHENTICATION_METHOD not in agreed:
        raise Violation("authentication data without a method")  # MQTT 5, 3.1.2.11.10
    if Property.AUTHENTICATION_METHOD in agreed:  # M5-3
        raise Violation("enhanced authentication is not supported", code=Reason.BAD_AUTHENTICATION_METHOD)
    client_id = reader.text()
    will = _will(level, connect_flags, reader)
    user_name = reader.text() if connect_flags & _USER_NAME else None
    password = reader.binary() if connect_flags & _PASSWORD else None
    reader.end()
    forever = NEVER if level == mqtt311.LEVEL and not clean else 0
    return Connect(
        client_id,
        clean,
        keep_alive,
        will,
        user_name,
        password,
        level=level,
        session_expiry=agreed.get(Property.SESSION_EXPIRY, forever),
        receive_max=agreed.get(Property.RECEIVE_MAXIMUM, RECEIVE_MAX),
        packet_max=agreed.get(Property.MAXIMUM_PACKET_SIZE, PACKET_MAX),
        alias_max=agreed.get(Property.TOPIC_ALIAS_MAXIMUM, 0),
        wants_reasons=bool(agreed.get(Property.REQUEST_PROBLEM_INFORMATION, True)),
        wants_response_information=bool(agreed.get(Property.REQUEST_RESPONSE_INFORMATION, False)),
    )


def _will(level: int, connect_flags: int, reader: Reader) -> Will | None:
    qos, retain = connect_flags >> 3 & 3, bool(connect_flags & _WILL_RETAIN)
    if not connect_flags & _WILL:
        if qos or retain:
            raise Malformed("CONNECT with will flags and no will")
        return None
    if qos > mqtt311.QOS_MAX:
        raise Malformed("a will with QoS 3")
    found = properties.decode(reader, properties.WILL) if level == mqtt5.LEVEL else {}
    message = Message(reader.text(), reader.binary(), qos, retain, mqtt5.message_properties(found))
    return Will(message, found.get(Property.WILL_DELAY, 0), found.get(Property.MESSAGE_EXPIRY))
