"""The answer is lost on its way to the device."""

from msgspec.structs import replace

from ota_stream.answers import Answer
from ota_stream.faults.fault import Fault


class Drop(Fault, frozen=True, tag="drop"):
    """The cloud has answered, and has changed what there was to change; the device never hears of it."""

    def apply(self, answer: Answer) -> Answer:
        """Return no message."""
        return replace(answer, replies=())
