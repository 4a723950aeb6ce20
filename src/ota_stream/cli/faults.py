"""`ota-stream faults`: what goes wrong between the cloud and devices, on purpose, while the simulator runs."""

from typing import Annotated, Any, Final

import typer

from ota_stream.cli import tables
from ota_stream.cli.control_client import connect
from ota_stream.cli.endpoints import DataDirOption, EndpointUrlOption
from ota_stream.cli.tables import AsJsonOption
from ota_stream.faults import kinds
from ota_stream.faults.kinds import KINDS, FaultError
from ota_stream.stores.datadir import DEFAULT

faults_app: Final = typer.Typer(help="What is to go wrong, and for whom (docs/faults.md).", no_args_is_help=True)

_OWN: Final = ("fault", "name", "hits")  # members with a column of their own


@faults_app.command("add")
def add(
    kind: Annotated[str, typer.Argument(metavar="KIND", help=" | ".join(KINDS))],
    name: Annotated[str | None, typer.Option(help="What to call it.  [default: the kind and a number]")] = None,
    thing: Annotated[str | None, typer.Option(help="Of things of this name; * and ? stand for others.")] = None,
    stream: Annotated[str | None, typer.Option(help="About this stream.")] = None,
    job: Annotated[str | None, typer.Option(help="About this job.")] = None,
    operation: Annotated[
        str | None, typer.Option(help="GetStream, UpdateJobExecution, GetObject (by HTTP), ..")
    ] = None,
    file: Annotated[int | None, typer.Option(help="About this file id of a stream.")] = None,
    object_key: Annotated[
        str | None, typer.Option(metavar="BUCKET/KEY", help="About downloads of this object over HTTP.")
    ] = None,
    blocks: Annotated[str | None, typer.Option(metavar="RANGE", help="About these blocks: 7, 3-9 or 3-")] = None,
    attempts: Annotated[str | None, typer.Option(metavar="RANGE", help="Only these times of the same: 1, 2-")] = None,
    times: Annotated[int | None, typer.Option(min=1, help="No more than so often, all in all.")] = None,
    share: Annotated[float | None, typer.Option(help="Of those, this share: 0.05.")] = None,
    seed: Annotated[int | None, typer.Option(help="What decides which.")] = None,
    since: Annotated[float | None, typer.Option(help="Begin after so many seconds.")] = None,
    until: Annotated[float | None, typer.Option(help="End after so many seconds.")] = None,
    option: Annotated[
        list[str] | None, typer.Option("--option", "-O", help="An attribute of the kind, as NAME=VALUE.")
    ] = None,
    data_dir: DataDirOption = DEFAULT,
    endpoint_url: EndpointUrlOption = None,
) -> None:
    """Set a fault; it holds at once, for everybody who is connected.

    Examples:
      ota-stream faults add drop --thing door-lock-7 --blocks 3-9 --attempts 1

      ota-stream faults add reject --operation UpdateJobExecution -O code=VersionMismatch --share 0.1 --seed 4
    """
    criteria: dict[str, Any] = {
        "name": name,
        "thing": thing,
        "stream": stream,
        "job": job,
        "operation": operation,
        "file": file,
        "object_key": object_key,
        "blocks": blocks,
        "attempts": attempts,
        "times": times,
        "share": share,
        "seed": seed,
        "since": since,
        "until": until,
    }
    given = {key: value for key, value in criteria.items() if value is not None}
    fault = kinds.read({"fault": kind, **given, **dict(_attribute(text) for text in option or [])})
    made = connect(data_dir, endpoint_url).post("faults", body=fault.shown())
    typer.echo(f"fault {made['name']} is set")


@faults_app.command("list")
def show(
    as_json: AsJsonOption = False, data_dir: DataDirOption = DEFAULT, endpoint_url: EndpointUrlOption = None
) -> None:
    """Show the faults that are set, and how many messages each has hit."""
    found = connect(data_dir, endpoint_url).get("faults")
    if as_json:
        tables.as_json(found)
        return
    rows = [
        (each["name"], each["fault"], each["hits"], ", ".join(f"{key} {each[key]}" for key in each if key not in _OWN))
        for each in found["faults"]
    ]
    tables.rows(("NAME", "FAULT", "HITS", "WHICH"), rows)


@faults_app.command("remove")
def remove(
    name: Annotated[str, typer.Argument(metavar="NAME", help="As `list` shows it.")],
    data_dir: DataDirOption = DEFAULT,
    endpoint_url: EndpointUrlOption = None,
) -> None:
    """Remove a fault; what it has delayed still comes."""
    connect(data_dir, endpoint_url).delete("faults", name)
    typer.echo(f"fault {name} is removed")


@faults_app.command("clear")
def clear(data_dir: DataDirOption = DEFAULT, endpoint_url: EndpointUrlOption = None) -> None:
    """Remove all faults."""
    connect(data_dir, endpoint_url).delete("faults")
    typer.echo("no fault is set")


def _attribute(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise FaultError(f"option {text!r}: write it as NAME=VALUE, for example -O seconds=2")
    return name, value
