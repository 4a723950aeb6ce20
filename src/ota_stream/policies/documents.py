"""A policy document, read once: its statements, by the action they are about."""

import json
from collections.abc import Iterator, Mapping
from enum import Enum
from functools import lru_cache
from typing import Any, Final, cast

from msgspec import Struct

from ota_stream.errors import ControlError
from ota_stream.policies.actions import Action
from ota_stream.policies.conditions import Condition, conditions
from ota_stream.policies.patterns import Template, matches
from ota_stream.policies.principals import Policy

SIZE_MAX: Final = 2048  # characters, white space not counted
VERSION: Final = "2012-10-17"
_READ_MAX: Final = 1024  # documents kept as read, for all connections that have them


class Effect(Enum):
    """What a statement does for what it is about."""

    ALLOW = "Allow"
    DENY = "Deny"


class Statement(Struct, frozen=True):
    """One statement about one action; `number` is its place in the policy, from 1, `policy` the policy's name.

    It is about what one of the resources matches; with `excepts`, about what none matches (NotResource).
    """

    policy: str
    number: int
    effect: Effect
    resources: tuple[Template, ...]
    excepts: bool
    conditions: tuple[Condition, ...]


Statements = Mapping[Action, tuple[Statement, ...]]


class MalformedPolicy(ControlError):
    """A document is none that AWS IoT takes."""

    def __init__(self, reason: str) -> None:
        super().__init__("MalformedPolicyException", 400, f"Policy document is Malformed: {reason}")
        self.reason = reason


@lru_cache(_READ_MAX)
def statements(policy: Policy) -> Statements:
    """Return the statements of a policy by action.

    Raises:
        MalformedPolicy: it is none; so it allows nothing.
    """
    found: dict[Action, list[Statement]] = {action: [] for action in Action}
    for number, element in enumerate(_elements(policy.document), start=1):
        excepts = "NotResource" in element
        resources = _texts(element, "NotResource" if excepts else "Resource")
        effect = _effect(element)
        asked = tuple(conditions(element.get("Condition"), variables=True))
        templates = tuple(Template(text) for text in resources)
        for action in _actions(element):
            found[action].append(Statement(policy.name, number, effect, templates, excepts, asked))
    return {action: tuple(several) for action, several in found.items()}


def check(document: str) -> None:
    """Refuse a document that AWS IoT does not take. Raises MalformedPolicy."""
    size = len("".join(document.split()))
    if size > SIZE_MAX:
        raise MalformedPolicy(f"it has {size} characters without white space, at most {SIZE_MAX} are allowed")
    statements(Policy("", document))


def _elements(document: str) -> Iterator[dict[str, Any]]:
    try:
        read: object = json.loads(document)
    except (ValueError, RecursionError):
        raise MalformedPolicy("it is not JSON") from None
    if not isinstance(read, dict):
        raise MalformedPolicy("it is not a JSON object")
    members = cast("dict[str, Any]", read)
    if members.get("Version") != VERSION:
        raise MalformedPolicy(f"its Version must be {VERSION}")
    several: object = members.get("Statement")
    for element in cast("list[object]", several) if isinstance(several, list) else [several]:
        if not isinstance(element, dict):
            raise MalformedPolicy("its Statement must be a statement or a list of them")
        yield cast("dict[str, Any]", element)


def _effect(element: dict[str, Any]) -> Effect:
    try:
        return Effect(element.get("Effect"))
    except ValueError:
        raise MalformedPolicy("the Effect of a statement must be Allow or Deny") from None


def _actions(element: dict[str, Any]) -> Iterator[Action]:
    """Yield what a statement is about: names of actions have wildcards, and no case."""
    excepts = "NotAction" in element
    patterns = [text.lower() for text in _texts(element, "NotAction" if excepts else "Action")]
    for action in Action:
        if any(matches(pattern, action.lower()) for pattern in patterns) is not excepts:
            yield action


def _texts(element: dict[str, Any], name: str) -> list[str]:
    value = element.get(name)
    values = cast("list[object]", value) if isinstance(value, list) else [value]
    texts = [each for each in values if isinstance(each, str)]
    if not texts or len(texts) < len(values):
        raise MalformedPolicy(f"{name} of a statement must be a text or a list of texts")
    return texts
