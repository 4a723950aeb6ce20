"""`ota-stream clock` over a running simulator: its time is stopped, moved and sped up."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ota_stream.cli import app
from ota_stream.errors import OtaStreamError
from ota_stream.testing import LocalCloud
from processes import CLI, Process, cli


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[LocalCloud]:
    with LocalCloud(tmp_path) as cloud:
        yield cloud


def run(cloud: LocalCloud, *words: str) -> None:
    app(["clock", *words, "--endpoint-url", cloud.http], standalone_mode=False)


def test_time_is_stopped_moved_and_sped_up(cloud: LocalCloud, capsys: pytest.CaptureFixture[str]):
    def found(*words: str) -> dict[str, Any]:
        run(cloud, *words, "--json")
        said: dict[str, Any] = json.loads(capsys.readouterr().out)
        return said

    assert found("freeze")["speed"] == 0
    frozen = found("show")["now"]
    assert found("step", "7d")["now"] == pytest.approx(frozen + 7 * 86_400)
    assert found("speed", "100")["speed"] == 100
    assert found("follow")["ahead"] > 6 * 86_400
    run(cloud, "show")
    assert "1 x" in capsys.readouterr().out


@pytest.mark.parametrize(
    "wrong", [("step", "soon"), ("speed", "1e9"), ("speed", "nan"), ("step", "400d"), ("step", "0s")]
)
def test_what_no_time_can_do_is_refused(cloud: LocalCloud, wrong: tuple[str, str]):
    with pytest.raises(OtaStreamError):
        run(cloud, *wrong)
    assert cloud.clock.now == pytest.approx(time.time(), abs=60)


def test_a_served_simulators_time_is_moved(tmp_path: Path):
    serve = (
        "serve",
        "--mqtt-port",
        "0",
        "--http-port",
        "0",
        "--data-dir",
        str(tmp_path),
        "--json",
        "--clock",
        "manual",
    )
    with Process(*CLI, *serve):
        moved = cli("clock", "step", "7d", "--data-dir", str(tmp_path))
        assert moved.returncode == 0, moved.stderr
        assert "604800 s" in moved.stdout


def test_the_machines_time_is_not_moved(tmp_path: Path):
    with LocalCloud(tmp_path, clock="system") as cloud, pytest.raises(OtaStreamError, match="--clock manual"):
        run(cloud, "step", "7d")
