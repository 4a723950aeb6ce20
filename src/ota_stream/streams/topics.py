"""The stream topics: which request a topic is, and where its answers go (docs/wire.md)."""

from enum import StrEnum
from sys import intern
from typing import Final

from msgspec import Struct

from ota_stream.errors import OtaStreamError
from ota_stream.names import is_stream_id, is_thing_name

_PREFIX: Final = "$aws/things/"
_LEVELS: Final = 7  # $aws / things / T / streams / S / operation / format


class Format(StrEnum):
    """The last segment of a request topic; the answer keeps it (ST-6)."""

    JSON = "json"
    CBOR = "cbor"


class Operation(StrEnum):
    """What a device may ask (ST-1, ST-3)."""

    GET = "get"
    DESCRIBE = "describe"


class StreamTopic(Struct, frozen=True, gc=False):
    """A parsed request topic with its reply topics ready."""

    text: str
    thing: str
    stream_id: str
    operation: Operation
    format: Format
    answer: str
    rejected: str


class UnknownTopic(OtaStreamError):
    """The topic is under `/streams/` but is no request (ST-9).

    `rejected` is where the device can be told, or None when it cannot. `stream_id` and `operation` are set
    when the topic names them: then the request has a record.
    """

    def __init__(
        self,
        reason: str,
        *,
        rejected: str | None = None,
        stream_id: str | None = None,
        operation: Operation | None = None,
    ) -> None:
        super().__init__(reason)
        self.rejected = rejected
        self.stream_id = stream_id
        self.operation = operation


_OPERATIONS: Final = {operation.value: operation for operation in Operation}
_FORMATS: Final = {wire_format.value: wire_format for wire_format in Format}
_ANSWERS: Final = {Operation.GET: "data", Operation.DESCRIBE: "description"}  # ST-2, ST-4


def parse(topic: str) -> StreamTopic | None:
    """Return the request a topic stands for, or None when it is not under `/streams/`.

    Raises:
        UnknownTopic: it is under `/streams/`, but no request (ST-9).
    """
    levels = topic.split("/")
    if not topic.startswith(_PREFIX) or levels[3:4] != ["streams"]:
        return None
    thing = levels[2]
    stream_id, operation_name, format_name = [*levels[4:_LEVELS], "", "", ""][:3]
    if not is_thing_name(thing):
        raise UnknownTopic("the thing name in the topic is not one (1 to 128 of a-z A-Z 0-9 : _ -)")
    if not stream_id:
        raise UnknownTopic("the topic names no stream; does the job document have a streamname?")
    base = f"{_PREFIX}{thing}/streams/{stream_id}"
    operation, wire_format = _OPERATIONS.get(operation_name), _FORMATS.get(format_name)
    if operation is None or wire_format is None or len(levels) != _LEVELS or not is_stream_id(stream_id):
        raise UnknownTopic(
            f"a device may publish to {_PREFIX}{thing}/streams/STREAM/(get|describe)/(json|cbor) only",
            rejected=f"{base}/rejected/json",
            stream_id=stream_id,
            operation=operation,
        )
    return build(thing, stream_id, operation, wire_format)


def build(thing: str, stream_id: str, operation: Operation, wire_format: Format) -> StreamTopic:
    """Return the topics of one request."""
    base = f"{_PREFIX}{thing}/streams/{stream_id}"
    return StreamTopic(
        text=f"{base}/{operation}/{wire_format}",
        thing=thing,
        stream_id=intern(stream_id),  # a fleet names few streams: one text, found by its address
        operation=operation,
        format=wire_format,
        answer=f"{base}/{_ANSWERS[operation]}/{wire_format}",
        rejected=f"{base}/rejected/{wire_format}",  # ST-5: shared by both operations
    )
