"""What a message is about, as far as a fault may ask for it."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from ota_stream.answers import Answer, Audience, Reply
from ota_stream.errors import OtaStreamError
from ota_stream.jobs import codec as job_codec
from ota_stream.jobs import errors as job_errors
from ota_stream.jobs import topics as job_topics
from ota_stream.jobs.topics import JobTopic
from ota_stream.records import JobRequestRecord
from ota_stream.streams import blocks, quotas
from ota_stream.streams import errors as stream_errors
from ota_stream.streams import topics as stream_topics
from ota_stream.streams.codec import CODECS
from ota_stream.streams.messages import GetStream
from ota_stream.streams.options import StreamOptions
from ota_stream.streams.topics import Operation, StreamTopic

_OPTIONS: Final = StreamOptions()
_ACTIONS: Final = {Operation.GET: "GetStream", Operation.DESCRIBE: "DescribeStream"}
OF_STREAMS: Final = frozenset(_ACTIONS.values())
_NOTIFICATIONS: Final = {"notify": "Notify", "notify-next": "NotifyNext"}
DOWNLOAD_BLOCK: Final = 4096  # bytes: what the agents ask for by HTTP; a range does not say which block it is
_NOTIFY_LEVELS: Final = 5  # $aws / things / T / jobs / notify


class Subject(Struct, frozen=True):
    """A message: whose, which operation, and what of it. `blocks` of a request are those it asks for."""

    operation: str
    thing: str
    stream: str | None = None
    job: str | None = None
    file: int | None = None
    blocks: Sequence[int] = ()
    object_key: str | None = None

    def key(self) -> tuple[object, ...]:
        """Return what the same attempt has in common with the next."""
        return (self.operation, self.thing, self.stream, self.job, self.file, tuple(self.blocks), self.object_key)


class Request(Struct, frozen=True):
    """A request as faults see it: what it is about, and where it is answered."""

    topic: StreamTopic | JobTopic
    token: str | None
    subject: Subject


def of_request(topic: str, payload: bytes) -> Request | None:
    """Return what a publish asks, or None when it is no request: then there is no answer to spoil."""
    try:
        parsed = stream_topics.parse(topic) or job_topics.parse(topic)
    except (stream_topics.UnknownTopic, job_topics.UnknownTopic):
        return None
    if isinstance(parsed, JobTopic):
        event = parsed.operation.event.value
        return Request(parsed, _job_token(payload), Subject(event, parsed.thing, job=parsed.job_id))
    return None if parsed is None else _of_stream(parsed, payload)


def _of_stream(topic: StreamTopic, payload: bytes) -> Request:
    subject = Subject(_ACTIONS[topic.operation], topic.thing, topic.stream_id)
    codec = CODECS[topic.format]
    try:
        if topic.operation is Operation.DESCRIBE:
            return Request(topic, codec.decode_describe(payload, _OPTIONS).client_token, subject)
        asked = codec.decode_get(payload, _OPTIONS)
    except OtaStreamError:  # the cloud will reject it
        return Request(topic, None, subject)
    wanted: Sequence[int] = ()
    if _is_in_range(asked):
        wanted = blocks.chosen(asked, asked.block_size or 0)
    return Request(topic, asked.client_token, replace(subject, file=asked.file_id, blocks=wanted))


def _is_in_range(asked: GetStream) -> bool:
    """Tell whether a request asks for blocks at all; the cloud rejects what does not."""
    return (
        asked.block_size is not None
        and quotas.BLOCK_SIZE_MIN <= asked.block_size <= quotas.BLOCK_SIZE_MAX
        and 0 <= asked.block_offset <= quotas.BLOCK_OFFSET_MAX
        and (asked.block_count or 0) >= 0
    )


def _job_token(payload: bytes) -> str | None:
    try:
        members: Any = msgspec.json.decode(payload)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    token = members.get("clientToken") if isinstance(members, dict) else None  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]
    return token if isinstance(token, str) else None


def of_replies(request: Request, answer: Answer) -> Iterator[tuple[Subject, Reply]]:
    """Return each message of an answer with what it is about."""
    of_all = request.subject
    if isinstance(answer.record, JobRequestRecord) and answer.record.job_id is not None:
        of_all = replace(of_all, job=answer.record.job_id)  # `$next` is a job by now
    for reply in answer.replies:
        yield _of_reply(request, of_all, reply), reply


def _of_reply(request: Request, of_all: Subject, reply: Reply) -> Subject:
    topic = request.topic
    if isinstance(topic, JobTopic):
        return of_notification(reply) or of_all
    if topic.operation is Operation.GET and reply.topic == topic.answer:
        block = CODECS[topic.format].decode_block(reply.payload)
        return replace(of_all, file=block.file_id, blocks=(block.block_id,))
    return of_all


def of_notification(reply: Reply) -> Subject | None:
    """Return what a notification is about, or None when the message is none."""
    levels = reply.topic.split("/")
    operation = _NOTIFICATIONS.get(levels[-1]) if len(levels) == _NOTIFY_LEVELS and levels[3] == "jobs" else None
    return None if operation is None else Subject(operation, levels[2])


def of_download(path: str, thing: str, start: int, end: int) -> Subject:
    """Return what a download of the bytes from `start` up to `end` of an object is about; `path` is BUCKET/KEY."""
    blocks = range(start // DOWNLOAD_BLOCK, (end - 1) // DOWNLOAD_BLOCK + 1)
    return Subject("GetObject", thing, blocks=blocks, object_key=path)


def refusal(request: Request, now: float) -> Reply:
    """Return the refusal of a request that the cloud is not asked; a fault may word it in another way."""
    topic = request.topic
    if isinstance(topic, JobTopic):
        why = job_errors.Why.INTERNAL
        body = job_codec.rejected(why, why.message, request.token, now)
        return Reply(topic.rejected, body, 1, Audience.REQUESTER)
    return Reply(topic.rejected, CODECS[topic.format].encode_rejected(stream_errors.Why.INTERNAL, request.token))
