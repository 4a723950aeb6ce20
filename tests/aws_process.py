"""A simulator as its own process, and those who talk to it: boto3, the command line of AWS, devices over MQTT."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from aws_logs import until
from images import image_bytes
from live import RawClient
from processes import Process, serve

KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}
ACCOUNT = "123456789012"
FIRMWARE = image_bytes(10_000)
V1 = (sys.executable, "-m", "awscli")


class AwsProcess:
    """A running simulator, as those have it who know its addresses."""

    def __init__(self, process: Process, data_dir: Path) -> None:
        self.process = process
        self.data_dir = data_dir
        self.mqtt = process.address
        self.base = f"http://127.0.0.1:{process.ready['http']['port']}"
        self._clients: dict[str, Any] = {}

    def client(self, service: str) -> Any:
        """Return boto3's client, which holds every answer against the service's model. It tries nothing twice."""
        if service not in self._clients:
            self._clients[service] = boto3.Session("test", "test", region_name="us-east-1").client(
                service, endpoint_url=self.base, config=Config(retries={"total_max_attempts": 1})
            )
        return self._clients[service]

    def aws(self, *arguments: str, program: tuple[str, ...] = V1) -> Any:
        """Run the command line of AWS to its end; return its JSON."""
        command = [*program, "--output", "json", "--endpoint-url", self.base, *arguments]
        done = subprocess.run(command, env=self.environment(), capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 0, f"aws {' '.join(arguments)}: {done.stdout}{done.stderr}"
        return json.loads(done.stdout or "null")

    def environment(self) -> dict[str, str]:
        """What the command line of AWS finds in its environment."""
        others = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        nowhere = {name: str(self.data_dir / "none") for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE")}
        return {**others, **KEYS, **nowhere, "AWS_EC2_METADATA_DISABLED": "true", "AWS_PAGER": ""}

    def thing(self, name: str) -> "Thing":
        """Connect a device over MQTT."""
        return Thing(self.mqtt, name)

    def entries(self, pattern: str = "", group: str = "AWSIoTLogsV2") -> list[dict[str, Any]]:
        """Return the log entries that FilterLogEvents finds, all pages; a group that is not there has none."""
        logs = self.client("logs")
        given = {"logGroupName": group, **({"filterPattern": pattern} if pattern else {})}
        try:
            pages = list(logs.get_paginator("filter_log_events").paginate(**given))
        except logs.exceptions.ResourceNotFoundException:
            return []
        return [json.loads(event["message"]) for page in pages for event in page["events"]]

    def next_line(self) -> str:
        """Wait for the next line on stderr and return it without its time. Those after it, `stop` returns."""
        stderr = self.process.popen.stderr
        assert stderr is not None
        return stderr.readline().rstrip("\n").split(" ", 2)[2]

    def stop(self) -> list[str]:
        """End it as an operator does; return what it said on stderr, where no traceback may be."""
        assert self.process.stop() == 0
        return said(self.process)


class Thing(RawClient):
    """A device on one open connection, that asks for blocks and takes jobs."""

    def __init__(self, address: tuple[str, int], name: str) -> None:
        super().__init__(address)
        self.name = name
        self.connect(name)
        streams = f"$aws/things/{name}/streams/+"
        self.subscribe(f"{streams}/data/json", f"{streams}/rejected/json", f"{streams}/description/json")

    def __enter__(self) -> Self:
        return self

    def ask(self, topic: str, **request: Any) -> tuple[str, Any]:
        """Publish a request on a topic below `$aws/things/NAME/`; return topic, below the same, and answer."""
        head = f"$aws/things/{self.name}/"
        self.publish(head + topic, json.dumps(request).encode())
        ((answered, payload),) = self.messages()
        return answered.removeprefix(head), json.loads(payload)

    def block(self, stream_id: str, **more: Any) -> str:
        """Ask for the first block of a stream; return "" for data, or the code of the rejection."""
        topic, answer = self.ask(f"streams/{stream_id}/get/json", **{"f": 0, "l": 256, "n": 1, **more})
        assert topic.split("/")[2] in {"data", "rejected"}
        return str(answer.get("o", ""))


@contextmanager
def simulator(folder: Path, *more: str) -> Iterator[AwsProcess]:
    """Run `ota-stream serve` over a data directory below a folder, with a stream `fw`."""
    firmware = folder / "app.bin"
    firmware.write_bytes(FIRMWARE)
    with serve(firmware, folder / "data", *more) as process:
        yield AwsProcess(process, folder / "data")


def said(process: Process) -> list[str]:
    """Return what an ended process has said on stderr. A traceback is a fault, whoever provoked it."""
    assert "Traceback" not in process.err, process.err
    return process.err.splitlines()


def refusal(call: Callable[..., Any], **given: Any) -> tuple[str, int]:
    """Return name and HTTP status of the error a call of boto3 ends in."""
    try:
        call(**given)
    except ClientError as error:
        return error.response["Error"]["Code"], error.response["ResponseMetadata"]["HTTPStatusCode"]
    raise AssertionError("it was not refused")


def until_entries(cloud: AwsProcess, pattern: str, count: int) -> list[dict[str, Any]]:
    """Wait until FilterLogEvents finds so many entries; return them."""
    until(lambda: len(cloud.entries(pattern)) >= count, f"{count} entries of {pattern}")
    return cloud.entries(pattern)
