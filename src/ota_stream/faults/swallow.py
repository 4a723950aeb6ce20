"""A request is taken and forgotten."""

from typing import ClassVar

from msgspec.structs import replace

from ota_stream.answers import Answer
from ota_stream.faults.fault import Fault, Way


class Swallow(Fault, frozen=True, tag="swallow"):
    """The request is acknowledged by MQTT, and that is all: the cloud is not asked and changes nothing."""

    way: ClassVar[Way] = "request"

    def apply(self, answer: Answer) -> Answer:
        """Return no message instead of the refusal."""
        return replace(answer, replies=())
