"""Conditions of policies, as far as they can be known here; one that cannot be known is told, and gives no right."""

from collections.abc import Callable, Mapping
from typing import Any, Final, cast

from ota_stream.api.aws.moto.globs import matches

_IF_EXISTS: Final = "IfExists"


def fulfilled(conditions: Any, context: Mapping[str, str]) -> tuple[bool, str | None]:  # noqa: ANN401 - JSON
    """Return whether all conditions hold, and what cannot be known of them; `context` has keys in small letters."""
    if not conditions:
        return True, None
    if not isinstance(conditions, dict):
        return False, "a condition cannot be read"
    doubts: list[str] = []
    for operator, keys in cast("dict[str, Any]", conditions).items():
        holds = _OPERATORS.get(operator.removesuffix(_IF_EXISTS))
        for key, wanted in cast("dict[str, Any]", keys if isinstance(keys, dict) else {"?": None}).items():
            value = context.get(key.lower())
            if holds is None or value is None:
                doubts.append(f"ota-stream cannot decide the condition {operator} of {key}")
            elif not holds(_texts(wanted), value):
                return False, None
    return not doubts, doubts[0] if doubts else None


def _texts(wanted: Any) -> list[str]:  # noqa: ANN401 - JSON
    values = cast("list[object]", wanted) if isinstance(wanted, list) else [wanted]
    return [str(each).lower() if isinstance(each, bool) else str(each) for each in values]


def _equals(wanted: list[str], value: str) -> bool:
    return value in wanted


def _equals_any_case(wanted: list[str], value: str) -> bool:
    return value.lower() in {each.lower() for each in wanted}


def _like(wanted: list[str], value: str) -> bool:
    return any(matches(each, value) for each in wanted)


Holds = Callable[[list[str], str], bool]


def _not(holds: Holds) -> Holds:
    return lambda wanted, value: not holds(wanted, value)


_OPERATORS: Final[Mapping[str, Holds]] = {
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
    "Null": lambda wanted, _: _equals_any_case(wanted, "false"),  # what is in the context is not null
}
