"""A worker whose firmware lies in S3: read once when it starts, served from memory."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from images import image_bytes
from processes import cli
from shared_world import Nats, running, worker
from small_fleet import Fleet

SIZE = 100_000
IMAGE = image_bytes(SIZE)


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "any")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "any")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    try:
        yield boto3.client("s3")
    finally:
        server.stop()


async def test_a_fleet_gets_an_object_that_is_read_once(s3: Any, server: Nats, tmp_path: Path):
    s3.create_bucket(Bucket="firmware")
    s3.put_object(Bucket="firmware", Key="door/app.bin", Body=IMAGE)
    store = tmp_path / "streams.json"
    made = cli("shared", "stream", "fw", "s3://firmware/door/app.bin", "--store", store)
    assert made.returncode == 0, made.stderr
    broker = ["--transport", "nats", "--url", server.url, "--store", store, "--records", tmp_path / "records"]
    with running(worker(*broker)):
        s3.delete_object(Bucket="firmware", Key="door/app.bin")
        fleet = Fleet([server.mqtt_port], 20, "fw", SIZE)
        await fleet.run(within=60)
    assert fleet.wrong == []
    assert {thing.download.image for thing in fleet.things} == {IMAGE}


def test_an_object_that_is_gone_is_told_in_a_line_and_refused(s3: Any, tmp_path: Path):
    s3.create_bucket(Bucket="firmware")
    refused = cli("shared", "stream", "fw", "s3://firmware/gone.bin", "--store", tmp_path / "streams.json")
    assert refused.returncode == 1
    assert refused.stderr == "error: there is no object s3://firmware/gone.bin\n"
