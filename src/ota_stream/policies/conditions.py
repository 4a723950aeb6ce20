"""Conditions of policies, as far as they can be known here; one that cannot be known is told, and gives no right."""

import ipaddress
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, cast

from msgspec import Struct

from ota_stream.policies.patterns import Template, Value, key_of

_IF_EXISTS: Final = "IfExists"
_OF_ALL: Final = "ForAllValues:"
_OF_ANY: Final = "ForAnyValue:"


class Condition(Struct, frozen=True):
    """One line of a Condition element: an operator as it was written, a key, and the values it is held against."""

    operator: str
    key: str
    wanted: tuple[Template, ...]


UNREADABLE: Final = Condition("?", "?", ())


def conditions(element: Any, *, variables: bool) -> Iterator[Condition]:  # noqa: ANN401 - JSON
    """Read a Condition element. What is no condition becomes one that nobody can decide."""
    if not element:
        return
    if not isinstance(element, dict):
        yield UNREADABLE
        return
    for operator, keys in cast("dict[str, Any]", element).items():
        if not isinstance(keys, dict):
            yield UNREADABLE
            continue
        for key, wanted in cast("dict[str, Any]", keys).items():
            values = cast("list[object]", wanted) if isinstance(wanted, list) else [wanted]
            if any(isinstance(each, list | dict) for each in values):
                yield UNREADABLE
            else:
                yield Condition(operator, key, tuple(Template(_text(each), variables=variables) for each in values))


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def fulfilled(asked: tuple[Condition, ...], value: Value) -> tuple[bool, str | None]:
    """Return whether all conditions hold, and what cannot be known of them."""
    doubt: str | None = None
    for condition in asked:
        holds = _holds(condition, value)
        if holds is None:
            doubt = doubt or _doubt(condition)
        elif not holds:
            return False, None
    return doubt is None, doubt


def _doubt(condition: Condition) -> str:
    if condition is UNREADABLE:
        return "a condition cannot be read"
    return f"ota-stream cannot decide the condition {condition.operator} of {condition.key}"


def _holds(condition: Condition, value: Value) -> bool | None:
    """Return whether a condition holds, None when that cannot be known."""
    every = condition.operator.startswith(_OF_ALL)
    name = condition.operator.removeprefix(_OF_ALL).removeprefix(_OF_ANY)
    operator = _OPERATORS.get(name.removesuffix(_IF_EXISTS))
    if operator is None:
        return None
    try:
        given = value(key_of(condition.key))
    except KeyError:
        return None
    if given is None and (every or name.endswith(_IF_EXISTS)):
        return True
    return operator(condition.wanted, given, value)


Operator = Callable[[tuple[Template, ...], str | None, Value], bool]
"""Holds what is given under a key, None when there is nothing, against what is wanted."""


def _equals(wanted: tuple[Template, ...], given: str | None, value: Value) -> bool:
    return given is not None and any(each.literal(value) == given for each in wanted)


def _equals_any_case(wanted: tuple[Template, ...], given: str | None, value: Value) -> bool:
    literals = (each.literal(value) for each in wanted)
    return given is not None and given.lower() in {each.lower() for each in literals if each is not None}


def _like(wanted: tuple[Template, ...], given: str | None, value: Value) -> bool:
    patterns = (each.pattern(value) for each in wanted)
    return given is not None and any(each.matches(given) for each in patterns if each is not None)


def _null(wanted: tuple[Template, ...], given: str | None, value: Value) -> bool:
    return _equals_any_case(wanted, "true" if given is None else "false", value)


def _in_network(wanted: tuple[Template, ...], given: str | None, value: Value) -> bool:
    literals = (each.literal(value) for each in wanted)
    return given is not None and any(_contains(each, given) for each in literals if each is not None)


def _contains(network: str, address: str) -> bool:
    """Tell whether an address is in a network, which may be one address; what is none contains nothing."""
    try:
        return ipaddress.ip_address(address) in ipaddress.ip_network(network, strict=False)
    except ValueError:
        return False


def _not(holds: Operator) -> Operator:
    """Return the opposite, which holds for what is not there."""
    return lambda wanted, given, value: not holds(wanted, given, value)


_OPERATORS: Final[Mapping[str, Operator]] = {
    "StringEquals": _equals,
    "StringNotEquals": _not(_equals),
    "StringEqualsIgnoreCase": _equals_any_case,
    "StringNotEqualsIgnoreCase": _not(_equals_any_case),
    "StringLike": _like,
    "StringNotLike": _not(_like),
    "ArnEquals": _like,
    "ArnNotEquals": _not(_like),
    "ArnLike": _like,
    "ArnNotLike": _not(_like),
    "Bool": _equals_any_case,
    "Null": _null,
    "IpAddress": _in_network,
    "NotIpAddress": _not(_in_network),
}
