"""What the two versions of MQTT have to be able to write, so that sessions need not know which one they speak."""

from typing import Protocol

from ota_broker.front.codec.packets import Message, PacketType
from ota_broker.front.codec.reasons import Reason


class Wire(Protocol):
    """One version: the module `mqtt311` or `mqtt5`, or an AliasingWire."""

    def encode_publish(self, message: Message, packet_id: int, *, duplicate: bool, lasts: int | None) -> bytes:
        """Write a message at its own QoS; it has `lasts` seconds left (None: for ever)."""
        ...

    def encode_ack(self, kind: PacketType, packet_id: int) -> bytes:
        """Write a PUBACK, PUBREC, PUBREL or PUBCOMP that says success."""
        ...

    def encode_disconnect(self, code: Reason, why: str, size_max: int) -> bytes:
        """Write the broker's last words, in at most `size_max` bytes; none where the version has none."""
        ...
