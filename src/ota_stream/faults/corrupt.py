"""A message says what was not said."""

from typing import Annotated, Any, ClassVar, Literal

from msgspec import Meta
from msgspec.structs import replace

from ota_stream.answers import Answer, Reply
from ota_stream.faults import fields
from ota_stream.faults.directed import Directed
from ota_stream.faults.served import Served


class Corrupt(Directed, frozen=True, kw_only=True, tag="corrupt"):
    """A member of each block message is wrong: one `bit` of the payload, or the block id, file id or length by one.

    Of a message that carries no block only a bit can be wrong: one of the whole message. So it is with a download.
    """

    downloads: ClassVar[bool] = True

    what: Literal["payload", "block", "file", "length"] = "payload"
    bit: Annotated[int, Meta(ge=0)] = 0

    def __post_init__(self) -> None:
        """Check that there can be such a member. Raises ValueError."""
        super().__post_init__()
        if self.direction == "request" and self.what != "payload":
            raise ValueError(
                f"a request carries no {self.what} of a block: what can be wrong of it is a bit of the payload"
            )

    def befalls_downloads(self) -> bool:
        """Tell whether it can befall a download, which is nothing but payload."""
        return self.what == "payload" and super().befalls_downloads()

    def serve(self, served: Served) -> Served:
        """Return it with a wrong bit."""
        return replace(served, body=self._flipped(served.body))

    def apply(self, answer: Answer) -> Answer:
        """Return the messages with something wrong in each."""
        return replace(answer, replies=tuple(self._spoilt(reply) for reply in answer.replies))

    def _spoilt(self, reply: Reply) -> Reply:
        if fields.is_block(reply):
            return fields.changed(reply, self._change)
        return replace(reply, payload=self._flipped(reply.payload)) if self.what == "payload" else reply

    def _change(self, members: dict[str, Any]) -> None:
        if self.what == "payload":
            members["p"] = self._flipped(members["p"])
        else:
            members[{"block": "i", "file": "f", "length": "l"}[self.what]] += 1

    def _flipped(self, payload: bytes) -> bytes:
        if not payload:
            return payload
        place, bit = divmod(self.bit % (8 * len(payload)), 8)
        return payload[:place] + bytes((payload[place] ^ 1 << bit,)) + payload[place + 1 :]
