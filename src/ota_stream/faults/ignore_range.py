"""A server that does not know of ranges."""

from typing import ClassVar

from msgspec.structs import replace

from ota_stream.faults.fault import Fault, Way
from ota_stream.faults.served import Served


class IgnoreRange(Fault, frozen=True, kw_only=True, tag="ignore-range"):
    """A range of an object is asked for, and the whole of it comes, with 200 (RFC 9110 allows it)."""

    way: ClassVar[Way] = "download"
    downloads: ClassVar[bool] = True

    def serve(self, served: Served) -> Served:
        """Return the whole object."""
        return replace(served, status=200, body=served.whole()) if served.status == 206 else served  # noqa: PLR2004
