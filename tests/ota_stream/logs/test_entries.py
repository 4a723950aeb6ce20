import json
from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ota_stream.logs.entries import EntryWriter, Status, is_account_id, timestamp
from ota_stream.logs.levels import Level
from ota_stream.records import UNKNOWN_CLIENT, Action, RequestRecord

SEED_GET_STREAM = {  # E-6
    "timestamp": "2018-07-25 22:09:02.678",
    "logLevel": "DEBUG",
    "accountId": "123456789012",
    "status": "Success",
    "actionType": "GetStream",
    "protocol": "MQTT",
    "clientId": "b9d2e49c-94fe-4ed1-9b07-286afed7e4c8",
    "topicName": "$aws/things/b9d2e49c-94fe-4ed1-9b07-286afed7e4c8"
    "/streams/1e51e9a8-9a4c-4c50-b005-d38452a956af/get/json",
    "streamId": "1e51e9a8-9a4c-4c50-b005-d38452a956af",
    "details": "The request status is SUCCESS.",
}
SEED_DESCRIBE_STREAM = {  # E-7
    "timestamp": "2018-07-25 22:10:12.690",
    "logLevel": "DEBUG",
    "accountId": "123456789012",
    "status": "Success",
    "actionType": "DescribeStream",
    "protocol": "MQTT",
    "clientId": "581075e0-4639-48ee-8b94-2cf304168e43",
    "topicName": "$aws/things/581075e0-4639-48ee-8b94-2cf304168e43"
    "/streams/71c101a8-bcc5-4929-9fe2-af563af0c139/describe/json",
    "streamId": "71c101a8-bcc5-4929-9fe2-af563af0c139",
    "clientToken": "clientToken",
    "details": "The request status is SUCCESS.",
}
TIMES = st.floats(min_value=0, max_value=4e9)
RECORDS = st.builds(
    RequestRecord,
    TIMES,
    st.sampled_from(Action),
    st.text(),
    st.text(),
    st.text(),
    st.none() | st.text(),
    st.none() | st.text(),
)
ANYTHING = st.text(st.characters())  # lone surrogates too


def at(text: str) -> float:
    return datetime.fromisoformat(f"{text}+00:00").timestamp()


def record(**changes: object) -> RequestRecord:
    fields = {"at": 0.0, "action": Action.GET_STREAM, "client_id": "c", "topic": "t", "stream_id": "s"}
    return RequestRecord(**(fields | changes))  # type: ignore[arg-type]


def test_the_seeds_get_stream_example_comes_out_key_for_key():  # E-6, LR-6
    line = EntryWriter().entry(
        RequestRecord(
            at("2018-07-25 22:09:02.678"),
            Action.GET_STREAM,
            SEED_GET_STREAM["clientId"],
            SEED_GET_STREAM["topicName"],
            SEED_GET_STREAM["streamId"],
        )
    )
    assert list(json.loads(line).items()) == list(SEED_GET_STREAM.items())


def test_the_seeds_describe_stream_example_comes_out_key_for_key():  # E-7, LR-7
    line = EntryWriter().entry(
        RequestRecord(
            at("2018-07-25 22:10:12.690"),
            Action.DESCRIBE_STREAM,
            SEED_DESCRIBE_STREAM["clientId"],
            SEED_DESCRIBE_STREAM["topicName"],
            SEED_DESCRIBE_STREAM["streamId"],
            "clientToken",
        )
    )
    assert list(json.loads(line).items()) == list(SEED_DESCRIBE_STREAM.items())


def test_a_failure_says_why_and_stays_debug():  # LR-18, G-11
    writer, failed = EntryWriter(), record(failure="The stream version does not match")
    entry = json.loads(writer.entry(failed))
    assert entry["status"] == Status.FAILURE
    assert entry["logLevel"] == writer.level(failed) == Level.DEBUG
    assert entry["details"] == "The stream version does not match The request status is FAILURE."


