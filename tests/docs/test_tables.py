"""The tables of docs/jobs.md and docs/updates.md are those of the code, and what they say of signatures is so."""

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import msgspec
import pytest
import typer
from typer.testing import CliRunner

from docs.pages import ROOT, Row, code, fenced, section, table
from http_cloud import serving_http
from images import image_bytes
from job_desk import Desk
from live import MovableClock
from ota_device import document as device_document
from ota_device import flash, states
from ota_device.flavours import FLAVOURS
from ota_device.reasons import WORDS
from ota_device.verify import Certificates, check
from ota_stream.answers import Reply
from ota_stream.api.usual import PROFILES, Sign
from ota_stream.cli.update import update
from ota_stream.jobs.configs import RetryConfig, RetryCriterion, TimeoutConfig
from ota_stream.jobs.errors import Why
from ota_stream.jobs.executions import PENDING, STRICT_TRANSITIONS, TRANSITIONS, Event, Status
from ota_stream.jobs.options import JobOptions
from ota_stream.logs.entries import EntryWriter
from ota_stream.records import Action, JobCountRecord, JobEvent, Record, UpdateRecord
from ota_stream.signing.damage import Damage, spoil
from ota_stream.signing.jobs import Destination, ObjectVersion, SigningRequest
from ota_stream.signing.platforms import ABILITIES
from ota_stream.signing.profiles import SigningProfile
from ota_stream.signing.service import SigningBook, SigningService
from ota_stream.stores.keys import KeyFolder
from ota_stream.updates.options import UpdateOptions
from ota_stream.updates.states import ACTIONS, NEXT
from processes import tool

JOBS = (ROOT / "docs" / "jobs.md").read_text(encoding="utf-8")
UPDATES = (ROOT / "docs" / "updates.md").read_text(encoding="utf-8")
RULE = re.compile(r"\b[A-Z]+-\d+[a-z]?\b")
IMAGE = image_bytes(5_000)


# Job executions

REFUSED = "refused"


def _said(strict: bool) -> dict[tuple[Status, Event], Status]:
    """Return the transitions on the page."""
    said: dict[tuple[Status, Event], Status] = {}
    for row in table(JOBS, "event", "from `QUEUED`", "from `IN_PROGRESS`"):
        for before in PENDING:
            cell = row[f"from `{before}`"]
            if cell != REFUSED and not (strict and f"{REFUSED} with `strict`" in cell):
                said[before, Event(row["event"])] = Status(code(cell)[0])
    return said


@pytest.mark.parametrize(("strict", "transitions"), [(False, TRANSITIONS), (True, STRICT_TRANSITIONS)])
def test_the_page_has_every_transition_of_an_execution(strict: bool, transitions: object):
    assert _said(strict) == transitions


def test_every_event_of_an_execution_has_its_row():
    assert [row["event"] for row in table(JOBS, "event", "from `QUEUED`")] == [event.value for event in Event]


def test_every_refusal_of_a_job_request_is_in_the_table_and_no_other():
    listed = [(code(row["code"])[0], row["message"]) for row in table(JOBS, "code", "message")]
    assert sorted(listed) == sorted((why.code.value, why.message) for why in Why)


# Notifications: how each row of the table comes about. The first replies of a request are its answer.


def _two(desk: Desk) -> None:
    desk.create("j1")
    desk.create("j2")


def _first(desk: Desk) -> tuple[Reply, ...]:
    return desk.create("j1").replies


def _second(desk: Desk) -> tuple[Reply, ...]:
    desk.create("j1")
    return desk.create("j2").replies


def _starts(desk: Desk) -> tuple[Reply, ...]:
    _two(desk)
    return desk.start().replies[1:]


def _progress(desk: Desk) -> tuple[Reply, ...]:
    _starts(desk)
    return desk.report("t", "j1", "IN_PROGRESS").replies[1:]


def _behind(status: str) -> Callable[[Desk], tuple[Reply, ...]]:
    def play(desk: Desk) -> tuple[Reply, ...]:
        _two(desk)
        return desk.report("t", "j2", status).replies[1:]

    return play


def _front_ends(desk: Desk) -> tuple[Reply, ...]:
    _two(desk)
    return desk.report("t", "j1", "SUCCEEDED").replies[1:]


def _last_ends(desk: Desk) -> tuple[Reply, ...]:
    desk.create("j1")
    return desk.report("t", "j1", "FAILED").replies[1:]


