"""The cloud tells an old version."""

from typing import Annotated, Any

from msgspec import Meta
from msgspec.structs import replace

from ota_stream.answers import Answer
from ota_stream.faults import fields
from ota_stream.faults.fault import Fault


class StaleVersion(Fault, frozen=True, kw_only=True, tag="stale-version"):
    """A described stream's version, or a job execution's `versionNumber`, is `by` too small."""

    by: Annotated[int, Meta(ge=1)] = 1

    def apply(self, answer: Answer) -> Answer:
        """Return the messages with older versions; what tells none is left as it is."""
        return replace(answer, replies=tuple(fields.changed(reply, self._age) for reply in answer.replies))

    def _age(self, members: dict[str, Any]) -> None:
        if "r" in members and "s" in members:
            members["s"] -= self.by
        for execution in (members.get("execution"), members.get("executionState")):
            if execution and "versionNumber" in execution:
                execution["versionNumber"] -= self.by
