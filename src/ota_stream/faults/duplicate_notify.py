"""A device is told twice that its jobs have changed."""

from typing import Literal

from ota_stream.faults.duplicate import Duplicate
from ota_stream.faults.fault import Operation


class DuplicateNotify(Duplicate, frozen=True, kw_only=True, tag="duplicate-notify"):
    """`notify-next` comes twice, and is not another job."""

    operation: Operation | None = "NotifyNext"
    direction: Literal["answer"] = "answer"  # a notification has one way only
