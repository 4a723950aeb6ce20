"""MQTT 5 towards a client that takes topic aliases: a topic is written once, then it is a number (3.3.2.3.4)."""

from msgspec.structs import replace

from ota_broker.front import limits
from ota_broker.front.codec import mqtt5
from ota_broker.front.codec.packets import Message, PacketType
from ota_broker.front.codec.reasons import Reason


class AliasingWire:
    """The Wire of one connection. The first topics it carries get the aliases: a device has few."""

    __slots__ = ("_aliases", "_most", "_packet_max")

    def __init__(self, alias_max: int, packet_max: int) -> None:
        self._aliases: dict[str, int] = {}
        self._most = min(alias_max, limits.TOPIC_ALIAS_MAX)
        self._packet_max = packet_max

    def encode_publish(
        self, message: Message, packet_id: int, *, duplicate: bool = False, lasts: int | None = None
    ) -> bytes:
        """Write a message, by its alias if its topic has one."""
        topic, alias = message.topic, self._aliases.get(message.topic)
        if alias is None:
            if len(self._aliases) >= self._most:
                return mqtt5.encode_publish(message, packet_id, duplicate=duplicate, lasts=lasts)
            alias = len(self._aliases) + 1
        else:
            message = replace(message, topic="")
        data = mqtt5.encode_publish(message, packet_id, duplicate=duplicate, lasts=lasts, alias=alias)
        if len(data) <= self._packet_max:  # else it is not sent, and the client does not learn the alias
            self._aliases[topic] = alias
        return data

    def encode_ack(self, kind: PacketType, packet_id: int) -> bytes:
        """Write a PUBACK, PUBREC, PUBREL or PUBCOMP that says success."""
        return mqtt5.encode_ack(kind, packet_id)

    def encode_disconnect(self, code: Reason, why: str, size_max: int) -> bytes:
        """Write the broker's last words."""
        return mqtt5.encode_disconnect(code, why, size_max)
