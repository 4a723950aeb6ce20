"""`ota-stream policy`: whether a thing may do something, and why not, and the least policy for what it used."""

import json
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.markup import escape

from ota_broker.front.notices import escaped
from ota_broker.offline import stored_policies
from ota_stream.api.rulings import ACTIONS
from ota_stream.cli import control_client
from ota_stream.cli.endpoints import DataDirOption, EndpointError, EndpointUrlOption
from ota_stream.errors import OtaStreamError
from ota_stream.logs.filters import QueryError
from ota_stream.policies import documents
from ota_stream.policies.actions import Action, resource_of
from ota_stream.policies.judgement import Asker, judge
from ota_stream.policies.principals import Policy, ThingView
from ota_stream.stores.datadir import DEFAULT

policy_app: Final = typer.Typer(help="IoT policies: what a thing may do, and what it needs.", no_args_is_help=True)

_ARN: Final = "arn:aws:iot:us-east-1:123456789012"
_Rulings = list[tuple[str, str | None]]  # whose policies were asked, and the rule that says no

ThingOption = Annotated[str, typer.Option("--thing", metavar="NAME", help="The thing, which is the client id too.")]


class PolicyFileError(OtaStreamError):
    """A file has no policy in it."""


@policy_app.command("check")
def check(
    action: Annotated[str, typer.Argument(metavar="ACTION", help=" | ".join(ACTIONS))],
    name: Annotated[str, typer.Argument(metavar="TOPIC", help="A topic, a filter, or for CONNECT a client id.")],
    thing: ThingOption,
    policy: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Ask this document instead; no simulator is needed.")
    ] = None,
    arn: Annotated[str, typer.Option(help="With --policy: region and account.")] = _ARN,
    data_dir: DataDirOption = DEFAULT,
    endpoint_url: EndpointUrlOption = None,
) -> None:
    """Tell whether a thing may do something, and the rule that says no. Exit code 0 when it may, 1 when not.

    Examples:
      ota-stream policy check --thing door-lock-7 PUBLISH '$aws/things/door-lock-7/jobs/get'

      ota-stream policy check --thing door-lock-7 --policy thing.json SUBSCRIBE '#'
    """
    asked = ACTIONS.get(action.upper())
    if asked is None:
        raise QueryError(f"action {action!r}: use one of {', '.join(ACTIONS)}")
    if policy is None:
        rulings = _asked(data_dir, endpoint_url, thing, asked, name)
    else:
        rulings = [(str(policy), _judged(policy, asked, name, Asker(arn, thing, "127.0.0.1", ThingView(thing))))]
    console = Console(highlight=False, soft_wrap=True)
    for by, rule in rulings:
        _tell(console, f"{asked} on {resource_of(asked, name)}", by, rule)
    if any(rule is not None for _, rule in rulings):
        raise typer.Exit(1)


@policy_app.command("suggest")
def suggest(thing: ThingOption, data_dir: DataDirOption = DEFAULT, endpoint_url: EndpointUrlOption = None) -> None:
    """Print the least policy for what a thing used since the simulator started.

    Examples:
      ota-stream policy suggest --thing door-lock-7 > thing.json
    """
    answer = control_client.connect(data_dir, endpoint_url).get("things", thing, "least-policy")
    typer.echo(json.dumps(answer["policyDocument"], indent=2))


def _asked(data_dir: Path, endpoint_url: str | None, thing: str, action: Action, name: str) -> _Rulings:
    """Ask the simulator, or what it has kept when none runs."""
    try:
        client = control_client.connect(data_dir, endpoint_url)
    except EndpointError:
        if endpoint_url is not None or not data_dir.is_dir():
            raise
        return [(ruling.by, ruling.rule) for ruling in stored_policies(data_dir).check(thing, action, name)]
    answer = client.get("things", thing, "rulings", action=action.name.replace("_", "-"), name=name)
    return [(each["by"], each["rule"]) for each in answer["rulings"]]


def _judged(path: Path, action: Action, name: str, asker: Asker) -> str | None:
    try:
        document = path.read_text(encoding="utf-8")
        documents.check(document)
    except OSError as error:
        raise PolicyFileError(f"policy {path}: {error.strerror}") from error
    except UnicodeDecodeError:
        raise PolicyFileError(f"policy {path} is not UTF-8") from None
    except documents.MalformedPolicy as error:
        raise PolicyFileError(f"policy {path}: {error.reason}") from None
    return judge([Policy(path.stem, document)], action, name, asker)


def _tell(console: Console, what: str, by: str, rule: str | None) -> None:
    ruling = "[green]allowed[/]" if rule is None else "[red]denied[/]"
    why = "" if rule is None else f": {rule}"
    console.print(f"{ruling} {escape(escaped(what))} by {escape(escaped(by + why))}")
