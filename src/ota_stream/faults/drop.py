"""A message is lost on its way."""

from typing import ClassVar

from msgspec.structs import replace

from ota_stream.answers import Answer
from ota_stream.faults.directed import Directed
from ota_stream.faults.served import Served


class Drop(Directed, frozen=True, tag="drop"):
    """The cloud has answered, and has changed what there was to change; the device never hears of it.

    Or it never hears of the request. A download ends before its answer has begun.
    """

    downloads: ClassVar[bool] = True

    def apply(self, answer: Answer) -> Answer:
        """Return no message."""
        return replace(answer, replies=())

    def serve(self, served: Served) -> Served:
        """Return no answer."""
        return replace(served, is_lost=True)
