"""Every kind of fault there is, and how one is read."""

from collections.abc import Mapping
from typing import Any, Final, cast, get_args

import msgspec

from ota_stream.errors import OtaStreamError
from ota_stream.faults.corrupt import Corrupt
from ota_stream.faults.delay import Delay
from ota_stream.faults.drip import Drip
from ota_stream.faults.drop import Drop
from ota_stream.faults.duplicate import Duplicate
from ota_stream.faults.fault import Fault
from ota_stream.faults.reject import Reject
from ota_stream.faults.reorder import Reorder
from ota_stream.faults.stale_version import StaleVersion
from ota_stream.faults.swallow import Swallow
from ota_stream.faults.truncate import Truncate

AnyFault = Drop | Delay | Drip | Duplicate | Reorder | Corrupt | Truncate | StaleVersion | Swallow | Reject
KINDS: Final[Mapping[str, type[Fault]]] = {kind.kind(): kind for kind in get_args(AnyFault)}


class FaultError(OtaStreamError):
    """What was asked for is no fault."""


def read(members: object) -> Fault:
    """Read a fault from its members; texts may stand for numbers, as on a command line.

    Raises:
        FaultError: one line that says what is wrong.
    """
    given = _members(members)
    if "fault" not in given:
        raise FaultError(f"a fault needs its kind: `fault:` one of {', '.join(KINDS)} (docs/faults.md)")
    try:
        fault: Fault = msgspec.convert(given, AnyFault, strict=False)
    except msgspec.ValidationError as error:
        raise FaultError(f"fault {str(given['fault'])[:40]!r}: {error} (docs/faults.md)") from None
    return fault


def read_all(content: object) -> tuple[Fault, ...]:
    """Read the faults of a file: `faults`, a list. Raises FaultError."""
    listed = _members(content).get("faults")
    if not isinstance(listed, list):
        raise FaultError("there must be a list named `faults` (docs/faults.md)")
    return tuple(read(each) for each in cast("list[object]", listed))


def _members(content: object) -> dict[str, Any]:
    return cast("dict[str, Any]", content) if isinstance(content, dict) else {}
