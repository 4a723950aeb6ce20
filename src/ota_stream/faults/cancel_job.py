"""A job is cancelled while a device is at it."""

from typing import ClassVar

from ota_stream.faults.happening import Deed, Happening


class CancelJob(Happening, frozen=True, tag="cancel-job"):
    """The execution at the front of the thing's queue is cancelled, with force (JC-8)."""

    deed: ClassVar[Deed] = Deed.CANCEL_JOB
