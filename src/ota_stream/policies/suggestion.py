"""The least policy that allows what a thing used."""

import json
from collections.abc import Callable, Iterable
from typing import Any, Final

from ota_stream.policies.actions import RESOURCES, Action
from ota_stream.policies.defaults import THING_NAME, document
from ota_stream.policies.documents import SIZE_MAX
from ota_stream.policies.generalised import COARSER
from ota_stream.policies.usage import Use

CONNECT: Final[Use] = (Action.CONNECT, THING_NAME)


def least(uses: Iterable[Use], arn: str) -> dict[str, Any] | None:
    """Return the document for these uses, as fine as fits into one (Q-33); None when it never does.

    `arn` is what ARNs of the account begin with.
    """
    whole = {*uses, CONNECT}
    for coarser in COARSER:
        found = document(_statements(whole, coarser, arn))
        if len(json.dumps(found, separators=(",", ":"))) <= SIZE_MAX:
            return found
    return None


def _statements(uses: Iterable[Use], coarser: Callable[[str], str], arn: str) -> list[dict[str, Any]]:
    by_action: dict[Action, set[str]] = {}
    for action, name in uses:
        by_action.setdefault(action, set()).add(coarser(name))
    return [
        {
            "Effect": "Allow",
            "Action": action.value,
            "Resource": [f"{arn}:{RESOURCES[action]}/{name}" for name in sorted(by_action[action])],
        }
        for action in Action
        if action in by_action
    ]
