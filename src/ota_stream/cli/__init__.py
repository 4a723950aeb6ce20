"""The command line: `ota-stream`. Every error is one clear line and a non-zero exit."""

import os
import sys
from functools import cache
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import typer
from typer.core import TyperGroup

from ota_stream.errors import OtaStreamError

if TYPE_CHECKING:
    from collections.abc import Mapping

COMMANDS: Final["Mapping[str, str]"] = MappingProxyType(
    {
        "serve": "serve:serve",
        "update": "update:update",
        "device": "device:device",
        "fetch": "fetch:fetch",
        "load": "load:load",
        "fleet": "fleet:fleet",
        "logs": "logs:logs",
        "settings": "settings:settings",
        "quotas": "quotas:quotas",
        "diagnose": "diagnose:diagnose",
        "top": "top:top",
        "demo": "demo:demo",
        "worker": "worker:worker",
        "certs": "certs:certs_app",
        "clock": "clock:clock_app",
        "jobs": "jobs:jobs_app",
        "updates": "updates:updates_app",
        "policy": "policy:policy_app",
        "faults": "faults:faults_app",
        "scenario": "scenario:scenario_app",
        "shared": "shared:shared_app",
        "report": "fleet_compare:report_app",
    }
)
"""Every command: its module, and its name there. Each is imported when it is called: a simulator needs no fleet."""


class _Commands(TyperGroup):
    """The commands of the table."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ANN401, ARG002 - typer's own type is private
        """Return their names, in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ANN401, ARG002 - as above
        """Return one, None when there is none of that name."""
        return _command(cmd_name) if cmd_name in COMMANDS else None


@cache
def _command(name: str) -> Any:  # noqa: ANN401 - as above
    module, _, attribute = COMMANDS[name].partition(":")
    made = getattr(import_module(f"ota_stream.cli.{module}"), attribute)
    alone = typer.Typer(add_completion=False, rich_markup_mode="rich")
    if isinstance(made, typer.Typer):
        alone.add_typer(made, name=name)
    else:
        alone.command(name)(made)
    command: Any = typer.main.get_command(alone)
    return command.commands[name] if isinstance(made, typer.Typer) else command


app: Final = typer.Typer(
    cls=_Commands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)


@app.callback()
def about() -> None:
    """AWS IoT over-the-air updates on one machine."""


def main() -> None:
    """Run the command line; nothing ends in a traceback unless `OTA_STREAM_TRACEBACK` is set."""
    try:
        sys.exit(app(standalone_mode=False))
    except OtaStreamError as error:
        sys.exit(f"error: {error}")
    except (KeyboardInterrupt, typer.Abort):
        sys.exit(130)
    except Exception as error:
        if os.environ.get("OTA_STREAM_TRACEBACK"):
            raise
        usage = getattr(error, "format_message", None)  # typer's usage errors have no public class
        if usage is not None:
            if usage():  # empty when the help was shown instead
                print(f"error: {usage()} (--help shows how)", file=sys.stderr)  # noqa: T201 - the error itself
            sys.exit(2)
        fault = f"{type(error).__name__}: {error}"
        sys.exit(f"error: {fault} (a fault of ota-stream; OTA_STREAM_TRACEBACK=1 shows where)")
