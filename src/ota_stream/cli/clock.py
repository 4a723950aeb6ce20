"""`ota-stream clock`: stop, move and speed up the time of a running simulator."""

from typing import Annotated, Any

import typer

from ota_stream.cli import tables
from ota_stream.cli.control_client import connect
from ota_stream.cli.endpoints import DataDirOption, EndpointUrlOption
from ota_stream.cli.tables import AsJsonOption
from ota_stream.logs.filters import seconds
from ota_stream.stores.datadir import DEFAULT

clock_app = typer.Typer(help="Move the time of a simulator started with --clock manual.", no_args_is_help=True)


@clock_app.command("show")
def show(
    as_json: AsJsonOption = False, data_dir: DataDirOption = DEFAULT, endpoint_url: EndpointUrlOption = None
) -> None:
    """Show what time it is for the simulator, and how fast it passes."""
    _print(connect(data_dir, endpoint_url).get("clock"), as_json=as_json)


@clock_app.command("freeze")
def freeze(
    as_json: AsJsonOption = False, data_dir: DataDirOption = DEFAULT, endpoint_url: EndpointUrlOption = None
) -> None:
    """Stop time: nothing times out until it is moved."""
    _print(connect(data_dir, endpoint_url).put("clock", body={"speed": 0}), as_json=as_json)


@clock_app.command("follow")
def follow(
    as_json: AsJsonOption = False, data_dir: DataDirOption = DEFAULT, endpoint_url: EndpointUrlOption = None
) -> None:
    """Go on from here, as fast as the machine's clock."""
    _print(connect(data_dir, endpoint_url).put("clock", body={"speed": 1}), as_json=as_json)


@clock_app.command("speed")
def speed(
    times: Annotated[float, typer.Argument(help="How many times as fast as the machine's clock.")],
    as_json: AsJsonOption = False,
    data_dir: DataDirOption = DEFAULT,
    endpoint_url: EndpointUrlOption = None,
) -> None:
    """Go on from here, so many times as fast.

    Example: ota-stream clock speed 100
    """
    _print(connect(data_dir, endpoint_url).put("clock", body={"speed": times}), as_json=as_json)


@clock_app.command("step")
def step(
    time: Annotated[str, typer.Argument(help="How much time passes: 30s, 5m, 12h, 7d.")],
    as_json: AsJsonOption = False,
    data_dir: DataDirOption = DEFAULT,
    endpoint_url: EndpointUrlOption = None,
) -> None:
    """Let time pass at once; everything that is due on the way happens at its moment.

    Example: ota-stream clock step 7d
    """
    _print(connect(data_dir, endpoint_url).post("clock", "steps", body={"seconds": seconds(time)}), as_json=as_json)


def _print(found: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        tables.as_json(found)
        return
    pace = "frozen" if found["speed"] == 0 else f"{found['speed']:g} x"
    ahead = f"{found['ahead']:.0f} s"
    tables.fields([("now", tables.moment(found["now"])), ("speed", pace), ("ahead", ahead)])
