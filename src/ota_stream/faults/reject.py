"""A request is refused for no reason of its own."""

from typing import Any, ClassVar

from msgspec.structs import replace

from ota_stream.answers import Answer, Reply
from ota_stream.faults import fields
from ota_stream.faults.fault import Fault, Way
from ota_stream.jobs.errors import RejectionCode as JobCode
from ota_stream.streams.errors import RejectionCode as StreamCode

CODES = frozenset({*(code.value for code in StreamCode), *(code.value for code in JobCode)})


class Reject(Fault, frozen=True, kw_only=True, tag="reject"):
    """The cloud is not asked; the device gets `code`, any of those of streams and jobs, and `message`."""

    way: ClassVar[Way] = "request"

    code: str = "InternalError"
    message: str = "A fault that was asked for"

    def __post_init__(self) -> None:
        """Check the code. Raises ValueError."""
        super().__post_init__()
        if self.code not in CODES:
            raise ValueError(f"code {self.code!r}: use one of {', '.join(sorted(CODES))}")

    def apply(self, answer: Answer) -> Answer:
        """Return the refusal with another code and message."""
        return replace(answer, replies=tuple(self._refusal(reply) for reply in answer.replies))

    def _refusal(self, reply: Reply) -> Reply:
        def change(members: dict[str, Any]) -> None:
            for key in ("code", "o"):
                if key in members:
                    members[key] = self.code
            for key in ("message", "m"):
                if key in members:
                    members[key] = self.message

        return fields.changed(reply, change)
