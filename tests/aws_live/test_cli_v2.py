"""The AWS command line v2, which Debian has as the package `awscli`: it is older than boto3, and has `logs tail`."""

import json
import shutil
import subprocess
from contextlib import suppress

import pytest

from aws_process import AwsProcess

PLACES = ("/usr/bin/aws", shutil.which("aws"))


def command_line_v2() -> str:
    """Return the path of a v2; a v1 of the same name may come before it on the PATH."""
    for path in filter(None, PLACES):
        with suppress(OSError):
            told = subprocess.run([path, "--version"], capture_output=True, text=True, check=False, timeout=60)
            if told.stdout.startswith("aws-cli/2."):
                return path
    pytest.skip("there is no AWS command line v2 (Debian: apt-get install awscli); v1 has no `logs tail`")


def test_logs_tail_follows_what_a_device_asks(cloud: AwsProcess):
    pattern = '{ $.actionType = "GetStream" && $.clientId = "tailed" && $.status = "Failure" }'
    command = [
        command_line_v2(), "--endpoint-url", cloud.base, "logs", "tail", "AWSIoTLogsV2", "--follow",
        "--format", "short", "--filter-pattern", pattern,
    ]  # fmt: skip
    with cloud.thing("tailed") as device:
        assert device.block("fw", c="not shown: no failure") == ""
        assert device.block("fw", l=1, c="before") == "BlockSizeOutOfBounds"
        streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        with subprocess.Popen(command, env=cloud.environment(), text=True, **streams) as tail:
            try:
                assert tail.stdout is not None
                assert token(tail.stdout.readline()) == "before"
                assert device.block("fw", c="not shown either") == ""
                assert device.block("none", c="meanwhile") == "ResourceNotFound"
                assert token(tail.stdout.readline()) == "meanwhile"
            finally:
                tail.terminate()


def token(line: str) -> str:
    """Return the client token of a line: a time and the entry."""
    return str(json.loads(line.split(" ", 1)[1])["clientToken"])


def test_v2_and_boto3_see_the_same(cloud: AwsProcess):
    iot, program = cloud.client("iot"), (command_line_v2(),)
    arn = cloud.aws("iot", "create-thing", "--thing-name", "by-v2", program=program)["thingArn"]
    cloud.aws("iot", "create-job", "--job-id", "by-v2", "--targets", arn, "--document", "{}", program=program)
    assert iot.describe_job(jobId="by-v2")["job"]["targets"] == [arn]
    told = cloud.aws("iot-jobs-data", "get-pending-job-executions", "--thing-name", "by-v2", program=program)
    assert [each["jobId"] for each in told["queuedJobs"]] == ["by-v2"]
    with cloud.thing("by-v2") as device:
        device.subscribe("v2/says")
        message = ("--topic", "v2/says", "--cli-binary-format", "raw-in-base64-out", "--payload", "hello")
        cloud.aws("iot-data", "publish", *message, program=program)
        assert device.messages() == [("v2/says", b"hello")]
        assert device.block("fw") == ""
    described = ("logs", "describe-log-groups", "--log-group-name-prefix", "AWSIot")
    shown = cloud.aws(*described, program=program)["logGroups"]
    assert [group["logGroupName"] for group in shown] == ["AWSIotLogsV2"]
