"""The cloud in one object: a reserved topic goes to its service, and the record of its answer to the log."""

import logging
from typing import Final, Protocol

from ota_stream.answers import Answer, Refusal, Reply
from ota_stream.records import RequestRecord
from ota_stream.streams.codec import CODECS
from ota_stream.streams.errors import Why
from ota_stream.streams.service import ACTIONS, StreamService
from ota_stream.streams.topics import StreamTopic, UnknownTopic, parse

TOPICS_MAX: Final = 50_000  # parsed topics remembered

log: Final = logging.getLogger("ota_broker")


class Log(Protocol):
    """Where records go."""

    def keep(self, record: RequestRecord) -> None:
        """Take one record; it is on its way to the store before any reply of this turn leaves."""
        ...


class Cloud:
    """Answers publishes to reserved topics. Every answer leaves a record."""

    def __init__(self, streams: StreamService, records: Log) -> None:
        self._streams = streams
        self._records = records
        self._topics: dict[str, StreamTopic] = {}

    def answer(self, topic: str, payload: bytes, client_id: str, now: float) -> Answer | Refusal | None:
        """Answer a publish. None when no service listens on this topic."""
        stream_topic = self._topics.get(topic)
        if stream_topic is None:
            try:
                stream_topic = parse(topic)
            except UnknownTopic as unknown:
                return self._kept(self._streams.refuse(topic, unknown, client_id, now))
            if stream_topic is None:
                return None
            if len(self._topics) >= TOPICS_MAX:
                self._topics.clear()
            self._topics[topic] = stream_topic
        try:
            answer = self._streams.answer(stream_topic, payload, client_id, now)
        except Exception:  # a fault of ours is the device's InternalError, and nobody else's problem
            log.exception("internal error on %s", topic)
            answer = _internal_error(stream_topic, client_id, now)
        return self._kept(answer)

    def _kept(self, outcome: Answer | Refusal) -> Answer | Refusal:
        if isinstance(outcome, Answer):
            self._records.keep(outcome.record)
        return outcome


def _internal_error(topic: StreamTopic, client_id: str, now: float) -> Answer:
    reply = Reply(topic.rejected, CODECS[topic.format].encode_rejected(Why.INTERNAL, None))
    action = ACTIONS[topic.operation]
    record = RequestRecord(now, action, client_id, topic.text, topic.stream_id, None, Why.INTERNAL.message)
    return Answer((reply,), record)
