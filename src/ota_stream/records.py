"""One answered request, as the log will tell it."""

from enum import StrEnum

from msgspec import Struct


class Action(StrEnum):
    """The seed's actionType. Exactly seven values exist; here stand those that something writes."""

    GET_STREAM = "GetStream"
    DESCRIBE_STREAM = "DescribeStream"


class RequestRecord(Struct, frozen=True, gc=False):
    """What a device asked and how it ended: one per request, however many blocks it brought (LR-20).

    `at` is epoch seconds. `failure` is the rejection's message, or None for a success.
    """

    at: float
    action: Action
    client_id: str
    topic: str
    stream_id: str
    client_token: str | None = None
    failure: str | None = None
