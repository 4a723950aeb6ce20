"""The log entries of faults that were asked for (ours: AWS has nothing like them)."""

from collections.abc import Mapping
from typing import Final

from ota_stream.logs.levels import Level
from ota_stream.records import FAULT_EVENT, FaultRecord

LEVEL: Final = Level.WARN


def members(record: FaultRecord) -> Mapping[str, str]:
    """Return what follows the status in the entry, without the members that have no value."""
    everything = {
        "eventType": FAULT_EVENT,
        "fault": record.fault,
        "kind": record.kind,
        "clientId": record.client_id or None,
        "thingName": record.thing or None,
        "topicName": record.topic,
        "details": f"{record.kind}: {record.hits}",
    }
    return {key: value for key, value in everything.items() if value is not None}
