"""A session's way to its client while one is connected."""

from typing import Protocol

from ota_broker.front.access import Identity
from ota_broker.front.codec.packets import Cause, Message, Will


class Link(Protocol):
    """One connection as its session sees it: `peer` is its `host:port`, its packets have `packet_max` bytes at most."""

    peer: str
    identity: Identity
    will: Will | None
    packet_max: int

    def send_message(self, message: Message, packet_id: int, *, duplicate: bool) -> bool:
        """Write a message at its own QoS. False when it is never to be sent: it is too old or too large."""
        ...

    def send_answer(self, message: Message) -> bool:
        """Write an answer of the cloud, at QoS 0."""
        ...

    def send_release(self, packet_id: int) -> None:
        """Write a PUBREL: forget the packet id of a QoS 2 message that has arrived."""
        ...

    @property
    def congested(self) -> bool:
        """Whether the client reads too slowly to be sent more."""
        ...

    def takes_stored(self) -> bool:
        """Tell whether one more message that waited for the client's return is sent in this second (Q-31)."""
        ...

    def fall_silent(self) -> None:
        """Be half open: send and take nothing more, and tell nobody."""
        ...

    def close(self, cause: Cause, reason: str) -> None:
        """End the connection."""
        ...
