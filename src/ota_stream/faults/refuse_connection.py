"""A client is not let in."""

from typing import Literal

from ota_stream.faults.packet import PacketFault
from ota_stream.faults.subject import Subject

Refused = Literal["unavailable", "not-authorized", "busy"]


class RefuseConnection(PacketFault, frozen=True, kw_only=True, tag="refuse-connection"):
    """CONNECT is answered by a CONNACK that says `why`; MQTT 3.1.1 has no busy, and says unavailable."""

    why: Refused = "unavailable"

    def matches(self, subject: Subject) -> bool:
        """Tell whether a packet is a CONNECT."""
        return subject.operation == "CONNECT" and super().matches(subject)
