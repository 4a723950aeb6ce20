"""`ota-stream load`: many simulated things at once, all of one kind."""

from pathlib import Path
from typing import Annotated, Final

import typer
from msgspec.structs import replace

from ota_device.flavours import FLAVOURS, FlavourName
from ota_device.fleet import identities, units
from ota_device.fleet.engine import Plan
from ota_device.fleet.mqtt import Level
from ota_device.fleet.report import Expectation
from ota_device.fleet.site import Target
from ota_device.fleet.traits import Traits
from ota_stream.cli.endpoints import DataDirOption, EndpointUrlOption, HostOption, PortOption, mqtt
from ota_stream.cli.fleet_cloud import beside
from ota_stream.cli.fleet_run import FleetError, MetricsOption, ReportOption, Run, run, sized
from ota_stream.cli.fleet_work import Stream, Update, Work, giver
from ota_stream.jobs.quotas import RATE_MAX
from ota_stream.names import is_stream_id, is_thing_name
from ota_stream.stores.datadir import DEFAULT
from ota_stream.streams.topics import Format

LIMIT: Final = "10m"
LEVELS: Final = {"3.1.1": Level.V311, "5": Level.V5}


def load(
    things: Annotated[int, typer.Option(min=1, help="How many.")],
    *,
    stream: Annotated[str | None, typer.Option(metavar="ID", help="Download this stream.")] = None,
    file_id: Annotated[int, typer.Option(help="Which file of the stream.")] = 0,
    sha256: Annotated[
        str | None, typer.Option(metavar="HEX", help="Hash of that file.  [default: all things have to agree]")
    ] = None,
    update: Annotated[
        Path | None, typer.Option(metavar="FIRMWARE", help="Make an OTA update for all of them, and carry it out.")
    ] = None,
    flavour: Annotated[FlavourName, typer.Option(help="Which agent to play with --update.")] = FlavourName.FREERTOS,
    wire_format: Annotated[
        Format | None, typer.Option("--format", help="How messages of --stream are written.  [default: cbor]")
    ] = None,
    block_size: Annotated[
        int | None, typer.Option(min=1, help="Bytes a block.  [default: 4096, or the flavour's]")
    ] = None,
    window: Annotated[int | None, typer.Option(min=1, help="Blocks a request.  [default: 8, or the flavour's]")] = None,
    ramp: Annotated[str, typer.Option(metavar="N/s", help="How many things start a second.")] = "500/s",
    duration: Annotated[
        str | None, typer.Option(metavar="TIME", help="Download again and again for so long.  [default: once]")
    ] = None,
    limit: Annotated[
        str,
        typer.Option(
            metavar="TIME", help="End it after that, beside ramp, --duration or roll-out: what is not ready fails."
        ),
    ] = LIMIT,
    seed: Annotated[int, typer.Option(help="What everything by chance comes from.")] = 0,
    name: Annotated[str, typer.Option(help="Begin of the thing names; a number from 1 follows.")] = "thing-",
    mqtt_version: Annotated[str, typer.Option("--mqtt", metavar="3.1.1|5", help="Version of MQTT.")] = "3.1.1",
    host: HostOption = None,
    port: PortOption = None,
    data_dir: DataDirOption = DEFAULT,
    endpoint_url: EndpointUrlOption = None,
    certs: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Speak TLS: a certificate for each thing, as `certs` writes them."),
    ] = None,
    report: ReportOption = None,
    metrics_port: MetricsOption = None,
) -> None:
    """Run many things at once: each connects, downloads every block, verifies, and with --update reboots and reports.

    The exit code is 0 only when every thing succeeded.

    Examples:

      ota-stream load --things 1000 --stream firmware

      ota-stream load --things 10000 --stream firmware --ramp 2000/s --duration 60s --report out

      ota-stream load --things 500 --update build/app.bin --flavour modular-json
    """  # noqa: D412 - typer joins the lines of a paragraph
    if (stream is None) == (update is None):
        raise FleetError("say what to load with: either --stream ID or --update FIRMWARE")
    if update is not None and (duration, sha256, wire_format) != (None, None, None):
        raise FleetError(
            "--duration, --sha256 and --format go with --stream: an update is done once, as its agent does"
        )
    if stream is not None and not is_stream_id(stream):
        raise FleetError(f"stream id {stream!r}: use 1 to 128 of a-z A-Z 0-9 _ -")
    if mqtt_version not in LEVELS:
        raise FleetError(f"MQTT version {mqtt_version!r}: use 3.1.1 or 5")
    traits = Traits(
        count=things,
        thing=_pattern(name, things),
        flavour=FLAVOURS[flavour],
        ramp=given("--ramp", units.rate, ramp),
    )
    traits = sized(traits, wire_format or Format.CBOR, block_size, window)
    again = 0.0 if duration is None else given("--duration", units.seconds, duration)
    rollout = 60 * things / RATE_MAX if update is not None else 0.0
    work: Work
    if stream is not None:
        work = Stream(stream, file_id, sha256, again)
    else:
        work = Update(update or Path(), data_dir, endpoint_url)
    plan = Plan((traits,), given("--limit", units.seconds, limit) + things / traits.ramp + again + rollout, seed)
    target = Target(*mqtt(data_dir, tls=certs is not None, host=host, port=port), LEVELS[mqtt_version])
    title = f"load: {things} things, " + (f"stream {stream}" if stream else f"update {update}")
    if certs is not None:
        identities.check(list(plan.names()), certs)
        target = replace(target, context=identities.contexts(certs, None))
    cloud = beside(data_dir, endpoint_url) if (host, port) == (None, None) else None
    run(Run(title, plan, target, giver(work, plan), Expectation(), report, metrics_port, cloud))


def given(option: str, read: units.Read, text: str) -> float:
    """Read the value of an option. Raises FleetError."""
    try:
        value = read(text)
    except ValueError as error:
        raise FleetError(f"{option}: {error}") from None
    if not value:
        raise FleetError(f"{option}: with {text} nothing ever happens: give more")
    return value


def _pattern(begin: str, things: int) -> str:
    if not is_thing_name(f"{begin}{things}"):
        raise FleetError(f"--name {begin!r}: thing names have 1 to 128 of a-z A-Z 0-9 : _ -")
    return f"{begin}{{number}}"
