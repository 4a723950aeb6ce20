"""`ota-stream scenario`: named things that go wrong, played against a simulated device or an agent of your own."""

import logging
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final

import typer

from ota_device.flavours import FlavourName
from ota_stream.cli import tables
from ota_stream.cli.certs import write_identity
from ota_stream.cli.logs import printable
from ota_stream.scenarios import report as reports
from ota_stream.scenarios import scenario as scenarios
from ota_stream.scenarios import stage
from ota_stream.scenarios.agents import Program, SimulatedAgent
from ota_stream.scenarios.scenario import Scenario, ScenarioError
from ota_stream.scenarios.verdict import Result, Verdict, summary

scenario_app: Final = typer.Typer(
    help="What an agent has to cope with, by name (docs/scenarios.md).", no_args_is_help=True
)


@scenario_app.command("list")
def show_all() -> None:
    """Show the scenarios there are."""
    tables.rows(("NAME", "TITLE"), [(name, found.title) for name, found in scenarios.chosen(())])


@scenario_app.command("show")
def show(name: Annotated[str, typer.Argument(metavar="NAME", help="As `list` shows it.")]) -> None:
    """Print a scenario as it is written: to read, or to write another like it.

    Example:
      ota-stream scenario show block-lost-once
    """
    typer.echo(scenarios.text(name).rstrip("\n"))


@scenario_app.command("run")
def run(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME]...", help="Names, or YAML files of your own.  [default: all]")
    ] = None,
    agent: Annotated[
        str | None,
        typer.Option(metavar="COMMAND", help="Your agent: {host}, {port}, {thing}, .. stand for what it needs."),
    ] = None,
    http: Annotated[bool, typer.Option("--http", help="Your agent downloads by HTTP too.")] = False,
    flavour: Annotated[
        FlavourName, typer.Option(help="Which simulated agent, without --agent.")
    ] = FlavourName.FREERTOS,
    limit: Annotated[float, typer.Option(min=0.1, help="Seconds that a scenario may take.")] = stage.LIMIT,
    report: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write JSON, JUnit and HTML into this directory.")
    ] = None,
) -> None:
    """Play scenarios, and say what was as it should be. The exit code is 1 when something was not.

    Each has a cloud of its own, on free ports, that is gone afterwards.

    Examples:
      ota-stream scenario run block-lost-once disconnect-resume

      ota-stream scenario run --agent "python examples/own_agent.py {host} {port} {thing} {flash} {signer}"
    """
    program = None if agent is None else Program(agent, ("MQTT", "HTTP") if http else ("MQTT",))
    results: list[Result] = []
    with _quiet():
        for name, scenario in _chosen(names or []):
            result = _play(name, scenario, program, flavour, limit)
            results.append(result)
            _tell(result)
    if report is not None:
        reports.write(report, results)
    typer.echo(summary(results))
    if any(result.verdict is Verdict.MISSED for result in results):
        raise typer.Exit(1)


@contextmanager
def _quiet() -> Generator[None]:
    """Let the broker keep to itself what it notices: that is what is played."""
    broker = logging.getLogger("ota_broker")
    level = broker.level
    broker.setLevel(logging.ERROR)
    try:
        yield
    finally:
        broker.setLevel(level)


def _chosen(names: list[str]) -> list[tuple[str, Scenario]]:
    if not names:
        return list(scenarios.chosen(()))
    return [
        _from_file(Path(name)) if name.endswith((".yaml", ".yml")) else (name, scenarios.find(name)) for name in names
    ]


def _from_file(path: Path) -> tuple[str, Scenario]:
    try:
        return path.stem, scenarios.read(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ScenarioError(f"scenario {path} cannot be read: {error}") from None
    except ScenarioError as error:
        raise ScenarioError(f"scenario {path}: {error}") from None


def _play(name: str, scenario: Scenario, program: Program | None, flavour: FlavourName, limit: float) -> Result:
    if program is None:
        return stage.play(name, scenario, lambda: SimulatedAgent(scenario, flavour), write_identity, limit)
    if unfit := program.unfit(scenario):
        return Result(name, scenario.title, (), 0.0, skipped=unfit)
    return stage.play(name, scenario, program.again, write_identity, limit)


def _tell(result: Result) -> None:
    typer.echo(f"{result.name}: {result.title} ({result.seconds:.1f} s)")
    if result.skipped:
        typer.echo(f"  skipped  {result.skipped}")
    for check in result.checks:
        typer.echo(printable(f"  ok       {check.what}" if check.is_met else f"  FAILED   {check.what}: {check.seen}"))
    if result.verdict is Verdict.MISSED:
        for line in result.lines[-10:]:
            typer.echo(printable(f"           | {line}"))