def test_failures_may_be_errors_by_option():  # G-11
    writer, failed = EntryWriter(failure_level="ERROR"), record(failure="no")
    assert json.loads(writer.entry(failed))["logLevel"] == writer.level(failed) == Level.ERROR
    assert json.loads(writer.entry(record()))["logLevel"] == writer.level(record()) == Level.DEBUG


def test_the_account_is_the_callers_choice():
    assert json.loads(EntryWriter("875157236366").entry(record()))["accountId"] == "875157236366"


@pytest.mark.parametrize("token", ["", "t"])
def test_a_token_that_was_sent_is_there_even_when_empty(token: str):  # LR-6
    assert json.loads(EntryWriter().entry(record(client_token=token)))["clientToken"] == token


def test_a_client_nobody_told_is_null_with_the_thing_beside_it():
    entry = json.loads(EntryWriter().entry(record(client_id=UNKNOWN_CLIENT, topic="$aws/things/T/streams/S/get/json")))
    assert list(entry)[6:9] == ["clientId", "thingName", "topicName"]
    assert (entry["clientId"], entry["thingName"]) == (None, "T")
    assert "thingName" not in json.loads(EntryWriter().entry(record()))


@pytest.mark.parametrize("text", ["", "12345678901", "1234567890123", "12345678901a", "\u0661" * 12])
def test_an_account_id_has_twelve_digits(text: str):
    assert is_account_id("875157236366")
    assert not is_account_id(text)


@given(RECORDS)
def test_any_record_is_one_line_that_reads_back_the_same(given_record: RequestRecord):  # LG-6
    line = EntryWriter().entry(given_record)
    entry = json.loads(line)
    assert entry["actionType"] == given_record.action
    assert (entry["clientId"] or UNKNOWN_CLIENT) == given_record.client_id
    assert entry["topicName"] == given_record.topic
    assert entry["streamId"] == given_record.stream_id
    assert entry.get("clientToken") == given_record.client_token
    assert entry["timestamp"] == timestamp(given_record.at)
    assert entry["status"] == (Status.SUCCESS if given_record.failure is None else Status.FAILURE)
    failure = given_record.failure
    assert entry["details"] == (
        "The request status is SUCCESS." if failure is None else f"{failure} The request status is FAILURE."
    )
    assert len(line.decode().splitlines()) == 1


@given(ANYTHING)
@example("half \ud83d a character")
@example('\n"}\r\x1b[2J\x85\u2028\u202egnp.exe\u061c\x9b')
def test_hostile_text_neither_ends_a_line_nor_commands_a_terminal(text: str):  # A14
    line = EntryWriter().entry(record(client_id=text, topic=text, client_token=text, failure=text)).decode()
    assert len(line.splitlines()) == 1
    assert not any(c < " " or "\x80" <= c <= "\x9f" or c in "\u061c\u200e\u200f" for c in line)
    assert not any("\u2028" <= c <= "\u202e" or "\u2066" <= c <= "\u2069" for c in line)
    assert (json.loads(line)["clientId"] or "") == text.encode(errors="backslashreplace").decode()


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "1970-01-01 00:00:00.000"),
        (0.0004, "1970-01-01 00:00:00.000"),
        (0.9996, "1970-01-01 00:00:01.000"),
        (951_782_400.001, "2000-02-29 00:00:00.001"),
        (2**31, "2038-01-19 03:14:08.000"),  # R12
    ],
)
def test_a_timestamp_is_utc_with_milliseconds(seconds: float, text: str):  # LG-7
    assert timestamp(seconds) == text


@given(TIMES)
def test_a_timestamp_is_right_to_the_millisecond(seconds: float):
    parsed = datetime.strptime(timestamp(seconds), "%Y-%m-%d %H:%M:%S.%f").replace(tzinfo=UTC)
    assert abs(parsed.timestamp() - seconds) < 0.000_51


@given(TIMES, TIMES)
def test_timestamps_sort_as_times_do(one: float, other: float):
    early, late = sorted((one, other))
    assert timestamp(early) <= timestamp(late)
