"""A request is refused for no reason of its own."""

from typing import Any, ClassVar

from msgspec.structs import replace

from ota_stream.answers import Answer, Reply
from ota_stream.faults import fields
from ota_stream.faults.fault import Fault, Way
from ota_stream.faults.subject import OF_STREAMS, Subject
from ota_stream.jobs.errors import RejectionCode as JobCode
from ota_stream.streams.errors import RejectionCode as StreamCode

STREAM_CODES = frozenset(code.value for code in StreamCode)
JOB_CODES = frozenset(code.value for code in JobCode)
CODES = STREAM_CODES | JOB_CODES


def _codes(operation: str) -> frozenset[str]:
    return STREAM_CODES if operation in OF_STREAMS else JOB_CODES


class Reject(Fault, frozen=True, kw_only=True, tag="reject"):
    """The cloud is not asked; the device gets `code` and `message`. A service without that code is not disturbed."""

    way: ClassVar[Way] = "request"

    code: str = "InternalError"
    message: str = "A fault that was asked for"

    def __post_init__(self) -> None:
        """Check the code. Raises ValueError."""
        super().__post_init__()
        known = CODES if self.operation is None else _codes(self.operation)
        if self.code not in known:
            raise ValueError(f"code {self.code!r}: use one of {', '.join(sorted(known))}")

    def matches(self, subject: Subject) -> bool:
        """Tell whether a request is one of those it is for, and has an answer with this code."""
        return self.code in _codes(subject.operation) and super().matches(subject)

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
