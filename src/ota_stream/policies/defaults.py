"""The policies that ota-stream knows by itself: of a thing that does OTA, and of an operator."""

import json
from typing import Any, Final

from ota_stream.policies.documents import VERSION
from ota_stream.policies.principals import Policy

THING: Final = "ota-stream-thing"
OPERATOR: Final = "ota-stream-operator"
THING_NAME: Final = "${iot:Connection.Thing.ThingName}"

_ROOMS: Final = ("streams", "jobs")


def thing_policy(arn: str) -> Policy:
    """Return what an OTA device needs, and no more (MP-1). `arn` is what ARNs of the account begin with."""
    own = f"$aws/things/{THING_NAME}"
    return _policy(
        THING,
        _allow(["iot:Connect"], [f"{arn}:client/{THING_NAME}"]),
        _allow(["iot:Subscribe"], [f"{arn}:topicfilter/{own}/{room}/*" for room in _ROOMS]),
        _allow(["iot:Publish", "iot:Receive"], [f"{arn}:topic/{own}/{room}/*" for room in _ROOMS]),
    )


def operator_policy() -> Policy:
    """Return the policy that allows everything."""
    return _policy(OPERATOR, _allow(["iot:*"], ["*"]))


def document(statements: list[dict[str, Any]]) -> dict[str, Any]:
    """Return a document of these statements."""
    return {"Version": VERSION, "Statement": statements}


def _allow(actions: list[str], resources: list[str]) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": actions, "Resource": resources}


def _policy(name: str, *statements: dict[str, Any]) -> Policy:
    return Policy(name, json.dumps(document(list(statements))))
