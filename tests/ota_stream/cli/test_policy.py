"""`ota-stream policy` against a real HTTP server, and against files."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from http_cloud import HttpCloud, serving_http
from ota_stream.cli.policy import policy_app
from ota_stream.errors import OtaStreamError
from ota_stream.policies import defaults
from policy_cases import ARN, policy, statement

OWN = "$aws/things/lock-7/jobs/get"


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[HttpCloud]:
    with serving_http(tmp_path) as cloud:
        yield cloud


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(policy_app, arguments)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.output + str(result.exception)
    return result.exit_code, result.stdout


def failure(*arguments: str) -> str:
    result = CliRunner().invoke(policy_app, arguments)
    assert isinstance(result.exception, OtaStreamError), result.output
    assert "\n" not in str(result.exception)
    return str(result.exception)


def test_a_thing_is_judged_by_the_running_simulator(cloud: HttpCloud):
    at = ("--thing", "lock-7", "--endpoint-url", cloud.base)
    assert run("check", *at, "PUBLISH", OWN) == (
        0,
        f"allowed iot:Publish on topic/{OWN} by the default policy, as lock-7 has no certificate\n",
    )
    code, told = run("check", *at, "subscribe", "#")
    assert code == 1
    assert told.startswith("denied iot:Subscribe on topicfilter/# by the default policy, as lock-7 has no certificate")
    assert told.endswith(": no statement of policy ota-stream-thing allows it\n")
    assert run("check", *at, "RETAIN-PUBLISH", OWN)[0] == 1
    assert run("check", *at, "CONNECT", "lock-7")[0] == 0
    assert "no thing name" in failure("check", "--thing", "a b", "--endpoint-url", cloud.base, "PUBLISH", OWN)
    assert "use one of CONNECT, PUBLISH, RETAIN-PUBLISH, SUBSCRIBE, RECEIVE" in failure("check", *at, "DANCE", OWN)


def test_where_no_simulator_ever_ran_nothing_is_made(tmp_path: Path):
    at = ("--thing", "d", "--data-dir", str(tmp_path / "none"))
    assert "no simulator runs over" in failure("check", *at, "PUBLISH", "a")
    assert "no simulator runs over" in failure("suggest", *at)
    assert not (tmp_path / "none").exists()


def test_a_document_is_judged_without_a_simulator(tmp_path: Path):
    path = tmp_path / "mine.json"
    path.write_text(policy(statement("iot:Publish", "topic/a"), statement("iot:*", "topic/b", "Deny")).document)
    at = ("--thing", "d", "--policy", str(path))
    assert run("check", *at, "PUBLISH", "a") == (0, f"allowed iot:Publish on topic/a by {path}\n")
    code, told = run("check", *at, "PUBLISH", "b")
    assert (code, told) == (1, f"denied iot:Publish on topic/b by {path}: explicit deny: statement 2 of policy mine\n")
    code, told = run("check", *at, "--arn", "arn:aws:iot:eu-west-1:1", "PUBLISH", "a")
    assert code == 1
    assert f"statement 1 of mine does in {ARN}, this is arn:aws:iot:eu-west-1:1" in told
    code, told = run("check", *at, "PUBLISH", "a\n\x1b[2J")
    assert (code, len(told.splitlines())) == (1, 1)
    assert "\x1b" not in told


def test_a_file_that_is_no_policy_is_told_in_one_line(tmp_path: Path):
    path = tmp_path / "mine.json"
    at = ("check", "--thing", "d", "--policy", str(path), "PUBLISH", "a")
    assert failure(*at) == f"policy {path}: No such file or directory"
    path.write_bytes(b"\xff")
    assert failure(*at) == f"policy {path} is not UTF-8"
    path.write_text("{")
    assert failure(*at) == f"policy {path}: it is not JSON"


def test_the_least_policy_is_one_that_can_be_checked(cloud: HttpCloud, tmp_path: Path):
    at = ("--thing", "lock-7", "--endpoint-url", cloud.base)
    assert "Nothing is known of 'lock-7'" in failure("suggest", *at)

    def use() -> None:
        client = cloud.services.cloud.policies.admit_anybody("lock-7")
        client.publish(OWN, retain=False)
        client.receive(f"{OWN}/accepted")

    cloud.run(use)
    code, told = run("suggest", *at)
    assert code == 0
    path = tmp_path / "least.json"
    path.write_text(told)
    name = defaults.THING_NAME
    assert json.loads(told)["Statement"] == [
        {"Effect": "Allow", "Action": "iot:Connect", "Resource": [f"{ARN}:client/{name}"]},
        {"Effect": "Allow", "Action": "iot:Publish", "Resource": [f"{ARN}:topic/$aws/things/{name}/jobs/get"]},
        {"Effect": "Allow", "Action": "iot:Receive", "Resource": [f"{ARN}:topic/$aws/things/{name}/jobs/get/accepted"]},
    ]
    assert run("check", "--thing", "gate-1", "--policy", str(path), "PUBLISH", "$aws/things/gate-1/jobs/get")[0] == 0
    assert run("check", "--thing", "gate-1", "--policy", str(path), "PUBLISH", OWN)[0] == 1
