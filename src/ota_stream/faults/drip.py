"""The messages of an answer come one by one, slowly."""

from typing import ClassVar, Final

from msgspec.structs import replace

from ota_stream.answers import Answer
from ota_stream.faults.fault import Fault, Seconds
from ota_stream.faults.late import later
from ota_stream.faults.served import Served

PORTION: Final = 1024  # bytes of a download that come together


class Drip(Fault, frozen=True, kw_only=True, tag="drip"):
    """The first message of an answer comes at once, each following one `seconds` after the one before.

    So do portions of a download.
    """

    downloads: ClassVar[bool] = True
    joint: ClassVar[bool] = True

    seconds: Seconds = 1.0

    def apply(self, answer: Answer) -> Answer:
        """Return the same messages, the first in time and each other later than the one before."""
        return replace(
            answer,
            replies=tuple(
                later(reply, self.seconds * place) if place else reply for place, reply in enumerate(answer.replies)
            ),
        )

    def serve(self, served: Served) -> Served:
        """Return the same, a portion after the other."""
        return replace(served, portion=PORTION, pause=self.seconds)
