"""The page Requests: the last conversations with devices and callers, their payloads decoded, and the rule behind."""

from itertools import islice
from typing import Any, Final

import msgspec

from ota_stream.api.calls import Call
from ota_stream.console import payloads, rules
from ota_stream.console.conversations import Called, Conversation, Spoken
from ota_stream.console.outlook import Outlook
from ota_stream.console.payloads import Sides
from ota_stream.records import Action, BrokerEvent, BrokerRecord, JobEvent, JobRequestRecord, RequestRecord

ROWS_MAX: Final = 30  # conversations shown
_FAILED: Final = 400  # and higher: statuses of HTTP for what went wrong


def shown(outlook: Outlook, call: Call) -> dict[str, Any]:
    """Return the newest conversations; with the query's `name`, those that have it in client id, topic or operation."""
    heard, part = outlook.listen(), call.query.get("name", "")
    found = (each for each in heard.newest() if part in _about(each))
    return {"conversations": [_row(each) for each in islice(found, ROWS_MAX)], "paused": heard.is_full}


def _about(conversation: Conversation) -> str:
    if isinstance(conversation, Spoken):
        return f"{conversation.client_id} {conversation.topic} {_action(conversation)}"
    return f"{conversation.caller} {conversation.operation} {conversation.target}"


def _row(conversation: Conversation) -> dict[str, Any]:
    return _spoken(conversation) if isinstance(conversation, Spoken) else _called(conversation)


def _spoken(spoken: Spoken) -> dict[str, Any]:
    rule, record = rules.of(spoken.record, spoken.refused), spoken.record
    failed = record is None or getattr(record, "failure", None) is not None
    asked = [] if isinstance(record, BrokerRecord) else [_message("asked", spoken.topic, spoken.payload)]
    return {
        "number": spoken.number,
        "at": spoken.at,
        "way": "MQTT",
        "who": spoken.client_id,
        "what": _action(spoken),
        "where": spoken.topic,
        "status": "Failure" if failed else "Success",
        "rule": rule._asdict(),
        "messages": [*asked, *(_message("answer", each.topic, each.payload) for each in spoken.replies)],
        "more": spoken.many - len(spoken.replies),
    }


def _action(spoken: Spoken) -> str:
    record = spoken.record
    said: Action | JobEvent | BrokerEvent | str = "publish"
    if isinstance(record, RequestRecord):
        said = record.action
    elif isinstance(record, JobRequestRecord | BrokerRecord):
        said = record.event
    return str(said)


def _message(kind: str, topic: str, payload: bytes) -> dict[str, Any]:
    wire = "cbor" if topic.endswith("/cbor") else "json"
    streams = "/streams/" in topic
    sides = payloads.of_stream(payload, cbor=wire == "cbor") if streams else payloads.of_json(payload)
    return _told(kind, topic, len(payload), wire, sides)


def _called(called: Called) -> dict[str, Any]:
    failed = called.status >= _FAILED
    asked = _told("asked", "", called.asked_size, called.asked_type, payloads.of_json(called.asked))
    answer = _told("answer", "", called.answer_size, called.answer_type, payloads.of_json(called.answer))
    return {
        "number": called.number,
        "at": called.at,
        "way": "API",
        "who": called.caller,
        "what": called.operation,
        "where": payloads.target(called.target),
        "status": f"{'Failure' if failed else 'Success'} {called.status}",
        "rule": rules.Rule(called.error, _reason(called.answer) if failed else "")._asdict(),
        "messages": [asked, answer],
        "more": 0,
    }


def _reason(answer: bytes) -> str:
    """Return the message of an error, where it has one."""
    try:
        told: Any = msgspec.json.decode(answer)
        found = next((told[name] for name in ("message", "Message") if name in told), "")
    except (ValueError, TypeError):
        return ""
    return found if isinstance(found, str) else ""


def _told(kind: str, topic: str, size: int, wire: str, sides: Sides) -> dict[str, Any]:
    return {"kind": kind, "topic": topic, "size": size, "format": wire, **msgspec.structs.asdict(sides)}
