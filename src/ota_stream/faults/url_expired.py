"""A presigned URL has expired before its time."""

from typing import ClassVar

from ota_stream.faults.fault import Fault, Way
from ota_stream.faults.subject import Subject


class UrlExpired(Fault, frozen=True, kw_only=True, tag="url-expired"):
    """A download over HTTP is answered by 403, and its URL has come to its end (JC-1)."""

    way: ClassVar[Way] = "download"

    def matches(self, subject: Subject) -> bool:
        """Tell whether it is a download."""
        return subject.operation == "GetObject" and super().matches(subject)
