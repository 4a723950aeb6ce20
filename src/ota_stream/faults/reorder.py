"""The messages of an answer come in another order."""

from typing import ClassVar, Literal

from msgspec.structs import replace

from ota_stream.answers import Answer
from ota_stream.faults.chance import drawn
from ota_stream.faults.fault import Fault


class Reorder(Fault, frozen=True, kw_only=True, tag="reorder"):
    """The messages of one answer come in `order`: reversed, or shuffled as `seed` has it."""

    joint: ClassVar[bool] = True

    order: Literal["reversed", "shuffled"] = "reversed"

    def apply(self, answer: Answer) -> Answer:
        """Return the same messages in another order."""
        replies = answer.replies
        if self.order == "reversed":
            return replace(answer, replies=replies[::-1])
        return replace(answer, replies=tuple(sorted(replies, key=lambda reply: drawn(self.seed, reply.payload))))
