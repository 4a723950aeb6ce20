"""A real request through the broker at the start: one that grants a share of the requests may deliver none of them."""

import uuid
from typing import Final

from ota_broker.workers.transport import Request, Transport, TransportError
from ota_broker.workers.worker import Outcome
from ota_stream.answers import Effect, Reply
from ota_stream.streams import topics
from ota_stream.streams.codec import CODECS
from ota_stream.streams.errors import Why
from ota_stream.streams.topics import Format, Operation

STREAM: Final = "ota-stream-probe"
"""The stream a probe asks for. It is never there, and being asked for it leaves no record: no device asked."""

WITHIN: Final = 5.0  # seconds until a worker has answered

_MARK: Final = f"/streams/{STREAM}/"


class ProbeDesk:
    """Answers the probes of all workers: whoever gets one proves to its sender that requests arrive."""

    def answer(self, request: Request, client_id: str, now: float) -> Outcome:  # noqa: ARG002
        """Answer a probe, and nothing else."""
        if _MARK not in request.topic:
            return None
        rejected = CODECS[Format.JSON].encode_rejected(Why.STREAM_NOT_FOUND, None)
        thing = request.topic.split("/")[2]
        answer = topics.build(thing, STREAM, Operation.DESCRIBE, Format.JSON).rejected
        return Effect((Reply(answer, rejected),))


async def probe(transport: Transport, advice: str) -> None:
    """Ask as a device would. Raises TransportError when nobody answers; `advice` says what to do then."""
    thing = f"ota-stream-probe-{uuid.uuid4().hex[:12]}"
    topic = topics.build(thing, STREAM, Operation.DESCRIBE, Format.JSON)
    if not await transport.ask(topic.text, (topic.rejected,), WITHIN):
        raise TransportError(
            f"the broker has granted the subscription but delivers no request: a probe to {topic.text} "
            f"had no answer in {WITHIN:g} s; {advice}"
        )
