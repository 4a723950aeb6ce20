"""`ota-stream top`: a moment in lines, in a picture, and of a real simulator."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner

from images import image_bytes
from live import RawClient
from ota_stream.cli import app, top
from ota_stream.testing import LocalCloud


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[LocalCloud]:
    with LocalCloud(tmp_path) as made:
        yield made


def printed(cloud: LocalCloud) -> list[str]:
    result = CliRunner().invoke(app, ["top", "--once", "--endpoint-url", cloud.http])
    assert result.exit_code == 0, result.output
    return result.output.splitlines()


def test_a_moment_of_a_real_simulator(cloud: LocalCloud):
    update = cloud.create_update(image_bytes(48_000), "dev1", "dev2")
    assert printed(cloud) == [
        "0 connected, 1 streams, 0.0 requests/s, 0.00 MiB/s",
        f"update {update.ota_update_id}: CREATE_COMPLETE, 0 of 2 succeeded, 2 under way",
    ]
    with RawClient(cloud.mqtt) as device:
        device.connect("dev1")
        device.publish(f"$aws/things/dev1/streams/{update.stream_id}/get/json", b'{"f":0,"l":1000,"n":12}')
        device.messages()
        last = printed(cloud)
    assert last[0].startswith("1 connected")
    assert last[2] == f"dev1: 12 of 48 blocks of {update.stream_id} file 0, 0 again {'█' * 12}{'·' * 36}"


def test_where_other_machines_can_look_it_brings_the_token(tmp_path: Path):
    with LocalCloud(tmp_path, host="0.0.0.0", insecure=True) as cloud:  # noqa: S104 - on purpose
        arguments = ["top", "--once", "--endpoint-url", cloud.http]
        assert "401" in str(CliRunner().invoke(app, arguments).exception)
        login = cloud._simulator.console_token or ""
        assert CliRunner().invoke(app, [*arguments, "--login", login]).output.startswith("0 connected")


def download(*runs: tuple[str, int]) -> dict[str, Any]:
    return {"map": [list(run) for run in runs]}


def test_cells_that_share_a_place_show_the_more_telling_one():
    assert top.cells(download(("sent", 3), ("missing", 2))) == ["sent"] * 3 + ["missing"] * 2
    assert top.cells(download(("sent", 49), ("repeated", 1), ("missing", 46))) == [
        *["sent"] * 24,
        "repeated",
        *["missing"] * 23,
    ]
    assert top.cells(download(("sent", 1), ("missing", 95)))[:2] == ["part", "missing"]


def test_nothing_that_a_device_says_reaches_the_terminal_as_more_than_text():
    download: dict[str, Any] = {
        "thingName": "\x1b[31mred[bold]x[/bold]",
        "sent": 1,
        "blocks": 2,
        "streamId": "fw",
        "fileId": 0,
        "repeated": 0,
        "bytesPerSecond": 2 * 1024 * 1024,
        "map": [["sent", 1], ["missing", 1]],
    }
    update = {"otaUpdateId": "u", "otaUpdateStatus": "CREATE_FAILED", "counts": None}
    view = top.View(3, [{"requestsPerSecond": 1.5}], [update], [download])
    console = Console(width=160, record=True, file=None, force_terminal=False)
    with console.capture() as captured:
        console.print(top.picture(view))
    shown = captured.get()
    assert "\x1b" not in shown + "".join(top.lines(view))
    assert "[bold]x[/bold]" in shown
    assert "1.5 requests/s, 2.00 MiB/s" in shown
