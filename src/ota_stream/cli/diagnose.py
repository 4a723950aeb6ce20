"""`ota-stream diagnose`: what is wrong with the way devices talk to a running simulator, and what to do."""

import json
import time
from typing import Annotated, Any, Final

import typer

from ota_stream.cli.control_client import ControlClient, connect
from ota_stream.cli.endpoints import DataDirOption, EndpointUrlOption
from ota_stream.cli.logs import printable
from ota_stream.stores.datadir import DEFAULT

PAUSE: Final = 0.2  # seconds between two looks

ThingOption = Annotated[str | None, typer.Option(metavar="NAME", help="Only what was found at this thing.")]
FollowOption = Annotated[bool, typer.Option("--follow", "-f", help="Go on with what is found from now on.")]
AsJsonOption = Annotated[bool, typer.Option("--json", help="Print a JSON line a finding.")]


def diagnose(
    thing: ThingOption = None,
    follow: FollowOption = False,
    as_json: AsJsonOption = False,
    data_dir: DataDirOption = DEFAULT,
    endpoint_url: EndpointUrlOption = None,
) -> None:
    """Say what is wrong with the way devices talk to the cloud, by which rule, and what to do.

    A simulator watches a hundred things at a time; ota-stream serve --diagnose says how many.

    Examples:
      ota-stream diagnose

      ota-stream diagnose --thing door-lock-7 --follow
    """
    client = connect(data_dir, endpoint_url)
    last = _show(client, thing, 0, as_json=as_json, silence=not follow and not as_json)
    while follow:
        time.sleep(PAUSE)
        last = _show(client, thing, last, as_json=as_json)


def _show(client: ControlClient, thing: str | None, since: int, *, as_json: bool, silence: bool = False) -> int:
    query = {"since": since} if thing is None else {"since": since, "thing": thing}
    told = client.get("diagnosis", **query)
    found: list[dict[str, Any]] = told["findings"]
    if told["unheard"] and not since:
        unheard, watched = told["unheard"], told["watched"]
        why = f"{watched} things are watched at a time: ota-stream serve --diagnose THINGS watches more"
        typer.echo(f"{unheard:,} messages of other things were not looked at; {why}", err=True)
    for finding in found:
        typer.echo(json.dumps(finding) if as_json else lines(finding))
    if silence and not found:
        typer.echo(_nothing(thing, told["heard"]), err=True)
    return found[-1]["number"] if found else since


def _nothing(thing: str | None, heard: int) -> str:
    """Return why there is no finding: all is well, or there was nothing to look at."""
    if heard:
        return "nothing found"
    if thing is None:
        return "nothing found: no device has asked for anything yet"
    return f"nothing was heard of {printable(repr(thing))}: is it connected, and is that the thing name in its topics?"


def lines(finding: dict[str, Any]) -> str:
    """Return a finding as a person reads it."""
    times = "" if finding["times"] == 1 else f" ({finding['times']} times)"
    return "\n".join(
        (
            printable(f"{finding['thing']}: {finding['wrong']}{times}  [{finding['kind']}, {finding['rule']}]"),
            printable(f"    {finding['seen']}"),
            printable(f"    -> {finding['remedy']}"),
        )
    )
