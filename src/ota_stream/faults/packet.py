"""Faults of the broker itself: what it does with a packet of a client. Here `thing` is the client id."""

from typing import ClassVar

from ota_stream.faults.fault import Fault, Way


class PacketFault(Fault, frozen=True):
    """It is for packets; answers of the cloud it lets pass."""

    way: ClassVar[Way] = "packet"
