"""What a client may be allowed to do over MQTT, and the resource each is about (MP-3, MP-4)."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class Action(StrEnum):
    """The actions of a policy that the front door asks about."""

    CONNECT = "iot:Connect"
    PUBLISH = "iot:Publish"
    RETAIN_PUBLISH = "iot:RetainPublish"
    SUBSCRIBE = "iot:Subscribe"
    RECEIVE = "iot:Receive"


RESOURCES: Final[Mapping[Action, str]] = MappingProxyType(
    {
        Action.CONNECT: "client",
        Action.PUBLISH: "topic",
        Action.RETAIN_PUBLISH: "topic",
        Action.SUBSCRIBE: "topicfilter",  # the filter word for word: its `+` and `#` are ordinary signs (MP-5)
        Action.RECEIVE: "topic",
    }
)
"""How the resource begins."""


def resource_of(action: Action, name: str) -> str:
    """Return the resource without region and account: `topic/a/b`, `client/door-lock-7`."""
    return f"{RESOURCES[action]}/{name}"
