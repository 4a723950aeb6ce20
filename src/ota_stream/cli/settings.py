"""`ota-stream settings`: the logging settings of the console, asked for in the order and the words of the console."""

from typing import Annotated, Any, Final, Protocol

import typer

from ota_stream.api.logging_account import AwsAccount
from ota_stream.cli import endpoints, tables
from ota_stream.cli.endpoints import DataDirOption, EndpointUrlOption
from ota_stream.logs import levels
from ota_stream.logs.filters import QueryError
from ota_stream.logs.levels import Level
from ota_stream.stores.datadir import DEFAULT

NEW: Final = "new"

_LEVELS: Final = ", ".join(level.capitalize() for level in reversed(Level))


class Account(Protocol):
    """What is asked of the account. Every method may raise ControlError."""

    def options(self) -> dict[str, Any] | None:
        """Return the answer of GetV2LoggingOptions, or None when nothing was set yet."""
        ...

    def create_role(self, name: str) -> str:
        """Make a role with all required permissions; return its ARN."""
        ...

    def role_arn(self, name: str) -> str:
        """Return the ARN of a role."""
        ...

    def set_options(self, role_arn: str, level: Level) -> None:
        """Call SetV2LoggingOptions."""
        ...


def settings(
    data_dir: DataDirOption = DEFAULT,
    endpoint_url: EndpointUrlOption = None,
    level: Annotated[str | None, typer.Option(metavar="LEVEL", help=f"Level of verbosity: {_LEVELS}.")] = None,
    role: Annotated[str | None, typer.Option(metavar="ROLE", help="An existing role, by name or ARN.")] = None,
    create_role: Annotated[str | None, typer.Option(metavar="NAME", help="Create a new role with this name.")] = None,
    show: Annotated[bool, typer.Option("--show", help="Show the settings and change nothing.")] = False,
) -> None:
    """Show and change the logging settings; asks for what the options leave open.

    Examples:
      ota-stream settings                                         asks
      ota-stream settings --level debug --create-role ota-logging asks nothing
      ota-stream settings --show
    """
    if role is not None and create_role is not None:
        raise QueryError("--role and --create-role are two ways to set the role: choose one")
    account: Account = AwsAccount.at(str(endpoints.find(data_dir, endpoint_url)))
    known = account.options()
    typer.echo("Logs")
    tables.fields(shown(known))
    if not show:
        change(account, known or {}, level=level, role=role, create_role=create_role)


def change(
    account: Account, known: dict[str, Any], *, level: str | None, role: str | None, create_role: str | None
) -> None:
    """Set what was given and ask for the rest.

    Raises:
        QueryError: a level or a role that is none.
        ControlError: the account refuses.
    """
    asks = level is None or (role is None and create_role is None)
    chosen = _level(level) if level is not None else _asked_level(known)
    if role is None and create_role is None:
        role, create_role = _asked_role(known.get("roleArn"))
    if asks and not typer.confirm("Update", default=True):
        return
    arn = account.create_role(create_role) if create_role is not None else _arn(account, role or "")
    account.set_options(arn, chosen)
    tables.fields([("Level of verbosity", chosen.capitalize()), ("Role", arn)])
    if chosen is not Level.DEBUG:
        typer.echo("note: OTA records are written at Debug only")  # LC-2


def shown(options: dict[str, Any] | None) -> list[tuple[str, object]]:
    """Return names and values of the settings, for a person."""
    if options is None:
        return [("Level of verbosity", "not set"), ("Role", "not set")]
    level = str(options.get("defaultLogLevel") or Level.DISABLED)
    return [
        ("Level of verbosity", "Disabled" if options.get("disableAllLogs") else level.capitalize()),
        ("Role", options.get("roleArn") or "not set"),
    ]


def _level(text: str) -> Level:
    level = levels.find(text)
    if level is None:
        raise QueryError(f"level of verbosity {text!r}: use one of {_LEVELS}")
    return level


def _asked_level(known: dict[str, Any]) -> Level:
    default = str(known.get("defaultLogLevel") or Level.DEBUG).capitalize()
    return _level(typer.prompt(f"Level of verbosity ({_LEVELS})", default=default))


def _asked_role(current: str | None) -> tuple[str | None, str | None]:
    """Return the existing role, or the name of the one to create."""
    answer: str = typer.prompt(f"Set role (a name or ARN, or {NEW!r} to create new)", default=current or NEW)
    if answer != NEW:
        return answer, None
    return None, typer.prompt("Name (unique; the role is created with all required permissions)")


def _arn(account: Account, role: str) -> str:
    return role if role.startswith("arn:") else account.role_arn(role)