def _last_is_canceled(desk: Desk) -> tuple[Reply, ...]:
    desk.create("j1")
    return desk.control.cancel_job("j1", 1.0).replies


def _last_is_deleted(desk: Desk) -> tuple[Reply, ...]:
    desk.create("j1")
    return desk.control.delete_job("j1", 1.0, force=True).replies


def _ended_is_deleted(desk: Desk) -> tuple[Reply, ...]:
    _last_ends(desk)
    return desk.control.delete_job_execution("t", "j1", 1, 1.0).replies


def _times_out(desk: Desk) -> tuple[Reply, ...]:
    desk.create("j1", timeout_config=TimeoutConfig(1))
    desk.create("j2")
    desk.start()
    return desk.at(60.0).replies


def _tried_again(desk: Desk) -> tuple[Reply, ...]:
    desk.create("j1", job_executions_retry_config=RetryConfig((RetryCriterion("FAILED", 1),)))
    return desk.report("t", "j1", "FAILED").replies[1:]


def _thing_is_deleted(desk: Desk) -> tuple[Reply, ...]:
    _two(desk)
    return desk.registry.delete_thing("t", 1.0).replies


HAPPENS: dict[str, Callable[[Desk], tuple[Reply, ...]]] = {
    "a first job is queued": _first,
    "a second job is queued behind it": _second,
    "the job at the front starts": _starts,
    "the device reports progress": _progress,
    "a job behind the front starts": _behind("IN_PROGRESS"),
    "a job behind the front is rejected": _behind("REJECTED"),
    "the job at the front ends, others wait": _front_ends,
    "the last job ends": _last_ends,
    "the last job is canceled": _last_is_canceled,
    "the last job is deleted": _last_is_deleted,
    "an execution that has ended is deleted": _ended_is_deleted,
    "the job at the front times out, others wait": _times_out,
    "the job fails and is tried again": _tried_again,
    "the thing is deleted": _thing_is_deleted,
}
FRONT = {  # cell -> whether an execution of this job and number is at the front afterwards
    "that job": {("j1", 1), ("j2", 1)},
    "the next job": {("j2", 1)},
    "its next execution": {("j1", 2)},
}


@pytest.mark.parametrize("row", table(JOBS, "what happens"), ids=lambda row: row["what happens"])
def test_what_happens_brings_the_notifications_of_its_row(row: Row):
    """JNF-4..JNF-7."""
    told: dict[str, Any] = {
        reply.topic.rpartition("/")[2]: json.loads(reply.payload) for reply in HAPPENS[row["what happens"]](Desk())
    }
    assert ("notify" in told, "notify-next" in told) == (row["`notify`"] != "no", row["`notify-next`"] != "no")
    if "notify" in told:
        assert (not told["notify"]["jobs"]) is ("empty" in row["`notify`"])
    if row["`notify-next`"] == "timestamp alone":
        assert list(told["notify-next"]) == ["timestamp"]
    elif "notify-next" in told:
        front = told["notify-next"]["execution"]
        assert (front["jobId"], front["executionNumber"]) in FRONT[row["`notify-next`"]]


def test_everything_that_can_be_played_has_its_row():
    assert [row["what happens"] for row in table(JOBS, "what happens")] == list(HAPPENS)


# OTA updates


def test_the_page_has_every_status_of_an_update_and_what_may_follow():
    said = {code(row["status"])[0]: code(row["may become"]) for row in table(UPDATES, "may become")}
    assert said == {status.value: [after.value for after in following] for status, following in NEXT.items()}


def test_the_page_has_every_step_with_its_record():
    said = [(code(row["step"])[0], code(row["record"])[0]) for row in table(UPDATES, "step")]
    assert said == [(step.value, action.value) for step, action in ACTIONS.items()]


# The device


def test_the_page_has_every_step_of_the_agent():
    said = [(row["state"], row["what happens"], row["becomes"], row["does"]) for row in table(UPDATES, "does")]
    assert said == [(*before, *after) for before, after in states.TABLE.items()]


def test_the_page_has_every_step_of_a_slot():
    said = [(row["slot"], row["event"], row["becomes"]) for row in table(UPDATES, "slot")]
    assert said == [(*before, after) for before, after in flash.TRANSITIONS.items()]


