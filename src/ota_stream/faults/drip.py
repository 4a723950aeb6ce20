"""The messages of an answer come one by one, slowly."""

from typing import ClassVar

from msgspec.structs import replace

from ota_stream.answers import Answer
from ota_stream.faults.fault import Fault, Seconds
from ota_stream.faults.late import later


class Drip(Fault, frozen=True, kw_only=True, tag="drip"):
    """The first message of an answer comes at once, each following one `seconds` after the one before."""

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
