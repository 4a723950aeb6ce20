"""`ota-stream settings`: the logging settings of the console, asked for in the order and the words of the console."""

import json
from collections.abc import Callable
from contextlib import suppress
from typing import Annotated, Any, Final, Protocol

import typer

from ota_stream.cli import endpoints, tables
from ota_stream.cli.control_client import CallError
from ota_stream.cli.endpoints import DataDirOption, EndpointUrlOption
from ota_stream.logs import levels, roles
from ota_stream.logs.filters import QueryError
from ota_stream.logs.levels import Level
from ota_stream.stores.datadir import DEFAULT

NEW: Final = "new"

_LEVELS: Final = ", ".join(level.capitalize() for level in reversed(Level))


class Account(Protocol):
    """What is asked of the account. Every method may raise CallError."""

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
    account = _account(str(endpoints.find(data_dir, endpoint_url)))
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
        CallError: the account refuses.
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


class AwsAccount:
    """The account behind an endpoint, through the clients of an AWS SDK."""

    def __init__(self, client: Callable[[str], Any]) -> None:
        self._iot = client("iot")
        self._iam = client("iam")

    def options(self) -> dict[str, Any] | None:
        """Return the answer of GetV2LoggingOptions, or None when nothing was set yet."""
        try:
            answer: dict[str, Any] = self._iot.get_v2_logging_options()
        except self._iot.exceptions.NotConfiguredException:
            return None
        except self._iot.exceptions.ClientError as error:
            raise _refused(error) from None
        return answer

    def create_role(self, name: str) -> str:
        """Make a role with all required permissions, or none at all; return its ARN."""
        try:
            arn: str = self._iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(roles.trust()))["Role"][
                "Arn"
            ]
        except self._iam.exceptions.EntityAlreadyExistsException:
            raise CallError(f"there is a role {name!r} already: choose another name, or use --role", 409) from None
        except self._iam.exceptions.ClientError as error:
            raise _refused(error) from None
        try:
            self._iam.put_role_policy(
                RoleName=name, PolicyName=roles.POLICY_NAME, PolicyDocument=json.dumps(roles.permissions())
            )
        except self._iam.exceptions.ClientError as error:
            with suppress(self._iam.exceptions.ClientError):
                self._iam.delete_role(RoleName=name)
            raise _refused(error) from None
        return arn

    def role_arn(self, name: str) -> str:
        """Return the ARN of a role."""
        try:
            arn: str = self._iam.get_role(RoleName=name)["Role"]["Arn"]
        except self._iam.exceptions.ClientError as error:
            raise _refused(error) from None
        return arn

    def set_options(self, role_arn: str, level: Level) -> None:
        """Call SetV2LoggingOptions."""
        try:
            self._iot.set_v2_logging_options(roleArn=role_arn, defaultLogLevel=level.value, disableAllLogs=False)
        except self._iot.exceptions.ClientError as error:
            raise _refused(error) from None


def _refused(error: Any) -> CallError:  # noqa: ANN401 - botocore's ClientError
    told, status = error.response["Error"], error.response["ResponseMetadata"].get("HTTPStatusCode", 400)
    return CallError(f"{told.get('Code')}: {told.get('Message')}", status)


def _account(url: str) -> Account:
    import boto3  # type: ignore[import-untyped,unused-ignore] # noqa: PLC0415 - a quarter of a second for this alone

    connect: Any = boto3.client  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]

    def client(name: str) -> Any:  # noqa: ANN401 - the SDK makes its clients at run time
        # The simulator asks for no keys, the SDK does.
        return connect(name, "us-east-1", endpoint_url=url, aws_access_key_id="any", aws_secret_access_key="any")  # noqa: S106

    return AwsAccount(client)