def test_the_page_has_every_numeric_reason():
    said = {int(code(row["reason"])[0], 16): row["means"] for row in table(UPDATES, "reason", "means")}
    assert said == {number.value: words for number, words in WORDS.items()}


def test_the_page_has_every_flavour_as_it_is_played():
    said = [
        [code(cell)[0] if "`" in cell else float(cell) for cell in row.values()] for row in table(UPDATES, "flavour")
    ]
    assert said == [
        [name, each.format, each.block_size, each.block_count, each.retry_after, each.unanswered_max, each.image_max]
        for name, each in FLAVOURS.items()
    ]


# Records

RECORDS: dict[str, Record] = {
    "OTA update created": UpdateRecord(0.0, Action.CREATE_OTA_UPDATE, "u"),
    "OTA update completed": UpdateRecord(0.0, Action.CREATE_OTA_UPDATE, "u"),
    "code-signing job created": UpdateRecord(0.0, Action.START_CODE_SIGNING, "u"),
    "code-signing job completed": UpdateRecord(0.0, Action.START_CODE_SIGNING, "u", ended=True),
    "AWS IoT job created": UpdateRecord(0.0, Action.CREATE_AWS_JOB, "u", "J"),
    "AWS IoT job completed": JobCountRecord(0.0, "J", {"SUCCEEDED": 1}),
    "stream created": UpdateRecord(0.0, Action.CREATE_STREAM, "u", stream_id="s"),
}


def test_the_seven_triggers_have_the_records_of_their_rows():
    said = {row["trigger"]: (code(row["record"])[0], row["details"]) for row in table(UPDATES, "trigger")}
    written = {trigger: json.loads(EntryWriter().entry(record)) for trigger, record in RECORDS.items()}
    assert said == {
        trigger: (entry.get("actionType") or entry["eventType"], entry["details"]) for trigger, entry in written.items()
    }


def test_the_page_names_every_record_but_those_of_streams():
    of_streams = {Action.GET_STREAM, Action.DESCRIBE_STREAM}
    for name in {*Action, *JobEvent} - of_streams:
        assert name in section(UPDATES, "Records")


# Options and refusals of calls

OPTIONS = [
    (JOBS, JobOptions, "src/ota_stream/jobs/options.py"),
    (UPDATES, UpdateOptions, "src/ota_stream/updates/options.py"),
]


@pytest.mark.parametrize(("page", "options", "_source"), OPTIONS)
def test_the_page_has_every_option_with_its_choices_and_its_default(page: str, options: Any, _source: str):
    said = {code(row["option"])[0]: (row["values"], code(row["default"])) for row in table(page, "option")}
    fields = msgspec.structs.fields(options)
    assert {name: default for name, (_, default) in said.items()} == {
        field.name: [str(field.default)] for field in fields
    }
    for field in fields:
        if get_origin(field.type) is Literal:
            assert code(said[field.name][0]) == [str(value) for value in get_args(field.type)]


@pytest.mark.parametrize(("page", "_options", "source"), OPTIONS)
def test_an_option_has_the_id_of_its_row_beside_it_in_the_code(page: str, _options: Any, source: str):
    lines = (ROOT / source).read_text(encoding="utf-8").splitlines()
    for row in table(page, "option"):
        (line,) = (line for line in lines if line.startswith(f"    {code(row['option'])[0]}: "))
        beside = RULE.findall(line.partition("#")[2])
        assert row["id"] in beside if row["id"] else beside == []


@pytest.mark.parametrize(
    ("page", "rooms"), [(JOBS, ["jobs"]), (UPDATES, ["updates", "signing", "api", "stores"])], ids=["jobs", "updates"]
)
def test_every_refusal_of_a_call_is_in_the_table_and_no_other(page: str, rooms: list[str]):
    listed = {(code(row["exception"])[0], row["status"]) for row in table(page, "exception")}
    raised = {
        refusal
        for room in rooms
        for path in (ROOT / "src/ota_stream" / room).glob("*.py")
        for refusal in re.findall(r'ControlError\(\s*"(\w+)", (\d+)', path.read_text(encoding="utf-8"))
    }
    assert listed == raised


# Code signing


def test_the_page_has_every_platform_with_what_it_signs():
    said = {
        code(row["platform"])[0]: (code(row["signs with"]), int(row["largest image, bytes"].replace(",", "")))
        for row in table(UPDATES, "platform")
    }
    assert said == {
        platform.value: ([algorithm.value for algorithm in ability.algorithms], ability.image_max)
        for platform, ability in ABILITIES.items()
    }


