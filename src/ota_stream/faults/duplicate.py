"""A message comes more than once."""

from typing import Annotated

from msgspec import Meta
from msgspec.structs import replace

from ota_stream.answers import Answer
from ota_stream.faults.directed import Directed

COPIES_MAX = 100


class Duplicate(Directed, frozen=True, kw_only=True, tag="duplicate"):
    """Each message comes `copies` times instead of once."""

    copies: Annotated[int, Meta(ge=2, le=COPIES_MAX)] = 2

    def apply(self, answer: Answer) -> Answer:
        """Return each message several times."""
        return replace(answer, replies=tuple(reply for reply in answer.replies for _ in range(self.copies)))
