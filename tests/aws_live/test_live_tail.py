"""StartLiveTail has no end of its own: it shows what devices ask, and it does not keep the process from stopping."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from queue import Queue
from typing import Any

import boto3
from botocore.config import Config

from aws_process import ACCOUNT, AwsProcess, simulator
from live import PATIENCE

GROUP = f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:AWSIoTLogsV2"


def follow(cloud: AwsProcess, events: Queue[Any]) -> None:
    """Put the parts of a live tail into a queue until it ends."""
    logs = boto3.Session("test", "test", region_name="us-east-1").client(
        "logs", endpoint_url=cloud.base, config=Config(inject_host_prefix=False)
    )
    answer = logs.start_live_tail(logGroupIdentifiers=[GROUP], logEventFilterPattern='{ $.clientId = "tailed" }')
    with closing(answer["responseStream"]) as stream:
        for event in stream:
            events.put(event)


def test_a_tail_shows_what_is_asked_and_ends_with_the_process(tmp_path: Path):
    events: Queue[Any] = Queue()
    with ThreadPoolExecutor() as executor, simulator(tmp_path) as cloud:
        with cloud.thing("tailed") as early:  # the group is there once something was written
            early.block("fw")
        tail = executor.submit(follow, cloud, events)
        assert events.get(timeout=PATIENCE)["sessionStart"]["logGroupIdentifiers"] == [GROUP.replace("IoT", "Iot")]
        with cloud.thing("other") as other, cloud.thing("tailed") as device:
            assert (other.block("fw"), device.block("fw")) == ("", "")
        results: list[Any] = []
        while not results:
            results = events.get(timeout=PATIENCE)["sessionUpdate"]["sessionResults"]
        assert ['"clientId":"tailed"' in result["message"] for result in results] == [True]
        assert cloud.stop() == []
        tail.result(PATIENCE)