@pytest.fixture
def signing(tmp_path: Path) -> SigningService:
    numbers = iter(range(100))
    keys = KeyFolder(tmp_path / "keys", MovableClock())
    return SigningService(SigningBook({}, {}, {}), keys, lambda: str(next(numbers)))


@pytest.mark.parametrize("row", table(UPDATES, "damage"), ids=lambda row: row["damage"])
def test_a_damaged_signature_ends_on_a_device_as_the_page_says(signing: SigningService, row: Row):
    damage = Damage(code(row["damage"])[0])
    signing.put_profile(SigningProfile("p1", "AmazonFreeRTOS-Default", "signer", "signer.pem"))
    request = SigningRequest("p1", ObjectVersion("b", "k", "1"), Destination("b"), "token", damage)
    job_id = signing.start_signing_job(request, 0.0).job_id
    signature = signing.finish_signing_job(job_id, IMAGE, lambda *_: "1", 0.0).signature
    assert signature is not None
    spoilt = spoil(signature, damage)
    file = {
        "filesize": len(IMAGE),
        "fileid": 0,
        "filepath": "app.bin",
        "certfile": None if spoilt is None else "signer.pem",
        "sig--" if spoilt is None else spoilt.algorithm.value: None if spoilt is None else spoilt.text,
    }
    document = {"afr_ota": {"protocols": ["MQTT"], "streamname": "s", "files": [file]}}
    job = device_document.read(json.dumps({"execution": {"jobId": "j", "jobDocument": document}}).encode(), 10_000)
    assert isinstance(job, device_document.Job)
    found = check(job, IMAGE, Certificates({"signer.pem": signing.certificate("p1")}))
    assert found == int(code(row["our device fails with"])[0], 16)


def test_every_damage_has_its_row():
    assert [code(row["damage"])[0] for row in table(UPDATES, "damage")] == list(Damage)


def test_openssl_verifies_an_update_as_the_page_says(tmp_path: Path):
    openssl, shell = Path(tool("openssl")), tool("sh")
    (commands,) = (block for block in fenced(section(UPDATES, "Code signing"), "sh") if "openssl" in block)
    app = typer.Typer()
    app.command()(update)
    (tmp_path / "app.bin").write_bytes(IMAGE)
    (tmp_path / "cloud").mkdir()
    with serving_http(tmp_path / "cloud") as cloud:
        order = [str(tmp_path / "app.bin"), "--target", "door-lock-7", "--sign", "ecdsa", "--endpoint-url", cloud.base]
        done = CliRunner().invoke(app, order)
        assert done.exit_code == 0, done.output
        printed = dict(line.split(maxsplit=1) for line in done.stdout.splitlines())
        (file,) = json.loads(cloud.ask("GET", f"/_ota/jobs/{printed['job']}").json["document"])["afr_ota"]["files"]
        given = cloud.ask("GET", "/_ota/signing-profiles/ota_stream_ecdsa/certificate").body
    certificate = Path(printed["certificate"])
    assert certificate.read_bytes() == given
    assert (certificate.parent, certificate.suffix) == (tmp_path / "cloud" / "keys", ".crt")
    assert [certificate.with_suffix(end).stat().st_mode & 0o777 for end in (".crt", ".key")] == [0o600, 0o600]
    asked = {
        "CERTIFICATE": str(certificate),
        "SIGNATURE": file["sig-sha256-ecdsa"],
        "PATH": str(openssl.parent),
    }

    def run() -> subprocess.CompletedProcess[str]:
        lines = [shell, "-e", "-c", commands]
        return subprocess.run(lines, cwd=tmp_path, env=asked, capture_output=True, text=True, timeout=60, check=False)

    assert run().stdout.strip() == "Verified OK"
    assert (tmp_path / "app.sig").read_bytes()[:1] == b"\x30", "DER, as the page says"
    (tmp_path / "app.bin").write_bytes(IMAGE + b"!")
    assert run().returncode != 0


def test_the_page_names_the_profiles_and_their_certificates():
    for kind in (Sign.ECDSA, Sign.RSA):
        assert {PROFILES[kind].name, PROFILES[kind].certificate_path} <= {
            name.rpartition("/signing-profiles/")[2].removesuffix("/certificate")
            for name in code(section(UPDATES, "Code signing"))
        }
