"""The first answer about a job is lost."""

from ota_stream.faults.drop import Drop
from ota_stream.faults.fault import Operation


class LoseFirst(Drop, frozen=True, kw_only=True, tag="lose-first"):
    """The answer is lost the first time; the cloud has done what was asked, StartNext too."""

    operation: Operation | None = "StartNextPendingJobExecution"
    attempts: int | str | None = 1
