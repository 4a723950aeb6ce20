"""What belongs to the account as a whole: where its endpoints are, and which events it wants."""

from typing import Any, Final

from ota_stream.answers import Effect
from ota_stream.api.aws.clouded import AwsOperated
from ota_stream.api.aws.given import Given, Shown, invalid

ENDPOINT_TYPES: Final = ("iot:Data", "iot:Data-ATS", "iot:Jobs", "iot:CredentialProvider", "iot:Data-Beta")
EVENT_TYPES: Final = (
    "THING", "THING_GROUP", "THING_TYPE", "THING_GROUP_MEMBERSHIP", "THING_GROUP_HIERARCHY",
    "THING_TYPE_ASSOCIATION", "JOB", "JOB_EXECUTION", "POLICY", "CERTIFICATE", "CA_CERTIFICATE",
)  # fmt: skip
PUBLISHED: Final = frozenset({"JOB", "JOB_EXECUTION"})  # JE-1


def describe_endpoint(cloud: AwsOperated, given: Given) -> Shown:
    """DescribeEndpoint: our own address (JC-21)."""
    kind = given.get("endpointType", "iot:Data")
    if kind not in ENDPOINT_TYPES:
        raise invalid(f"endpointType: use one of {', '.join(ENDPOINT_TYPES)}")
    return {"endpointAddress": cloud.address(kind)}


def describe_events(cloud: AwsOperated, _: Given) -> Shown:
    """DescribeEventConfigurations."""
    enabled = {kind for kind, row in cloud.event_types.items() if row.enabled}
    return {"eventConfigurations": {kind: {"Enabled": kind in enabled} for kind in EVENT_TYPES}}


def update_events(cloud: AwsOperated, given: Given) -> tuple[Shown, Effect]:
    """UpdateEventConfigurations: events of jobs are published; to ask for others is refused, not passed over."""
    wanted: dict[str, Any] = given.get("eventConfigurations") or {}
    for kind, row in wanted.items():
        if row.get("Enabled") and kind not in PUBLISHED:
            raise invalid(f"ota-stream publishes no events of type {kind}: only of {', '.join(sorted(PUBLISHED))}")
    for kind in sorted(PUBLISHED & wanted.keys()):
        cloud.jobs.enable_events(kind, enabled=bool(wanted[kind].get("Enabled")))
    return {}, Effect()


READS: Final = {"DescribeEndpoint": describe_endpoint, "DescribeEventConfigurations": describe_events}
CHANGES: Final = {"UpdateEventConfigurations": update_events}
