"""A message ends too early."""

from typing import Annotated, ClassVar

from msgspec import Meta
from msgspec.structs import replace

from ota_stream.answers import Answer
from ota_stream.faults.directed import Directed
from ota_stream.faults.served import Served


class Truncate(Directed, frozen=True, kw_only=True, tag="truncate"):
    """Only the first `keep` bytes of each message come; MQTT delivers them as a whole message.

    A download says how long it is, and after so many bytes the connection is closed.
    """

    downloads: ClassVar[bool] = True

    keep: Annotated[int, Meta(ge=0)] = 16

    def apply(self, answer: Answer) -> Answer:
        """Return the beginnings of the messages."""
        return replace(
            answer, replies=tuple(replace(reply, payload=reply.payload[: self.keep]) for reply in answer.replies)
        )

    def serve(self, served: Served) -> Served:
        """Return its beginning."""
        return replace(served, keep=self.keep) if self.keep < len(served.body) else served
