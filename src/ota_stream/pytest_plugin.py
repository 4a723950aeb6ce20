"""Fixtures for pytest: a cloud for each test, and what one does with it. See docs/testing.md.

What it needs is imported by the first test that uses it: nobody else waits for it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, Protocol

import pytest

from ota_stream.errors import OtaStreamError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from ota_stream.testing import Clock, Device, Faults, LocalCloud, Update
    from ota_stream.testing.loop import LoopThread

THING: Final = "thing-1"
SHOWN_MAX: Final = 200  # records in the report of a test that failed, the last ones


class MakesUpdates(Protocol):
    """Makes an OTA update of an image for things, else for `ota_thing`; the rest is LocalCloud.create_update's."""

    def __call__(self, image: bytes, *things: str, **how: Any) -> Update:  # noqa: ANN401 - another function's
        """Return it when devices can have it."""
        ...


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line("markers", "ota_cloud(**settings): settings of the test's ota_cloud, as of LocalCloud")


@pytest.fixture(scope="session")
def ota_loop() -> Iterator[LoopThread]:
    """Give the thread that all clouds of a session run in, one after the other."""
    from ota_stream.testing.loop import LoopThread  # noqa: PLC0415 - see above

    loop = LoopThread()
    yield loop
    loop.stop()


@pytest.fixture
def ota_cloud(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, ota_loop: LoopThread
) -> Iterator[LocalCloud]:
    """Give a cloud of the test's own: new, on free ports. The marker of this name has its settings."""
    from ota_stream.testing import LocalCloud  # noqa: PLC0415 - see above

    marker = request.node.get_closest_marker("ota_cloud")
    settings: dict[str, Any] = {} if marker is None else marker.kwargs
    cloud = LocalCloud(tmp_path_factory.mktemp("ota-cloud"), ota_loop, **settings).start()
    yield cloud
    cloud.stop(wait=False)


@pytest.fixture
def ota_thing(ota_cloud: LocalCloud) -> str:
    """Give the name of a thing there is."""
    return ota_cloud.create_thing(THING)


@pytest.fixture
def ota_device(ota_cloud: LocalCloud, ota_thing: str) -> Device:
    """Give a simulated device for `ota_thing`."""
    return ota_cloud.device(ota_thing)


@pytest.fixture
def ota_update(ota_cloud: LocalCloud, ota_thing: str) -> MakesUpdates:
    """Give a function that makes an update of an image."""

    def make(image: bytes, *things: str, **how: Any) -> Update:  # noqa: ANN401 - another function's
        return ota_cloud.create_update(image, *(things or (ota_thing,)), **how)

    return make


@pytest.fixture
def ota_clock(ota_cloud: LocalCloud) -> Clock:
    """Give the cloud's time."""
    return ota_cloud.clock


@pytest.fixture
def ota_faults(ota_cloud: LocalCloud) -> Faults:
    """Give the cloud's faults; none is set."""
    return ota_cloud.faults


@pytest.fixture
def ota_records(ota_cloud: LocalCloud) -> Callable[..., list[dict[str, Any]]]:
    """Give a function that returns what the cloud has recorded: `LocalCloud.records`."""
    return ota_cloud.records


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show what the cloud has recorded, and what it finds wrong, beside why a test failed."""
    report = yield
    cloud: LocalCloud | None = getattr(item, "funcargs", {}).get("ota_cloud")
    if report.when == "call" and report.failed and cloud is not None:
        report.sections.append(("AWSIoTLogsV2 records", _shown(lambda: _records(cloud))))
        report.sections.append(("diagnosis", _shown(lambda: _findings(cloud))))
    return report


def _shown(lines: Callable[[], list[str]]) -> str:
    try:
        return "\n".join(lines()) or "none"
    except (OtaStreamError, TimeoutError) as error:  # it must not hide why the test failed
        return f"cannot be read: {error}"


def _records(cloud: LocalCloud) -> list[str]:
    records = cloud.records()
    left_out = [f"({len(records) - SHOWN_MAX} before)"] if len(records) > SHOWN_MAX else []
    return [*left_out, *(json.dumps(record) for record in records[-SHOWN_MAX:])]


def _findings(cloud: LocalCloud) -> list[str]:
    from msgspec import to_builtins  # noqa: PLC0415 - see above

    from ota_stream.cli.diagnose import lines  # noqa: PLC0415

    return [lines(to_builtins(finding)) for finding in cloud.diagnosis()[-SHOWN_MAX:]]
