"""A job is deleted while a device is at it."""

from typing import ClassVar

from ota_stream.faults.happening import Deed, Happening


class DeleteJob(Happening, frozen=True, tag="delete-job"):
    """The job at the front of the thing's queue is deleted, with force (JC-9)."""

    deed: ClassVar[Deed] = Deed.DELETE_JOB
