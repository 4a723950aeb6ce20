"""One seed and one moment: two runs write the same records, byte for byte."""

from pathlib import Path
from typing import Any

import boto3
import pytest

from images import image_bytes
from live import RawClient
from ota_broker.config import ConfigError, Settings
from ota_stream.testing import LocalCloud, Outcome

MOMENT = "2026-01-01T00:00:00Z"
IMAGE = image_bytes(300_000)


def play(folder: Path, **settings: Any) -> dict[str, bytes]:
    """Update a device over a line that loses blocks, be refused, put an object; return the files of records."""
    with LocalCloud(folder, clock=MOMENT, **settings) as cloud:
        cloud.faults.add("drop", operation="GetStream", share=0.2)
        cloud.faults.add("duplicate", operation="GetStream", share=0.2)
        cloud.create_update(IMAGE, "dev1")
        cloud.create_update(IMAGE, "dev3")
        cloud.clock.step("1h")
        assert cloud.device("dev1", retry_after=0.1).run() is Outcome.SUCCEEDED
        with RawClient(cloud.mqtt) as client:
            client.connect("dev2")
            client.publish("$aws/things/dev2/streams/none/get/json", b"{}", qos=1)
            client.messages()
            client.publish("$aws/things/dev3/jobs/start-next", b"{}", qos=1)
            ((_, job),) = client.messages()
        s3 = boto3.Session("test", "test", region_name="us-east-1").client("s3", endpoint_url=cloud.http)
        s3.create_bucket(Bucket="bucket")
        s3.put_bucket_versioning(Bucket="bucket", VersioningConfiguration={"Status": "Enabled"})
        version = s3.put_object(Bucket="bucket", Key="k", Body=b"object")["VersionId"]
    files = {path.name: path.read_bytes() for path in sorted((folder / "logs").rglob("*.jsonl"))}
    return {**files, "version": version.encode(), "job": job}


def test_two_runs_of_a_seed_are_the_same_and_others_are_not(tmp_path: Path):
    first, again, other = (play(tmp_path / name, seed=seed) for name, seed in (("1", 7), ("2", 7), ("3", 8)))
    assert first == again
    assert first.keys() != other.keys()
    assert first["version"] != other["version"]
    assert b"sig-sha256-ecdsa" in first["job"]
    assert first["job"] != other["job"]
    (records,) = (content for name, content in first.items() if name.endswith(".jsonl"))
    assert records.count(b'"InjectedFault"') > 1
    assert {line[:33] for line in records.splitlines()} <= {
        b'{"timestamp":"2026-01-01 00:00:00',
        b'{"timestamp":"2026-01-01 01:00:00',
    }


def test_another_start_of_the_same_seed_draws_anew(tmp_path: Path):
    for _ in range(2):
        with LocalCloud(tmp_path, seed=7) as cloud:
            with RawClient(cloud.mqtt) as client:
                client.connect("")
                client.publish("$aws/things/dev/streams/none/get/json", b"{}", qos=1)
                client.messages()
            given = [record["clientId"] for record in cloud.records(action="GetStream")]
    assert len(given) == len(set(given)) == 2


def test_time_stands_at_its_moment_until_it_is_told_to_go(tmp_path: Path):
    with LocalCloud(tmp_path, clock=MOMENT) as cloud:
        assert cloud.clock.now == 1_767_225_600
        cloud.clock.step("1d")
        assert cloud.clock.now == 1_767_225_600 + 86_400
        cloud.clock.follow()
        assert cloud.clock.now > 1_767_225_600 + 86_400


def test_a_moment_is_one_of_utc_unless_it_says_another():
    assert Settings(clock="2026-01-01T01:00:00+01:00").stands_at() == Settings(clock="2026-01-01").stands_at()
    with pytest.raises(ConfigError, match="use system, manual or a moment"):
        Settings(clock="yesterday")
