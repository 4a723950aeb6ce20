"""One server for each profile; each test has its own."""

from collections.abc import Iterator

import pytest

import live
from live import Server
from ota_broker.front.profile import STANDARD


@pytest.fixture
def server() -> Iterator[Server]:
    """AWS's rules."""
    with live.serving() as server:
        yield server


@pytest.fixture
def standard() -> Iterator[Server]:
    """The standard's."""
    with live.serving(profile=STANDARD) as server:
        yield server
