"""Which rule of docs/ decided a conversation: that of the refusal, or that of the answer."""

import re
from collections.abc import Mapping
from typing import Final, NamedTuple

from ota_stream.jobs.errors import Why as JobWhy
from ota_stream.records import Action, BrokerEvent, BrokerRecord, JobEvent, JobRequestRecord, Record, RequestRecord
from ota_stream.streams.errors import Why


class Rule(NamedTuple):
    """A rule by its id, empty where none has one, and what it says here."""

    id: str
    says: str


ANSWERED: Final[Mapping[Action | JobEvent, Rule]] = {
    Action.GET_STREAM: Rule("ST-2", "the blocks come on .../data, one message each"),
    Action.DESCRIBE_STREAM: Rule("ST-4", "the description comes on .../description"),
    JobEvent.GET_PENDING: Rule("JS-1", "both lists are always there"),
    JobEvent.START_NEXT: Rule("JT-3", "the next execution is started, if there is one"),
    JobEvent.DESCRIBE: Rule("JT-4", "one execution is told; $next is the front of the queue (JT-5)"),
    JobEvent.UPDATE: Rule("JX-5", "the status may follow the one there was"),
}
REFUSED: Final[Mapping[Why, str]] = {
    Why.TOPIC: "ST-9",
    Why.JSON: "SG-11",
    Why.CBOR: "SG-11",
    Why.TOKEN_TOO_LONG: "SG-1",
    Why.FILE_ID_MISSING: "SG-3",
    Why.BLOCK_SIZE_MISSING: "SG-4",
    Why.NOTHING_REQUESTED: "G-3",
    Why.OUT_OF_RANGE: "SB-4",
    Why.STREAM_NOT_FOUND: "EC-6",
    Why.FILE_NOT_FOUND: "SG-3",
    Why.UNAUTHORIZED: "EC-6",
    Why.VERSION: "SG-2",
    Why.ETAG: "SC-9",
    Why.BLOCK_SIZE: "SG-4",
    Why.OFFSET: "SG-5",
    Why.BLOCK_COUNT: "SG-6",
    Why.BITMAP: "SG-7",
    Why.INTERNAL: "EC-5",
}
REFUSED_OF_JOBS: Final[Mapping[JobWhy, str]] = {
    JobWhy.TOPIC: "JT-14",
    JobWhy.JSON: "JS-8",
    JobWhy.TOKEN_TYPE: "JR-1",
    JobWhy.TOKEN_TOO_LONG: "JR-1",
    JobWhy.FIELD: "JS-8",
    JobWhy.STATUS_MISSING: "JR-6",
    JobWhy.STATUS_UNKNOWN: "JR-6",
    JobWhy.STATUS_OF_SERVICE: "JX-1",
    JobWhy.DETAILS_TOO_MANY: "JR-11",
    JobWhy.DETAIL_KEY: "JR-11",
    JobWhy.DETAIL_VALUE: "JR-11",
    JobWhy.STEP_TIMEOUT: "JR-3",
    JobWhy.TRANSITION: "JX-5",
    JobWhy.TERMINAL: "G-12",
    JobWhy.NOT_FOUND: "JS-8",
    JobWhy.VERSION: "JR-8",
    JobWhy.INTERNAL: "JS-8",
    JobWhy.THROTTLED: "JS-8",
}
DENIED: Final[Mapping[BrokerEvent, str]] = {
    BrokerEvent.CONNECT: "MU-1",
    BrokerEvent.SUBSCRIBE: "MU-2",
    BrokerEvent.PUBLISH_IN: "MU-3",
    BrokerEvent.PUBLISH_OUT: "MP-3",
    BrokerEvent.DISCONNECT: "MU-8",
}
UNANSWERED: Final = Rule("MU-4", "no service listens on this topic")

_OF_TEXT: Final = {why.message: rule_id for why, rule_id in REFUSED.items()}
_OF_PATTERN: Final = tuple(
    (re.compile(".+".join(map(re.escape, re.split(r"\{\w+\}", why.message))), re.DOTALL), rule_id)
    for why, rule_id in REFUSED_OF_JOBS.items()
)


def of(record: Record | None, refused: str) -> Rule:
    """Return the rule behind an answer: `record` is the request's, `refused` the reason where there is none."""
    if record is None:
        return Rule("ST-9", refused) if refused else UNANSWERED
    if isinstance(record, BrokerRecord):
        return Rule(DENIED[record.event], record.failure)
    if not isinstance(record, RequestRecord | JobRequestRecord):
        return Rule("", "")
    if record.failure is None:
        return ANSWERED[record.action if isinstance(record, RequestRecord) else record.event]
    return Rule(_of_failure(record), record.failure)


def _of_failure(record: RequestRecord | JobRequestRecord) -> str:
    failure = record.failure or ""
    if isinstance(record, RequestRecord):
        return _OF_TEXT.get(failure, "")
    return next((rule_id for pattern, rule_id in _OF_PATTERN if pattern.fullmatch(failure)), "")
