"""What a device reports about its job is refused."""

from typing import ClassVar

from ota_stream.faults.fault import Operation
from ota_stream.faults.reject import Reject
from ota_stream.jobs.errors import RejectionCode


class DenyUpdate(Reject, frozen=True, kw_only=True, tag="deny-update"):
    """UpdateJobExecution is rejected, and the execution stays as it was."""

    downloads: ClassVar[bool] = False

    operation: Operation | None = "UpdateJobExecution"
    code: str = RejectionCode.INVALID_TRANSITION.value
