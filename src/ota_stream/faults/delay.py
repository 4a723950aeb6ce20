"""A message takes long."""

from typing import ClassVar

from msgspec.structs import replace

from ota_stream.answers import Answer
from ota_stream.faults.directed import Directed
from ota_stream.faults.fault import Seconds
from ota_stream.faults.late import later
from ota_stream.faults.served import Served


class Delay(Directed, frozen=True, kw_only=True, tag="delay"):
    """Each message comes `seconds` later; what is not delayed overtakes it."""

    downloads: ClassVar[bool] = True

    seconds: Seconds = 1.0

    def apply(self, answer: Answer) -> Answer:
        """Return the same messages, late."""
        return replace(answer, replies=tuple(later(reply, self.seconds) for reply in answer.replies))

    def serve(self, served: Served) -> Served:
        """Return the same, late."""
        return replace(served, after=served.after + self.seconds)
