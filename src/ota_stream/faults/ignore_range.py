"""A server that does not know of ranges."""

from http import HTTPStatus
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
        if served.status != HTTPStatus.PARTIAL_CONTENT:
            return served
        return replace(served, status=HTTPStatus.OK, body=served.whole())
