"""A connection is dead, and neither side has been told."""

from typing import ClassVar

from ota_stream.faults.happening import Deed, Happening


class HalfOpen(Happening, frozen=True, tag="half-open"):
    """TCP stays up and nothing comes or goes any more, until the broker gives the client up for its silence."""

    deed: ClassVar[Deed] = Deed.HALF_OPEN
