"""A job times out while a device is at it."""

from typing import ClassVar

from ota_stream.faults.happening import Deed, Happening


class TimeOutJob(Happening, frozen=True, tag="time-out-job"):
    """The execution at the front is TIMED_OUT, as if its timer had run out, if it is IN_PROGRESS."""

    deed: ClassVar[Deed] = Deed.TIME_OUT_JOB
