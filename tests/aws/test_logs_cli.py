"""The logs by the command line of AWS."""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from aws_cloud import AwsCloud
from aws_guide import TRUST
from aws_logs import ARN, REAL, SEED, message, until, writing
from live import PATIENCE
from ota_stream.logs import roles

NOW = time.time()

pytestmark = pytest.mark.timeout(240)  # each command is a process that takes a second to start


def test_logging_is_set_up_and_the_log_is_read(aws: Any, cloud: AwsCloud, tmp_path: Path) -> None:
    trust = tmp_path / "trust.json"
    trust.write_text(json.dumps(TRUST), encoding="utf-8")
    said = aws("iot", "get-v2-logging-options", fails=True)
    assert "(NotConfiguredException)" in said
    role = aws("iam", "create-role", "--role-name", "logging", "--assume-role-policy-document", f"file://{trust}")[
        "Role"
    ]["Arn"]
    policy = json.dumps(roles.permissions())
    aws("iam", "put-role-policy", "--role-name", "logging", "--policy-name", "logs", "--policy-document", policy)
    aws("iot", "set-v2-logging-options", "--role-arn", role, "--default-log-level", "DEBUG")
    assert aws("iot", "get-v2-logging-options")["defaultLogLevel"] == "DEBUG"
    aws(
        "iot", "set-v2-logging-level", "--log-level", "ERROR",
        "--log-target", "targetType=CLIENT_ID,targetName=noisy",
    )  # fmt: skip
    levels = aws("iot", "list-v2-logging-levels", "--target-type", "CLIENT_ID")["logTargetConfigurations"]
    assert [each["logTarget"]["targetName"] for each in levels] == ["noisy"]
    with writing(cloud.folder) as written:
        written(*(message(NOW - 9 + n, actionType="GetStream" if n % 3 else "StartCodeSigning") for n in range(9)))
    found = aws(
        "logs", "filter-log-events", "--log-group-name", SEED, "--page-size", "4",
        "--filter-pattern", '{ $.actionType = "StartCodeSigning" }',
    )  # fmt: skip
    assert len(found["events"]) == 3
    said = aws("logs", "filter-log-events", "--log-group-name", REAL, "--filter-pattern", "{ $.a =", fails=True)
    assert "(InvalidParameterException)" in said
    assert "position" in said
    started = aws(
        "logs", "start-query", "--log-group-name", REAL, "--start-time", str(int(NOW) - 60),
        "--end-time", str(int(NOW) + 60), "--query-string", "stats count(*) as many by actionType | sort many",
    )  # fmt: skip
    assert _rows(aws, started["queryId"]) == [("StartCodeSigning", "3"), ("GetStream", "6")]


def test_a_live_tail_prints_what_is_written(cloud: AwsCloud, environment: dict[str, str]) -> None:
    command = [sys.executable, "-m", "awscli", "logs", "start-live-tail", "--log-group-identifiers", f"{ARN}{SEED}"]
    with writing(cloud.folder) as written:
        written(message(NOW, n=1))
        live = {"AWS_DISABLE_HOST_PREFIX_INJECTION": "true", "PYTHONUNBUFFERED": "1"}
        with subprocess.Popen(command, env=environment | live, stdout=subprocess.PIPE, text=True) as tail:
            try:
                until(lambda: cloud.operated.logs.tails.open_count == 1, "the command does not listen")
                written(message(NOW, n=2))
                assert tail.stdout is not None
                assert tail.stdout.readline() == message(NOW, n=2) + "\n"
            finally:
                tail.terminate()
        until(lambda: cloud.operated.logs.tails.open_count == 0, "the session is still open")


def _rows(aws: Any, query_id: str) -> list[tuple[str, str]]:
    until = time.monotonic() + PATIENCE
    while (shown := aws("logs", "get-query-results", "--query-id", query_id))["status"] == "Running":
        assert time.monotonic() < until, "the query does not end"
    found = [{each["field"]: each["value"] for each in row} for row in shown["results"]]
    return [(row["actionType"], row["many"]) for row in found]
