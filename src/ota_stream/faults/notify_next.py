"""A device hears of its next job while it is at one."""

from typing import ClassVar

from ota_stream.faults.happening import Deed, Happening


class NotifyNext(Happening, frozen=True, tag="notify-next"):
    """`notify-next` comes with the execution at the front of the queue, though nothing has changed."""

    deed: ClassVar[Deed] = Deed.NOTIFY_NEXT
