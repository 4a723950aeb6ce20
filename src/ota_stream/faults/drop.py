"""A message is lost on its way."""

from msgspec.structs import replace

from ota_stream.answers import Answer
from ota_stream.faults.directed import Directed


class Drop(Directed, frozen=True, tag="drop"):
    """The cloud has answered, and has changed what there was to change; the device never hears of it.

    Or it never hears of the request.
    """

    def apply(self, answer: Answer) -> Answer:
        """Return no message."""
        return replace(answer, replies=())
