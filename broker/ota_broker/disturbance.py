"""Faults of the broker itself: what it does with the packets of clients while such a fault is set."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from ota_broker.front.codec import mqtt5, mqtt311
from ota_broker.front.codec.connecting import decode_connect, level_of
from ota_broker.front.codec.packets import PacketType, Violation
from ota_broker.front.codec.reasons import Reason
from ota_broker.front.version import Handle
from ota_stream.clock import Clock
from ota_stream.faults.desk import FaultDesk, Moment
from ota_stream.faults.fault import Fault
from ota_stream.faults.hang_up import HangUp
from ota_stream.faults.refuse_connection import RefuseConnection
from ota_stream.faults.subject import Subject
from ota_stream.faults.withhold import Withhold
from ota_stream.records import Record

if TYPE_CHECKING:
    from ota_broker.front.connection import Connection

OPERATIONS: Final = frozenset({"CONNECT", "SUBSCRIBE", "UNSUBSCRIBE", "PUBLISH", "PINGREQ"})
"""Packets that a fault may be for."""

REFUSALS: Final[Mapping[str, tuple[int, Reason]]] = MappingProxyType(
    {
        "unavailable": (0x03, Reason.SERVER_UNAVAILABLE),
        "not-authorized": (0x05, Reason.NOT_AUTHORIZED),
        "busy": (0x03, Reason.SERVER_BUSY),
    }
)
"""The codes of a CONNACK in MQTT 3.1.1 (3.2.2.3) and in MQTT 5 (3.2.2.2)."""


class Disturbance:
    """Makes the handles of packets that a fault may befall. `keep` takes the records of what has hit."""

    def __init__(self, desk: FaultDesk, clock: Clock, keep: Callable[[Record], None]) -> None:
        self._desk = desk
        self._clock = clock
        self._keep = keep

    def __call__(self, kind: int, handle: Handle) -> Handle:
        """Return what handles a type of packets; the same where no fault is for them."""
        operation = PacketType(kind).name
        if operation not in OPERATIONS:
            return handle

        def disturbed(peer: "Connection", flags: int, data: bytes, start: int, end: int) -> None:
            fault = self._of(operation, _client(peer, flags, data, start, end))
            if fault is None:
                handle(peer, flags, data, start, end)
            elif isinstance(fault, HangUp):
                peer.cut()
            elif isinstance(fault, RefuseConnection):
                _refuse(peer, fault, level_of(data, start, end))
            elif isinstance(fault, Withhold):
                before = peer.waiting
                handle(peer, flags, data, start, end)
                peer.take_back(PacketType[fault.packet], before)

        return disturbed

    def _of(self, operation: str, client_id: str | None) -> Fault | None:
        if client_id is None:  # no CONNECT at all: it is refused for that
            return None
        now = Moment(self._clock.wall(), self._clock.monotonic())
        hit = self._desk.disturb(Subject(operation, client_id), now)
        if hit is None:
            return None
        fault, record = hit
        self._keep(record)
        return fault


def _client(peer: "Connection", flags: int, data: bytes, start: int, end: int) -> str | None:
    if peer.is_connected:
        return peer.session.client_id
    try:
        return decode_connect(flags, data, start, end).client_id
    except Violation:
        return None


def _refuse(peer: "Connection", fault: RefuseConnection, level: int) -> None:
    code, reason = REFUSALS[fault.why]
    is_old = level == mqtt311.LEVEL
    peer.send(mqtt311.encode_connack(code) if is_old else mqtt5.encode_connack(reason, {}))
    peer.finish()
