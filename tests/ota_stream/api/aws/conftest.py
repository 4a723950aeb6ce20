"""A world over a folder of its own, with the operations of each service to call."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from aws_calls import Caller
from http_cloud import World
from ota_stream.api.aws.handlers import job_data, jobs, updates
from ota_stream.api.aws.handlers import signer as signing


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    yield world
    world.database.close()


@pytest.fixture
def iot(world: World) -> Caller:
    reads = {**jobs.READS, **updates.READS}
    changes = {**jobs.CHANGES, **updates.CHANGES}
    return Caller(world, "iot", reads, changes)


@pytest.fixture
def device(world: World) -> Caller:
    return Caller(world, "iot-jobs-data", {}, job_data.CHANGES)


@pytest.fixture
def signer(world: World) -> Caller:
    return Caller(world, "signer", signing.READS, signing.CHANGES)


def thing(name: str) -> str:
    return f"arn:aws:iot:us-east-1:123456789012:thing/{name}"


@pytest.fixture
def job(iot: Caller) -> dict[str, Any]:
    """A job for one thing."""
    return iot("CreateJob", jobId="j1", targets=[thing("t1")], document='{"do": "it"}', description="one")
