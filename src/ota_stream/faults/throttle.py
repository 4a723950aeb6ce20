"""A slow line: messages come as fast as so many bytes a second let them."""

from typing import Annotated, ClassVar, Final

from msgspec import Meta
from msgspec.structs import replace

from ota_stream.answers import Answer
from ota_stream.faults.fault import Fault
from ota_stream.faults.late import later
from ota_stream.faults.served import Served

_GRAIN: Final = 0.1  # seconds, in which a portion of a download passes


class Throttle(Fault, frozen=True, kw_only=True, tag="throttle"):
    """Each message to a thing comes when it and those before it would have passed at `rate` bytes a second.

    Of downloads each has such a line for itself.
    """

    downloads: ClassVar[bool] = True
    queued: ClassVar[bool] = True

    rate: Annotated[float, Meta(ge=1)] = 10_000.0

    def apply(self, answer: Answer) -> Answer:
        """Return the messages, each as late as its last byte on a free line."""
        return replace(answer, replies=tuple(later(reply, len(reply.payload) / self.rate) for reply in answer.replies))

    def serve(self, served: Served) -> Served:
        """Return the same, as fast as the line is."""
        portion = max(1, int(self.rate * _GRAIN))
        first = min(portion, len(served.body)) / self.rate
        return replace(served, after=served.after + first, portion=portion, pause=portion / self.rate)
