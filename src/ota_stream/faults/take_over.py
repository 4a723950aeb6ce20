"""Another client comes in with the same client id."""

from typing import ClassVar

from ota_stream.faults.happening import Deed, Happening


class TakeOver(Happening, frozen=True, tag="take-over"):
    """The connection is closed as by a second client of that id (MB-5), which is gone again at once."""

    deed: ClassVar[Deed] = Deed.TAKE_OVER
