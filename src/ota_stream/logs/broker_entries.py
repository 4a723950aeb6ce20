"""The log entries of what the message broker refused: the broker's family, which has a traceId (spec 5.2)."""

from collections.abc import Mapping
from typing import Final

from ota_stream.logs.levels import Level
from ota_stream.records import BrokerRecord

LEVEL: Final = Level.ERROR  # LR-16, MU-8


def members(record: BrokerRecord) -> Mapping[str, str | int]:
    """Return what follows the status in the entry, without the members that have no value."""
    everything: Mapping[str, str | int | None] = {
        "eventType": record.event,
        "protocol": "MQTT",
        "topicName": record.topic,
        "clientId": record.client_id,
        "principalId": record.principal_id,
        "sourceIp": record.source_ip,
        "sourcePort": record.source_port,
        "reason": record.reason,
        "details": record.failure,
        "disconnectReason": record.disconnect_reason,
    }
    return {key: value for key, value in everything.items() if value is not None}
