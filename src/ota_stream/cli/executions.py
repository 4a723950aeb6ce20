"""What a job execution tells a person: how far the device is, and why it ended as it did."""

import re
from typing import Any, Final

from msgspec import Struct

from ota_device import reasons

SUCCEEDED: Final = "SUCCEEDED"
PENDING: Final = frozenset({"QUEUED", "IN_PROGRESS"})
_RECEIVE: Final = re.compile(r"(\d{1,9})/(\d{1,9})")  # blocks, or bytes; `progress` is what rustot calls it


class Execution(Struct, frozen=True):
    """The execution of a job on one thing, as the thing last told it."""

    thing: str
    status: str
    details: dict[str, str]

    @property
    def ended(self) -> bool:
        """Whether nothing more will come."""
        return self.status not in PENDING

    @property
    def received(self) -> tuple[int, int] | None:
        """How much of how much has been downloaded, when the device says so."""
        found = _RECEIVE.fullmatch(self.details.get("receive") or self.details.get("progress", ""))
        if found is None:
            return None
        done, total = int(found[1]), int(found[2])
        return (min(done, total), total) if total else None

    @property
    def remark(self) -> str:
        """What the device says beside its status, a numeric reason in words."""
        reason = self.details.get("reason")
        if reason is not None:
            words = reasons.words(reason)
            return words if reasons.parse(reason) is None else f"{words} ({reason})"
        if "self_test" in self.details and not self.ended:
            return "self test"
        return "" if self.received else ", ".join(f"{name} {value}" for name, value in self.details.items())


def execution(shown: dict[str, Any]) -> Execution:
    """Read an execution as the simulator shows it."""
    details = shown.get("statusDetails", {}).get("detailsMap", {})
    return Execution(shown["thingName"], shown["status"], details)
