import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kept_logs import DESCRIBE_STREAM, GET_STREAM, HOSTILE, Kept
from ota_stream.cli.logs import Verb, logs, printable
from ota_stream.errors import OtaStreamError
from ota_stream.logs.entries import Status
from ota_stream.logs.filters import QueryError
from ota_stream.logs.patterns import PatternError
from ota_stream.records import Action, JobEvent, JobRequestRecord, RequestRecord, UpdateRecord
from ota_stream.stores.errors import StoreError

# The seed's two device examples, byte for byte: a tab before each property, a blank behind each line but the last.
SEED_GET_STREAM = """\
{\x20
	"timestamp": "2018-07-25 22:09:02.678",\x20
	"logLevel": "DEBUG",\x20
	"accountId": "123456789012",\x20
	"status": "Success",\x20
	"actionType": "GetStream",\x20
	"protocol": "MQTT",\x20
	"clientId": "b9d2e49c-94fe-4ed1-9b07-286afed7e4c8",\x20
	"topicName": "$aws/things/b9d2e49c-94fe-4ed1-9b07-286afed7e4c8/streams/1e51e9a8-9a4c-4c50-b005-d38452a956af/get/json",\x20
	"streamId": "1e51e9a8-9a4c-4c50-b005-d38452a956af",\x20
	"details": "The request status is SUCCESS."\x20
}
"""  # noqa: E501 - as in the seed
SEED_DESCRIBE_STREAM = """\
{\x20
	"timestamp": "2018-07-25 22:10:12.690",\x20
	"logLevel": "DEBUG",\x20
	"accountId": "123456789012",\x20
	"status": "Success",\x20
	"actionType": "DescribeStream",\x20
	"protocol": "MQTT",\x20
	"clientId": "581075e0-4639-48ee-8b94-2cf304168e43",\x20
	"topicName": "$aws/things/581075e0-4639-48ee-8b94-2cf304168e43/streams/71c101a8-bcc5-4929-9fe2-af563af0c139/describe/json",\x20
	"streamId": "71c101a8-bcc5-4929-9fe2-af563af0c139",\x20
	"clientToken": "clientToken",\x20
	"details": "The request status is SUCCESS."\x20
}
"""  # noqa: E501 - as in the seed


JOB_UPDATE = JobRequestRecord(0.0, JobEvent.UPDATE, "d", "$aws/things/d/jobs/j-1/update", "j-1", None, 3, "SUCCEEDED")
OTA_UPDATE = UpdateRecord(1.0, Action.CREATE_OTA_UPDATE, "u-1")


@pytest.fixture
def kept(tmp_path: Path):
    kept = Kept(tmp_path / "data")
    yield kept
    kept.close()


@pytest.fixture
def shown(kept: Kept, capfdbinary: pytest.CaptureFixture[bytes]) -> Callable[..., bytes]:
    def show(**options: Any) -> bytes:
        logs(data_dir=kept.data_dir, **options)
        return capfdbinary.readouterr().out

    return show


