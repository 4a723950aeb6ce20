"""A request is refused for no reason of its own."""

from typing import Any, ClassVar, Final

from msgspec.structs import replace

from ota_stream.answers import Answer, Reply
from ota_stream.faults import fields
from ota_stream.faults.fault import DOWNLOAD, Fault, Way
from ota_stream.faults.served import Served, refused
from ota_stream.faults.subject import OF_STREAMS, Subject
from ota_stream.jobs.errors import RejectionCode as JobCode
from ota_stream.streams.errors import RejectionCode as StreamCode

STREAM_CODES = frozenset(code.value for code in StreamCode)
JOB_CODES = frozenset(code.value for code in JobCode)
CODES = STREAM_CODES | JOB_CODES
STATUSES: Final = frozenset(map(str, range(400, 600)))  # of HTTP


def _codes(operation: str) -> frozenset[str]:
    if operation == DOWNLOAD:
        return STATUSES
    return STREAM_CODES if operation in OF_STREAMS else JOB_CODES


class Reject(Fault, frozen=True, kw_only=True, tag="reject"):
    """The cloud is not asked; the device gets `code` and `message`. A service without that code is not disturbed.

    A download is answered by an HTTP status.
    """

    way: ClassVar[Way] = "request"
    downloads: ClassVar[bool] = True

    code: str | int = "InternalError"
    message: str = "A fault that was asked for"

    def __post_init__(self) -> None:
        """Check the code. Raises ValueError."""
        super().__post_init__()
        known = CODES | STATUSES if self.operation is None else _codes(self.operation)
        if str(self.code) not in known:
            of_http = ["an HTTP status, 400 to 599"] if known >= STATUSES else []
            raise ValueError(f"code {self.code!r}: use one of {', '.join(sorted(known - STATUSES) + of_http)}")

    def serve(self, served: Served) -> Served:
        """Return the refusal with this status."""
        return refused(served, int(self.code), self.message)

    def matches(self, subject: Subject) -> bool:
        """Tell whether a request is one of those it is for, and has an answer with this code."""
        return str(self.code) in _codes(subject.operation) and super().matches(subject)

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
