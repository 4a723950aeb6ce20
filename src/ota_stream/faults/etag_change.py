"""The file changes in the middle of a download."""

from ota_stream.faults.fault import Operation
from ota_stream.faults.reject import Reject
from ota_stream.streams.errors import RejectionCode


class EtagChange(Reject, frozen=True, kw_only=True, tag="etag-change"):
    """Blocks are refused as if the object behind the stream were another one now (SC-9)."""

    operation: Operation | None = "GetStream"
    code: str = RejectionCode.ETAG.value
    message: str = "The ETag does not match"
