"""What can befall a message on either of its ways."""

from typing import Literal

from ota_stream.faults.fault import Fault, Way

Direction = Literal["answer", "request"]


class Directed(Fault, frozen=True, kw_only=True):
    """A fault of one message: of an answer on its way to the device, or of a request on its way to the cloud.

    `apply` has the request as the one message of an answer, and gives back what of it arrives.
    """

    direction: Direction = "answer"

    def stands(self) -> Way:
        """Return which way it is in."""
        return "arrival" if self.direction == "request" else self.way

    def befalls_downloads(self) -> bool:
        """Tell whether it can befall a download: only as an answer."""
        return self.downloads and self.direction == "answer"
