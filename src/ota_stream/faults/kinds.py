"""Every kind of fault there is, and how one is read."""

from collections.abc import Mapping
from typing import Any, Final, cast, get_args

import msgspec

from ota_stream.errors import OtaStreamError
from ota_stream.faults.cancel_job import CancelJob
from ota_stream.faults.corrupt import Corrupt
from ota_stream.faults.delay import Delay
from ota_stream.faults.delete_job import DeleteJob
from ota_stream.faults.delete_stream import DeleteStream
from ota_stream.faults.deny_update import DenyUpdate
from ota_stream.faults.disconnect import Disconnect
from ota_stream.faults.drip import Drip
from ota_stream.faults.drop import Drop
from ota_stream.faults.duplicate import Duplicate
from ota_stream.faults.duplicate_notify import DuplicateNotify
from ota_stream.faults.etag_change import EtagChange
from ota_stream.faults.fault import Fault
from ota_stream.faults.half_open import HalfOpen
from ota_stream.faults.hang_up import HangUp
from ota_stream.faults.ignore_range import IgnoreRange
from ota_stream.faults.lose_first import LoseFirst
from ota_stream.faults.notify_next import NotifyNext
from ota_stream.faults.refuse_connection import RefuseConnection
from ota_stream.faults.reject import Reject
from ota_stream.faults.reorder import Reorder
from ota_stream.faults.stale_version import StaleVersion
from ota_stream.faults.swallow import Swallow
from ota_stream.faults.take_over import TakeOver
from ota_stream.faults.throttle import Throttle
from ota_stream.faults.time_out_job import TimeOutJob
from ota_stream.faults.truncate import Truncate
from ota_stream.faults.url_expired import UrlExpired
from ota_stream.faults.withhold import Withhold
from ota_stream.names import guess

AnyFault = (
    Drop | LoseFirst | Delay | Drip | Throttle | Duplicate | DuplicateNotify | Reorder | Corrupt | Truncate
    | StaleVersion | Swallow | Reject | DenyUpdate | EtagChange
    | Disconnect | TakeOver | HalfOpen | CancelJob | TimeOutJob | DeleteJob | NotifyNext | DeleteStream
    | Withhold | HangUp | RefuseConnection
    | UrlExpired | IgnoreRange
)  # fmt: skip
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
    kind = str(given["fault"])
    if kind not in KINDS:
        raise FaultError(f"there is no fault {kind[:40]!r}{guess(kind, KINDS)} (docs/faults.md)")
    try:
        fault: Fault = msgspec.convert(given, AnyFault, strict=False)
    except msgspec.ValidationError as error:
        raise FaultError(f"fault {kind!r}: {error} (docs/faults.md)") from None
    return fault


def read_all(content: object) -> tuple[Fault, ...]:
    """Read the faults of a file: `faults`, a list. Raises FaultError."""
    listed = _members(content).get("faults")
    if not isinstance(listed, list):
        raise FaultError("there must be a list named `faults` (docs/faults.md)")
    return tuple(read(each) for each in cast("list[object]", listed))


def _members(content: object) -> dict[str, Any]:
    return cast("dict[str, Any]", content) if isinstance(content, dict) else {}
