"""`ota-stream jobs` against a real HTTP server."""

import json

import pytest
import typer
from typer.testing import CliRunner

from http_cloud import HttpCloud, serving_http
from ota_stream.cli import tables
from ota_stream.cli.jobs import jobs_app
from ota_stream.errors import OtaStreamError
from ota_stream.jobs import topics
from ota_stream.jobs.jobs import JobSpec


@pytest.fixture
def cloud(tmp_path):
    with serving_http(tmp_path) as cloud:
        yield cloud


def run(cloud: HttpCloud, *arguments: str) -> str:
    result = CliRunner().invoke(jobs_app, [*arguments, "--endpoint-url", cloud.base])
    assert result.exit_code == 0, result.output + str(result.exception)
    return result.stdout


def failure(cloud: HttpCloud, *arguments: str) -> str:
    result = CliRunner().invoke(jobs_app, [*arguments, "--endpoint-url", cloud.base])
    assert isinstance(result.exception, OtaStreamError), result.output
    assert "\n" not in str(result.exception)
    return str(result.exception)


def create(cloud: HttpCloud, job_id: str, *things: str) -> None:
    targets = tuple(f"thing/{thing}" for thing in things)
    cloud.run(lambda: cloud.jobs.create_job(JobSpec(job_id, targets, "{}"), 1_700_000_000.0))


def report(cloud: HttpCloud, tail: str, **body) -> None:
    topic = topics.parse(f"$aws/things/lock-1/jobs/{tail}")
    assert topic is not None
    payload = json.dumps(body).encode()
    assert cloud.run(lambda: cloud.devices.answer(topic, payload, "c", cloud.clock.wall())).record.failure is None


def test_no_jobs_is_an_empty_table(cloud: HttpCloud):
    assert run(cloud, "list") == "JOB  STATUS  TARGETS  CREATED\n"


def test_jobs_are_a_table(cloud: HttpCloud):
    create(cloud, "job-1", "lock-1")
    assert run(cloud, "list").splitlines() == [
        "JOB    STATUS       TARGETS   CREATED",
        "job-1  IN_PROGRESS  SNAPSHOT  2023-11-14 22:13:20 UTC",
    ]


def test_a_list_has_more_than_a_page(cloud: HttpCloud):
    for number in range(251):
        create(cloud, f"job-{number}", "lock-1")
        cloud.run(lambda number=number: cloud.jobs.cancel_job(f"job-{number}", 1.0))
    assert len(run(cloud, "list").splitlines()) == 252
    assert len(json.loads(run(cloud, "list", "--json"))["jobs"]) == 251


def test_a_job_is_shown_with_its_things(cloud: HttpCloud):
    create(cloud, "job-1", "lock-1", "lock-2")
    report(cloud, "start-next")
    report(cloud, "job-1/update", status="IN_PROGRESS", statusDetails={"receive": "3/30"})
    run(cloud, "cancel", "job-1")
    text = run(cloud, "show", "job-1").splitlines()
    assert text[:2] == ["job      job-1", "status   CANCELED"]
    assert text[-3:] == [
        "THING   STATUS       VERSION  RECEIVED  DETAILS",
        "lock-1  IN_PROGRESS  3        3/30",
        "lock-2  CANCELED     2",
    ]
    shown = json.loads(run(cloud, "show", "job-1", "--json"))
    assert [one["thingName"] for one in shown["executions"]] == ["lock-1", "lock-2"]


def test_a_reason_is_shown_in_words(cloud: HttpCloud):
    create(cloud, "job-1", "lock-1")
    report(cloud, "job-1/update", status="FAILED", statusDetails={"reason": "0x000000e7: 0x00000000"})
    last = run(cloud, "show", "job-1").splitlines()[-1]
    assert last.endswith("the device does not hold the signer's certificate (0x000000e7: 0x00000000)")


def test_cancel_and_delete_need_force_for_what_runs(cloud: HttpCloud):
    create(cloud, "job-1", "lock-1")
    assert failure(cloud, "delete", "job-1").startswith("InvalidStateTransitionException: Job job-1 is IN_PROGRESS")
    report(cloud, "start-next")
    assert run(cloud, "cancel", "job-1") == "cancelled  job-1\n"
    assert cloud.run(lambda: cloud.jobs.execution("lock-1", "job-1")).status == "IN_PROGRESS"
    run(cloud, "cancel", "job-1", "--force")
    assert cloud.run(lambda: cloud.jobs.execution("lock-1", "job-1")).status == "CANCELED"
    assert run(cloud, "delete", "job-1") == "deleted  job-1\n"
    create(cloud, "job-2", "lock-1")
    run(cloud, "delete", "job-2", "--force")


@pytest.mark.parametrize("command", ["show", "cancel", "delete"])
@pytest.mark.parametrize("job_id", ["none", "a/b", "..", "x y", "ä", ""])
def test_an_unknown_job_is_one_line(cloud: HttpCloud, command: str, job_id: str):
    assert failure(cloud, command, job_id)


def test_a_table_is_nothing_a_terminal_would_obey(capsys):  # A14
    tables.rows(("A", "B"), [("\x1b[31mx", 1), ("y", "\u202e")])
    tables.fields((("name", "a\nb"), ("none", None)))
    assert capsys.readouterr().out.splitlines() == [
        "A            B",
        "\\u001b[31mx  1",
        "y            \\u202e",
        "name  a\\u000ab",
    ]


def test_every_command_has_help_with_an_example():
    app = typer.Typer()
    app.add_typer(jobs_app, name="jobs")
    for command in ("list", "show", "cancel", "delete"):
        result = CliRunner().invoke(app, ["jobs", command, "--help"])
        assert f"Example: ota-stream jobs {command}" in result.output
