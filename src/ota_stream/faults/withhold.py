"""The broker does what a packet asks for, and does not say so."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal

from ota_stream.faults.packet import PacketFault
from ota_stream.faults.subject import Subject

Withheld = Literal["CONNACK", "SUBACK", "UNSUBACK", "PUBACK", "PINGRESP"]

ASKED_BY: Final[Mapping[str, str]] = MappingProxyType(
    {
        "CONNACK": "CONNECT",
        "SUBACK": "SUBSCRIBE",
        "UNSUBACK": "UNSUBSCRIBE",
        "PUBACK": "PUBLISH",
        "PINGRESP": "PINGREQ",
    }
)


class Withhold(PacketFault, frozen=True, kw_only=True, tag="withhold"):
    """The client is connected, subscribed or heard, and `packet` never comes."""

    packet: Withheld = "PUBACK"

    def matches(self, subject: Subject) -> bool:
        """Tell whether a packet is one that would be answered so."""
        return subject.operation == ASKED_BY[self.packet] and super().matches(subject)
