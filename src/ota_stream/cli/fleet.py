"""`ota-stream fleet`: classes of simulated things from a file, with bad lines, power cuts and faults."""

from pathlib import Path
from typing import Annotated, Final

import typer
from msgspec.structs import replace

from ota_device import versions
from ota_device.flavours import FLAVOURS
from ota_device.fleet import identities, scenario
from ota_device.fleet.engine import Plan
from ota_device.fleet.located import BadFile
from ota_device.fleet.mqtt import Level
from ota_device.fleet.report import Expectation
from ota_device.fleet.scenario import Endpoint, Mqtt, Scenario, Things
from ota_device.fleet.site import Target
from ota_device.fleet.traits import Duty, Traits
from ota_device.station import FIRST_VERSION
from ota_stream.cli.control_client import connect
from ota_stream.cli.endpoints import DataDirOption, EndpointUrlOption, mqtt
from ota_stream.cli.fleet_cloud import Cloud, beside
from ota_stream.cli.fleet_run import FleetError, MetricsOption, ReportOption, Run, run, sized
from ota_stream.cli.fleet_work import Job, Stream, Update, Work, giver
from ota_stream.faults import kinds
from ota_stream.faults.fault import Fault
from ota_stream.faults.kinds import FaultError
from ota_stream.stores.datadir import DEFAULT

LEVELS: Final = {Mqtt.V311: Level.V311, Mqtt.V5: Level.V5}


def fleet(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The fleet, in YAML: docs/fleets.md.")],
    *,
    seed: Annotated[int | None, typer.Option(help="Another seed than the file's.")] = None,
    check: Annotated[bool, typer.Option("--check", help="Only read the file, and say what is wrong with it.")] = False,
    data_dir: DataDirOption = DEFAULT,
    endpoint_url: EndpointUrlOption = None,
    report: ReportOption = None,
    metrics_port: MetricsOption = None,
) -> None:
    """Run a fleet of things as a file describes it: classes, lines, power cuts, faults, and what is expected.

    The exit code is 0 only when the fleet did what the file expects.

    Examples:

      ota-stream fleet examples/fleet.yaml --report out

      ota-stream fleet examples/fleet.yaml --check
    """  # noqa: D412 - typer joins the lines of a paragraph
    read = _read(file)
    classes = tuple(_traits(things) for things in read.classes)
    plan = Plan(classes, float(read.limit), read.seed if seed is None else seed)
    work = _work(read, file.parent, data_dir, endpoint_url)
    faults = _faults(read, file)
    if faults and read.target is not None and endpoint_url is None:
        raise FleetError(
            f"{file}: faults are set at the running simulator: leave out `target`, or say by --endpoint-url where it is"
        )
    if check:
        if read.target is not None:
            _target(read.target, plan, file.parent, data_dir)
        typer.echo(f"{file}: {plan.count} things, nothing wrong")
        return
    target = _target(read.target, plan, file.parent, data_dir)
    within = None if read.expect.within is None else float(read.expect.within)
    expectation = Expectation(read.expect.unexpected, within)
    cloud = beside(data_dir, endpoint_url) if read.target is None or endpoint_url is not None else None
    if faults:
        cloud = Cloud(connect(data_dir, endpoint_url), faults)
    run(Run(read.title, plan, target, giver(work, plan), expectation, report, metrics_port, cloud))


def _read(file: Path) -> Scenario:
    try:
        return scenario.read(file.read_text(encoding="utf-8"))
    except BadFile as error:
        raise FleetError("\n".join(f"{file}:{each.line}: {each}" for each in error.mistakes)) from None
    except OSError as error:
        raise FleetError(f"{file} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError:
        raise FleetError(f"{file} is no text in UTF-8") from None


def _faults(read: Scenario, file: Path) -> tuple[Fault, ...]:
    made: list[Fault] = []
    for number, members in enumerate(read.faults):
        try:
            made.append(kinds.read(members))
        except FaultError as error:
            line = scenario.line_of(file.read_text(encoding="utf-8"), f"$.faults[{number}]")
            raise FleetError(f"{file}:{line}: {error}") from None
    return tuple(made)


def _traits(things: Things) -> Traits:
    duty = things.duty
    traits = Traits(
        name=things.name,
        count=things.count,
        thing=things.thing,
        flavour=replace(FLAVOURS[things.flavour], speaks=(things.protocol.upper(),)),
        version=versions.parse(things.version) or FIRST_VERSION,
        bandwidth=things.bandwidth,
        latency=things.latency,
        jitter=things.jitter,
        loss=things.loss,
        duty=None if duty is None else Duty(duty.online, duty.offline),
        power_cuts=things.power_cuts,
        failures={fault: float(share) for fault, share in things.failures.items()},
        ramp=things.ramp,
        spread=things.spread,
        reboot=things.reboot,
    )
    return sized(traits, things.format, things.block_size, things.window, things.retry)


def _target(endpoint: Endpoint | None, plan: Plan, folder: Path, data_dir: Path) -> Target:
    if endpoint is None:
        return Target(*mqtt(data_dir))
    target = Target(endpoint.host, endpoint.port, LEVELS[endpoint.mqtt])
    tls = endpoint.tls
    if tls is None:
        return target
    certificates = None if tls.certificates is None else folder / tls.certificates
    if certificates is not None:
        identities.check(list(plan.names()), certificates)
    ca = None if tls.ca is None else folder / tls.ca
    return replace(target, context=identities.contexts(certificates, ca), server_name=tls.name)


def _work(read: Scenario, folder: Path, data_dir: Path, endpoint_url: str | None) -> Work:
    match read.work:
        case scenario.StreamWork():
            work = read.work
            return Stream(work.stream, work.file_id, work.sha256, float(work.again))
        case scenario.UpdateWork():
            return Update(_readable("firmware", folder / read.work.firmware), data_dir, endpoint_url)
        case scenario.JobWork():
            path = folder / read.work.certificate
            return Job(_readable("certificate", path).read_bytes())


def _readable(what: str, path: Path) -> Path:
    try:
        path.open("rb").close()
    except OSError as error:
        raise FleetError(f"{what} {path} cannot be read: {error.strerror}") from error
    return path
