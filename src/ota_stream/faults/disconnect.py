"""The broker hangs up in the middle of something."""

from typing import ClassVar

from ota_stream.faults.happening import Deed, Happening


class Disconnect(Happening, frozen=True, tag="disconnect"):
    """The connection is closed after the answer; the session and the job stay as they are."""

    deed: ClassVar[Deed] = Deed.DISCONNECT
