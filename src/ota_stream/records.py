"""What happened, as the log will tell it: one value per answered request or event, before it has its JSON form."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from msgspec import Struct

UNKNOWN_CLIENT: Final = ""
"""The client id of a record when nobody told it: a broker in front hides it. No connected client has this one."""


class Action(StrEnum):
    """The seed's actionType: exactly seven values exist."""

    CREATE_OTA_UPDATE = "CreateOTAUpdate"
    DELETE_OTA_UPDATE = "DeleteOTAUpdate"
    START_CODE_SIGNING = "StartCodeSigning"
    CREATE_AWS_JOB = "CreateAWSJob"
    CREATE_STREAM = "CreateStream"
    GET_STREAM = "GetStream"
    DESCRIBE_STREAM = "DescribeStream"


class JobEvent(StrEnum):
    """The eventType of job records (docs/wire.md)."""

    DESCRIBE = "DescribeJobExecution"
    GET_PENDING = "GetPendingJobExecution"
    START_NEXT = "StartNextPendingJobExecution"
    UPDATE = "UpdateJobExecution"
    FINAL_COUNT = "ReportFinalJobExecutionCount"


class BrokerEvent(StrEnum):
    """The eventType of what the message broker records (LR-14); Publish-In is from a client, Publish-Out to one."""

    CONNECT = "Connect"
    DISCONNECT = "Disconnect"
    PUBLISH_IN = "Publish-In"
    PUBLISH_OUT = "Publish-Out"
    SUBSCRIBE = "Subscribe"


class RequestRecord(Struct, frozen=True, gc=False):
    """What a device asked of a stream and how it ended: one per request, however many blocks it brought (LR-20).

    `at` is epoch seconds. `failure` is the rejection's message, or None for a success.
    """

    at: float
    action: Action
    client_id: str
    topic: str
    stream_id: str
    client_token: str | None = None
    failure: str | None = None


class JobRequestRecord(Struct, frozen=True, gc=False):
    """What a device asked of the jobs service and how it ended (LR-8..LR-12, LR-21).

    `destination` is the status an UpdateJobExecution asked for. `version_number` is the execution's after the request.
    A request over HTTP has no topic; its client is known by its thing.
    """

    at: float
    event: JobEvent
    client_id: str
    topic: str | None
    job_id: str | None = None
    client_token: str | None = None
    version_number: int | None = None
    destination: str | None = None
    failure: str | None = None


class JobCountRecord(Struct, frozen=True, gc=False):
    """A job that is complete: how many executions ended in which status (LR-13). `counts` by status name."""

    at: float
    job_id: str
    counts: Mapping[str, int]


class UpdateRecord(Struct, frozen=True, gc=False):
    """A step in the life of an OTA update, on the cloud's side (LR-1..LR-5, LR-19).

    `ended` marks the end of what the action began: a signing job that is complete.
    """

    at: float
    action: Action
    ota_update_id: str | None = None
    job_id: str | None = None
    stream_id: str | None = None
    failure: str | None = None
    ended: bool = False


class BrokerRecord(Struct, frozen=True, gc=False):
    """What the message broker refused to a client (LR-16, MU-8): no policy allows it, or it is against the rules.

    `reason` is AWS's word for why, `failure` the rule that says no. `disconnect_reason` is why a connection was ended.
    A client id is empty before there is one; `principal_id` is the id of the certificate, None without one.
    """

    at: float
    event: BrokerEvent
    trace_id: str
    client_id: str
    topic: str | None
    principal_id: str | None
    source_ip: str
    source_port: int
    reason: str
    failure: str
    disconnect_reason: str | None = None


class FaultRecord(Struct, frozen=True, gc=False):
    """A fault that was asked for and has hit something (docs/faults.md): without it a run would not explain itself.

    `fault` is its name, `kind` what it does, `hits` what it has hit in words. No topic: nobody had asked.
    """

    at: float
    fault: str
    kind: str
    client_id: str
    thing: str
    topic: str | None
    hits: str


FAULT_EVENT: Final = "InjectedFault"
"""The eventType of such a record; AWS has none like it."""

Record = RequestRecord | JobRequestRecord | JobCountRecord | UpdateRecord | BrokerRecord | FaultRecord
