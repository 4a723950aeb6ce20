"""A slow line: messages come as fast as so many bytes a second let them."""

from itertools import accumulate
from typing import Annotated, ClassVar

from msgspec import Meta
from msgspec.structs import replace

from ota_stream.answers import Answer
from ota_stream.faults.fault import Fault
from ota_stream.faults.late import later


class Throttle(Fault, frozen=True, kw_only=True, tag="throttle"):
    """Each message of an answer comes when it and those before it would have passed at `rate` bytes a second."""

    joint: ClassVar[bool] = True

    rate: Annotated[float, Meta(ge=1)] = 10_000.0

    def apply(self, answer: Answer) -> Answer:
        """Return the same messages, each as late as its last byte."""
        passed = accumulate(len(reply.payload) for reply in answer.replies)
        late = (later(reply, size / self.rate) for reply, size in zip(answer.replies, passed, strict=True))
        return replace(answer, replies=tuple(late))
