"""What tests of logs over the AWS API are made of: records in our log group, and a role that may write them."""

import json
import time
from collections.abc import Callable, Iterable
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from aws_guide import TRUST
from live import PATIENCE, MovableClock
from ota_stream.logs import groups
from ota_stream.logs.entries import timestamp
from ota_stream.stores.journal import Journal

REAL, SEED = groups.REAL, groups.SEED
ACCOUNT = "123456789012"
ARN = f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:"


def message(at: float, **entry: Any) -> str:
    """An entry as it is written, at epoch seconds."""
    return json.dumps({"timestamp": timestamp(at), "logLevel": "DEBUG", **entry}, separators=(",", ":"))


class Written:
    """The journal of a log group in a data directory; each call writes entries."""

    def __init__(self, folder: Path, group: str = REAL) -> None:
        self._journal = Journal(folder, group, ACCOUNT, MovableClock())
        self.close = self._journal.close

    def __call__(self, *entries: str) -> None:
        for entry in entries:
            self._journal.append(entry.encode())
        self._journal.flush()


@contextmanager
def writing(folder: Path, group: str = REAL):
    written = Written(folder, group)
    try:
        yield written
    finally:
        written.close()


def make_role(iam: Any, name: str = "logging") -> str:
    """Return the ARN of a role that AWS IoT may assume and that may write logs."""
    statement = {"Effect": "Allow", "Action": "logs:*", "Resource": "*"}
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_role_policy(RoleName=name, PolicyName="logs", PolicyDocument=policy)
    return role


def put(logs: Any, group: str, stream: str, *messages: str, at: float | None = None) -> Any:
    """Write messages of a moment to another group."""
    moment = int((time.time() if at is None else at) * 1000)
    events = [{"timestamp": moment + number, "message": each} for number, each in enumerate(messages)]
    return logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)


def rows(logs: Any, query_id: str) -> list[dict[str, str]]:
    """Wait for the end of a query and return its rows, without their pointers."""
    until = time.monotonic() + PATIENCE
    while (shown := logs.get_query_results(queryId=query_id))["status"] == "Running":
        assert time.monotonic() < until, "the query does not end"
    assert shown["status"] == "Complete"
    return [{each["field"]: each["value"] for each in row if each["field"] != "@ptr"} for row in shown["results"]]


def messages(answers: Iterable[Any]) -> list[str]:
    """Return the messages in pages of log events."""
    return [event["message"] for answer in answers for event in answer["events"]]


def until(check: Callable[[], bool], what: str) -> None:
    """Wait until something is so."""
    end = time.monotonic() + PATIENCE
    while not check():
        assert time.monotonic() < end, what
        time.sleep(0.001)
