"""The log entry of one request, as one line of JSON: the properties, order and texts of the seed's examples.

On the path of every answer, so it costs about a microsecond: one struct, one encoder, the second's text remembered.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from typing import Final, Literal

from msgspec import UNSET, Struct, UnsetType, json
from msgspec.structs import astuple

from ota_stream.logs import broker_entries, cloud_entries, fault_entries
from ota_stream.logs.levels import Level
from ota_stream.records import BrokerRecord, FaultRecord, Record, RequestRecord

ACCOUNT_ID: Final = "123456789012"  # the documentation's account; six of the seed's seven examples have it
PROTOCOL: Final = "MQTT"  # E-6, E-7

_ACCOUNT_ID: Final = re.compile(r"[0-9]{12}")
_MILLISECONDS: Final = tuple(f".{number:03d}" for number in range(1000))
_SUCCEEDED: Final = "The request status is SUCCESS."  # LR-6, LR-7
_FAILED: Final = "The request status is FAILURE."  # LR-18

# A14: JSON lets these stand, but readers take some for the end of a line and terminals obey others:
# C1 controls, line and paragraph separators, marks that turn the direction of text.
_UNSAFE: Final = re.compile("[\u0080-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


class Status(StrEnum):
    """How a request ended (capital first letter, as the seed has it)."""

    SUCCESS = "Success"
    FAILURE = "Failure"


class Entry(Struct, frozen=True, gc=False, rename="camel"):
    """A device-side entry; the order of the fields is the order of the line (E-6, E-7)."""

    timestamp: str
    log_level: str
    account_id: str
    status: str
    action_type: str
    protocol: str
    client_id: str | None  # None: a broker in front did not tell; then the thing's name stands beside it
    thing_name: str | UnsetType
    topic_name: str
    stream_id: str
    client_token: str | UnsetType  # left out when the device sent none
    details: str


# Plain texts: looking a member up and encoding it costs a tenth of the line.
_LEVEL: Final = Level.DEBUG
_DEBUG: Final = _LEVEL.value
_SUCCESS: Final = Status.SUCCESS.value
_FAILURE: Final = Status.FAILURE.value

_encode: Final = json.Encoder().encode


def is_account_id(text: str) -> bool:
    """Tell whether `text` is an AWS account id: 12 digits."""
    return _ACCOUNT_ID.fullmatch(text) is not None


def timestamp(at: float) -> str:
    """Return epoch seconds as `YYYY-MM-DD HH:MM:SS.mmm`, UTC (LG-7). Texts sort as the times do."""
    return _text_of(round(at * 1000))  # rounded, not cut: the float nearest to .678 may lie below it


@lru_cache(maxsize=4)  # a busy millisecond has many entries
def _text_of(milliseconds: int) -> str:
    second, millisecond = divmod(milliseconds, 1000)
    return _second(second) + _MILLISECONDS[millisecond]


@lru_cache(maxsize=4)
def _second(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).isoformat(" ")[:19]


def _thing_of(topic: str) -> str:
    return [*topic.split("/", 3), "", "", ""][2]  # $aws/things/T/...


class EntryWriter:
    """Turns records into lines.

    `failure_level` is the level of a failed request: DEBUG as the seed says (G-11), or ERROR as seen live for jobs.
    """

    def __init__(self, account_id: str = ACCOUNT_ID, failure_level: Literal["DEBUG", "ERROR"] = "DEBUG") -> None:
        self._account_id = account_id
        self._failure_level = Level(failure_level)

    def level(self, record: Record) -> Level:
        """Return the level of a record's entry, for `levels.allows`."""
        if isinstance(record, BrokerRecord):
            return broker_entries.LEVEL
        if isinstance(record, FaultRecord):
            return fault_entries.LEVEL
        if not isinstance(record, RequestRecord):
            return cloud_entries.level(record, self._failure_level)
        return _LEVEL if record.failure is None else self._failure_level  # LC-2, G-11

    def entry(self, record: Record) -> bytes:
        """Return the entry: JSON on one line (LG-6), without the newline, safe to print."""
        if isinstance(record, BrokerRecord):
            return self._broker_entry(record)
        if isinstance(record, FaultRecord):
            return self._fault_entry(record)
        if not isinstance(record, RequestRecord):
            return self._cloud_entry(record)
        failure, token = record.failure, record.client_token
        entry = Entry(
            timestamp(record.at),
            _DEBUG if failure is None else self._failure_level.value,
            self._account_id,
            _SUCCESS if failure is None else _FAILURE,
            record.action,
            PROTOCOL,
            record.client_id or None,
            UNSET if record.client_id else _thing_of(record.topic),
            record.topic,
            record.stream_id,
            UNSET if token is None else token,
            _SUCCEEDED if failure is None else f"{failure} {_FAILED}",
        )
        try:
            line = _encode(entry)
        except UnicodeEncodeError:
            line = _encode(_without_surrogates(entry))
        return _safe(line)

    def _cloud_entry(self, record: cloud_entries.CloudRecord) -> bytes:
        common: dict[str, str | None] = {
            "timestamp": timestamp(record.at),
            "logLevel": self.level(record).value,
            "accountId": self._account_id,
            "status": _SUCCESS if cloud_entries.failure_of(record) is None else _FAILURE,
        }
        return _line({**common, **cloud_entries.members(record)})

    def _broker_entry(self, record: BrokerRecord) -> bytes:
        common = {
            "timestamp": timestamp(record.at),
            "logLevel": broker_entries.LEVEL.value,
            "traceId": record.trace_id,
            "accountId": self._account_id,
            "status": _FAILURE,
        }
        return _line({**common, **broker_entries.members(record)})

    def _fault_entry(self, record: FaultRecord) -> bytes:
        common = {
            "timestamp": timestamp(record.at),
            "logLevel": fault_entries.LEVEL.value,
            "accountId": self._account_id,
            "status": _SUCCESS,
        }
        return _line({**common, **fault_entries.members(record)})


def _line(members: Mapping[str, str | int | None]) -> bytes:
    whole = {key: _whole_text(value) if isinstance(value, str) else value for key, value in members.items()}
    return _safe(_encode(whole))


def _safe(line: bytes) -> bytes:
    return line if line.isascii() else _UNSAFE.sub(_escaped, line.decode()).encode()


def _escaped(match: re.Match[str]) -> str:
    return f"\\u{ord(match[0]):04x}"


def _without_surrogates(entry: Entry) -> Entry:
    r"""Return the entry with each lone surrogate as the text `\udxxx`: half a character cannot be written as UTF-8."""
    return Entry(*(_whole_text(field) if isinstance(field, str) else field for field in astuple(entry)))


def _whole_text(text: str) -> str:
    return text.encode(errors="backslashreplace").decode()
