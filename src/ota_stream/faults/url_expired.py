"""A presigned URL has expired before its time."""

from typing import ClassVar

from msgspec.structs import replace

from ota_stream.faults.fault import Fault, Way
from ota_stream.faults.served import Served


class UrlExpired(Fault, frozen=True, kw_only=True, tag="url-expired"):
    """A download over HTTP is answered by 403, and its URL has come to its end (JC-1)."""

    way: ClassVar[Way] = "download"
    downloads: ClassVar[bool] = True

    def serve(self, served: Served) -> Served:
        """Return it as one whose URL is over."""
        return replace(served, ends_url=True)
