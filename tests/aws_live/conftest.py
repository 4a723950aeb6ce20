"""One simulator for all tests that need no other settings than those it starts with."""

from collections.abc import Iterator

import pytest

from aws_process import AwsProcess, simulator


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AwsProcess]:
    with simulator(tmp_path_factory.mktemp("cloud")) as cloud:
        yield cloud
        lines = cloud.stop()
        assert {line.split(" ", 2)[2] for line in lines} <= {"Invalid HTTP request received."}
