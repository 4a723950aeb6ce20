"""A fleet tells the console of its simulator how it stands, and nobody minds when none is there."""

import json
from pathlib import Path
from urllib.request import urlopen

from typer.testing import CliRunner

from images import image_bytes
from ota_stream.cli import app
from ota_stream.testing import LocalCloud


def load(stream_id: str, *where: object) -> None:
    arguments = ["load", "--things", 5, "--stream", stream_id, *where]
    result = CliRunner().invoke(app, [str(each) for each in arguments])
    assert result.exit_code == 0, result.output


def test_a_fleet_is_seen_by_its_simulator(tmp_path: Path):
    with LocalCloud(tmp_path) as cloud:
        stream_id = cloud.create_update(image_bytes(20_000), "dev1").stream_id or ""
        load(stream_id, "--data-dir", tmp_path)
        with urlopen(f"{cloud.http}/_ota/console/fleet.json") as answer:  # noqa: S310 - http
            (fleet,) = json.load(answer)["fleets"]
        assert (fleet["title"], fleet["things"], fleet["ended"]) == (f"load: 5 things, stream {stream_id}", 5, True)
        assert all(0 <= moment["at"] < 60 for moment in fleet["moments"])  # since its start, whenever the machine's was
        assert (fleet["stages"]["succeeded"], fleet["moments"][-1]["stages"]["succeeded"]) == (5, 5)


def test_a_fleet_at_a_broker_that_is_only_named_tells_nobody(tmp_path: Path):
    with LocalCloud(tmp_path / "data") as cloud:
        stream_id = cloud.create_update(image_bytes(2_000), "dev1").stream_id or ""
        host, port = cloud.mqtt
        load(stream_id, "--host", host, "--port", port)
        assert json.loads(urlopen(f"{cloud.http}/_ota/console/fleet.json").read()) == {"fleets": []}  # noqa: S310 - http
