"""What a service gives back: replies for the wire and the record for the log, never one without the other."""

from msgspec import Struct

from ota_stream.records import RequestRecord


class Reply(Struct, frozen=True, gc=False):
    """One message of an answer.

    It goes to the requester once, subscribed or not, and to every other client subscribed to `topic`.
    `qos` is the service's side of min(published, granted).
    """

    topic: str
    payload: bytes
    qos: int = 0


class Answer(Struct, frozen=True, gc=False):
    """All that comes of one request. A rejection is an answer too."""

    replies: tuple[Reply, ...]
    record: RequestRecord


class Refusal(Struct, frozen=True, gc=False):
    """A publish to a reserved topic that is no request of any service, so no record has a name for it.

    `reason` is one line for the broker's log: refused is never silent.
    """

    replies: tuple[Reply, ...]
    reason: str