@pytest.fixture
def terminal(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Run the command with a real terminal in place of standard output."""

    def show(**options: Any) -> str:
        outside, inside = os.openpty()
        with os.fdopen(outside, "rb", buffering=0) as screen, os.fdopen(inside, "w", encoding="utf-8") as stdout:
            with monkeypatch.context() as patch:
                patch.setattr(sys, "stdout", stdout)
                patch.setenv("TERM", "xterm")
                logs(data_dir=kept.data_dir, **options)
            stdout.write("END")
            stdout.flush()
            text = b""
            while not text.endswith(b"END"):
                text += screen.read(65_536)
        return text.removesuffix(b"END").decode()

    return show


def parsed(output: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in output.splitlines()]


def test_into_a_pipe_go_json_lines_as_they_are_stored(kept, shown):
    kept.add(GET_STREAM, DESCRIBE_STREAM, HOSTILE)
    assert shown() == b"".join(line + b"\n" for line in kept.lines) == shown(as_json=True)


def test_the_seed_style_is_the_seeds_byte_for_byte(kept, shown):  # E-6, E-7
    kept.add(GET_STREAM, DESCRIBE_STREAM)
    assert shown(seed_style=True).decode() == SEED_GET_STREAM + SEED_DESCRIBE_STREAM


def test_the_seed_style_of_hostile_text_is_still_json_and_safe_to_print(kept, shown):  # A14
    kept.add(HOSTILE)
    output = shown(seed_style=True).decode()
    assert json.loads(output) == json.loads(kept.lines[0])
    assert all(c.isprintable() or c in "\n\t" for c in output)


def test_either_spelling_of_the_group_shows_the_records(kept, shown):  # G-9
    kept.add(GET_STREAM)
    assert shown(group="AWSIoTLogsV2") == shown(group="AWSIotLogsV2") != b""


@pytest.mark.parametrize(
    ("options", "chosen"),
    [
        ({"action": Action.DESCRIBE_STREAM}, [1]),
        ({"action": Action.GET_STREAM}, [0, 2]),
        ({"status": Status.FAILURE}, [2]),
        ({"thing": "thing-1"}, [2]),
        ({"thing": "581075e0-4639-48ee-8b94-2cf304168e43", "status": Status.SUCCESS}, [1]),
    ],
)
def test_only_what_was_asked_for_is_shown(kept, shown, options, chosen):
    kept.add(GET_STREAM, DESCRIBE_STREAM, HOSTILE)
    assert shown(**options).splitlines() == [kept.lines[number] for number in chosen]


def test_records_of_jobs_and_updates_are_chosen_by_their_event_or_action_in_any_case(kept, shown):
    kept.add(GET_STREAM, JOB_UPDATE, OTA_UPDATE)
    assert shown(action="updatejobexecution").splitlines() == kept.lines[1:2]
    assert shown(action="CreateOTAUpdate").splitlines() == kept.lines[2:]


def test_an_action_there_is_not_is_one_line_that_names_those_there_are(kept, shown):
    kept.add(GET_STREAM)
    with pytest.raises(QueryError, match="--action Nonsense: use one of "):
        shown(action="Nonsense")


def test_since_shows_the_last_while(kept, shown):
    now = time.time()
    for age in (7200, 600, 0):
        kept.add(RequestRecord(now - age, Action.GET_STREAM, "c", "t", "s"))
    assert shown(since="1h").splitlines() == kept.lines[1:]
    assert shown(since="5m").splitlines() == kept.lines[2:]
    assert shown(since="999999d").splitlines() == kept.lines


# On a terminal


def test_on_a_terminal_a_record_is_a_line_to_read(kept, terminal):
    kept.add(DESCRIBE_STREAM)
    screen = terminal()
    assert screen.count("\n") == 1
    entry = json.loads(kept.lines[0])
    for name in ("timestamp", "status", "actionType", "clientId", "topicName", "streamId", "clientToken", "details"):
        assert entry[name] in screen


def test_on_a_terminal_records_of_jobs_and_updates_say_what_and_which(kept, terminal):
    kept.add(JOB_UPDATE, OTA_UPDATE)
    job, update = terminal().splitlines()
    assert all(text in job for text in ("UpdateJobExecution", "$aws/things/d/jobs/j-1/update", "SUCCEEDED."))
    assert all(text in update for text in ("CreateOTAUpdate", "u-1", "OTAUpdate creation complete."))


def test_on_a_terminal_a_failure_stands_out(kept, terminal):
    kept.add(GET_STREAM, HOSTILE)
    good, bad = terminal().splitlines()
    assert "\x1b[32mSuccess\x1b[0m" in good
    assert "\x1b[1;31mFailure\x1b[0m" in bad


def test_hostile_text_does_not_command_the_terminal(kept, terminal):  # A14
    kept.add(HOSTILE)
    screen = terminal()
    assert r"\u001b]0;owned\u0007[red]\u007f" in screen
    assert r"\u000a\u202e\udb40\udc01 :boom:" in screen
    assert screen.count("\n") == 1


def test_json_on_a_terminal_is_as_stored(kept, terminal):
    kept.add(GET_STREAM)
    assert terminal(as_json=True).replace("\r\n", "\n").encode() == kept.lines[0] + b"\n"


@given(st.text(st.characters()))
@example("\x00\x1b\x7f\x9b\u2028\u202e\ud800\U000e0001")
def test_printable_text_is_printable_and_says_the_same(text: str):  # A14
    safe = printable(text)
    assert safe.isprintable()
    if "\\" not in text and '"' not in text:
        assert json.loads(f'"{safe}"') == text


def test_a_filter_pattern_chooses_records(kept, shown):
    kept.add(GET_STREAM, DESCRIBE_STREAM, HOSTILE)
    assert shown(pattern='{ $.actionType = "DescribeStream" }').splitlines() == kept.lines[1:2]
    assert shown(pattern='"thing-1"').splitlines() == kept.lines[2:]
    assert shown(pattern='{ $.status = "Failure" }', status=Status.FAILURE).splitlines() == kept.lines[2:]
    with pytest.raises(PatternError, match="at position 2"):
        shown(pattern="{ nonsense }")


def test_records_are_shown_from_rows_as_from_the_journal(kept, shown):
    kept.add(GET_STREAM, DESCRIBE_STREAM)
    kept.move()
    kept.add(HOSTILE)
    assert shown().splitlines() == kept.lines
    assert shown(status=Status.FAILURE).splitlines() == kept.lines[2:]
    assert shown(status=Status.SUCCESS, pattern='{ $.clientToken = "clientToken" }').splitlines() == kept.lines[1:2]


# When there is nothing to show


def test_without_a_data_directory_it_says_what_to_do(tmp_path):
    with pytest.raises(StoreError, match=r"there is no data directory .*: run `ota-stream serve`"):
        logs(data_dir=tmp_path / "none")


def test_without_records_it_says_so_and_names_other_groups(kept, tmp_path, capfd):  # LG-4
    other = Kept(tmp_path / "data", "mine")
    other.add(GET_STREAM)
    other.close()
    logs(data_dir=kept.data_dir)
    captured = capfd.readouterr()
    assert captured.out == ""
    assert "no records in log group AWSIotLogsV2 yet (there is mine: see --group)" in captured.err
    assert captured.err.count("\n") == 1


def test_without_any_group_it_names_none(tmp_path, capfd):
    logs(data_dir=tmp_path)
    assert "no records in log group AWSIotLogsV2 yet: let a device" in capfd.readouterr().err


def test_when_no_record_matches_it_says_so(kept, capfd):
    kept.add(GET_STREAM)
    logs(data_dir=kept.data_dir, thing="nobody")
    captured = capfd.readouterr()
    assert (captured.out, captured.err) == ("", "none of the records is like that: ask for less\n")


def test_half_a_line_at_the_end_is_told(kept, capfdbinary):  # R4
    kept.add(GET_STREAM)
    with next(kept.data_dir.glob("logs/*/*.jsonl")).open("ab") as file:
        file.write(b"half")
    logs(data_dir=kept.data_dir)
    captured = capfdbinary.readouterr()
    assert captured.out.splitlines() == kept.lines
    assert b"ends in half a line, skipped" in captured.err


def test_damaged_lines_are_skipped_and_told_once(kept, capfdbinary):  # R4, R10
    kept.damage(b"\0" * 10)
    kept.add(GET_STREAM)
    kept.damage(b"{}x")
    logs(data_dir=kept.data_dir)
    captured = capfdbinary.readouterr()
    assert captured.out.splitlines() == kept.lines
    assert captured.err.startswith(b"warning: log stream ")
    assert captured.err.count(b"\n") == 1


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"since": "yesterday"}, QueryError),
        ({"as_json": True, "seed_style": True}, QueryError),
        ({"group": "a b"}, StoreError),
        ({"verb": Verb.EXPORT}, QueryError),
        ({"jsonl": Path("x")}, QueryError),
        ({"verb": Verb.EXPORT, "jsonl": Path("x"), "follow": True}, QueryError),
    ],
)
def test_bad_options_are_told_in_one_line(kept, options, error):
    with pytest.raises(error) as caught:
        logs(data_dir=kept.data_dir, **options)
    assert isinstance(caught.value, OtaStreamError)
    assert "\n" not in str(caught.value)
