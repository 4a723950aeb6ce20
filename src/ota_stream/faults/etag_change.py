"""The file changes in the middle of a download."""

from typing import Final

from msgspec.structs import replace

from ota_stream.faults.fault import DOWNLOAD, Fault
from ota_stream.faults.reject import Reject
from ota_stream.faults.served import Served
from ota_stream.faults.subject import Subject
from ota_stream.streams.errors import RejectionCode

_OTHER: Final = bytes(255 - byte for byte in range(256))  # each bit is the other one


class EtagChange(Reject, frozen=True, kw_only=True, tag="etag-change"):
    """Blocks are refused as if the object behind the stream were another one now (SC-9).

    A download is served from another one: other bytes, another ETag.
    """

    code: str | int = RejectionCode.ETAG.value
    message: str = "The ETag does not match"

    def __post_init__(self) -> None:
        """Check the code, which no download gets. Raises ValueError."""
        if self.operation == DOWNLOAD:
            Fault.__post_init__(self)
        else:
            super().__post_init__()

    def matches(self, subject: Subject) -> bool:
        """Tell whether it is a request for blocks, or another operation that was named; or a download."""
        if subject.operation == DOWNLOAD:
            return Fault.matches(self, subject)
        return (self.operation is not None or subject.operation == "GetStream") and super().matches(subject)

    def serve(self, served: Served) -> Served:
        """Return the same place of another object."""
        if served.refusal is not None:
            return served
        whole = served.whole
        return replace(
            served,
            etag=served.etag[::-1],
            body=served.body.translate(_OTHER),
            whole=lambda: whole().translate(_OTHER),
        )
