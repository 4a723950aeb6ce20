"""The calls of `ota-stream policy`: what policies say to a thing, and the least policy for what it used."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from ota_stream.api.calls import Call
from ota_stream.api.operated import Operated
from ota_stream.errors import ControlError
from ota_stream.policies.actions import Action

Json = dict[str, Any]

ACTIONS: Final[Mapping[str, Action]] = MappingProxyType({action.name.replace("_", "-"): action for action in Action})
"""The actions as a person writes them: PUBLISH, RETAIN-PUBLISH, ..."""


def check(cloud: Operated, call: Call) -> Json:
    """Judge an action of a thing, by each certificate it has."""
    action = ACTIONS.get(call.query.get("action", "").upper())
    if action is None:
        raise ControlError("InvalidRequestException", 400, f"action: use one of {', '.join(ACTIONS)}")
    rulings = cloud.policies.check(call.path["thing"], action, call.query.get("name", ""))
    return {"rulings": [{"by": ruling.by, "rule": ruling.rule} for ruling in rulings]}


def suggest(cloud: Operated, call: Call) -> Json:
    """Write the least policy for what a thing used."""
    return {"policyDocument": cloud.policies.suggest(call.path["thing"])}
