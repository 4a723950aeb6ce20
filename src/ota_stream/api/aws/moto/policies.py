"""What policies of IAM say: whether documents allow an action, by the rules of evaluation that AWS documents.

moto has an evaluation too, of policies of callers: it passes over NotResource, services as principals and the case of
actions, and takes the signs of a pattern for a regular expression.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from enum import Enum
from typing import Any, Final, cast

from msgspec import Struct

from ota_stream.policies.conditions import conditions, fulfilled
from ota_stream.policies.patterns import matches


class Asking(Struct, frozen=True):
    """What somebody wants to do.

    `resource` is None where policies name none: in trust. `names` are what a principal of this `kind` may be called in
    a policy that has principals; `account` are the names of all of its account. `context` are keys of conditions.
    """

    action: str
    resource: str | None
    context: Mapping[str, str]
    kind: str = "AWS"
    names: frozenset[str] = frozenset()
    account: frozenset[str] = frozenset()


class Ruling(Enum):
    """What documents say; who is not allowed may not."""

    ALLOWED = "allowed"
    SILENT = "not allowed"
    DENIED = "denied"


class Verdict(Struct, frozen=True):
    """A ruling, and what was not understood on the way to it: that never gives a right."""

    ruling: Ruling
    doubts: tuple[str, ...] = ()


def decide(documents: Iterable[str | bytes], asking: Asking) -> Verdict:
    """Return what the documents say together: one Deny is enough, then one Allow is."""
    ruling = Ruling.SILENT
    doubts: list[str] = []
    for statement in _statements(documents, doubts):
        effect = _EFFECTS.get(str(statement.get("Effect")))
        if effect is None or not _concerns(statement, asking, effect):
            continue
        asked = tuple(conditions(statement.get("Condition"), variables=False))
        holds, doubt = fulfilled(asked, asking.context.__getitem__)
        if doubt is not None:
            doubts.append(doubt)
        if effect is Ruling.DENIED and (holds or doubt is not None):
            return Verdict(Ruling.DENIED, tuple(doubts))
        if effect is Ruling.ALLOWED and holds:
            ruling = Ruling.ALLOWED
    return Verdict(ruling, tuple(doubts))


_EFFECTS: Final[Mapping[str, Ruling]] = {"Allow": Ruling.ALLOWED, "Deny": Ruling.DENIED}


def _statements(documents: Iterable[str | bytes], doubts: list[str]) -> Iterator[dict[str, Any]]:
    for document in documents:
        try:
            read = json.loads(document)
        except (ValueError, RecursionError):
            read = None
        if not isinstance(read, dict):
            doubts.append("a policy is not JSON")
            continue
        found = cast("dict[str, Any]", read).get("Statement", [])
        for statement in cast("list[object]", found) if isinstance(found, list) else [found]:
            if isinstance(statement, dict):
                yield cast("dict[str, Any]", statement)


def _concerns(statement: dict[str, Any], asking: Asking, effect: Ruling) -> bool:
    return (
        _element(statement, "Action", asking.action.lower(), lower=True)
        and (asking.resource is None or _element(statement, "Resource", asking.resource))
        and (not asking.names or _principal(statement, asking, effect))
    )


def _element(statement: dict[str, Any], name: str, value: str, *, lower: bool = False) -> bool:
    """Hold a value against `name` or `Not...` of it; a statement that has neither concerns nothing."""
    excepted = f"Not{name}" in statement
    patterns = texts(statement.get(f"Not{name}" if excepted else name))
    found = any(matches(pattern.lower() if lower else pattern, value) for pattern in patterns)
    return found is not excepted and (excepted or bool(patterns))


def _principal(statement: dict[str, Any], asking: Asking, effect: Ruling) -> bool:
    """Hold who asks against the principals: what is denied to an account is denied to all of it."""
    names = asking.names if effect is Ruling.ALLOWED else asking.names | asking.account
    if "NotPrincipal" in statement:
        return effect is Ruling.DENIED and not _named(statement["NotPrincipal"], asking.kind, asking.names)
    return _named(statement.get("Principal"), asking.kind, names)


def _named(element: Any, kind: str, names: frozenset[str]) -> bool:  # noqa: ANN401 - JSON
    if element == "*":
        return True
    if not isinstance(element, dict):
        return False
    given = texts(cast("dict[str, Any]", element).get(kind))
    return "*" in given or not names.isdisjoint(given)


def texts(value: Any) -> list[str]:  # noqa: ANN401 - JSON
    """Return the texts of an element that may be one or a list."""
    values = cast("list[object]", value) if isinstance(value, list) else [value]
    return [each for each in values if isinstance(each, str)]
