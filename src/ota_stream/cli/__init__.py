"""The command line: `ota-stream`. Every error is one clear line and a non-zero exit."""

import os
import sys
from typing import Final

import typer

from ota_stream.cli.certs import certs_app
from ota_stream.cli.demo import demo
from ota_stream.cli.device import device
from ota_stream.cli.fetch import fetch
from ota_stream.cli.fleet import fleet
from ota_stream.cli.fleet_compare import report_app
from ota_stream.cli.jobs import jobs_app
from ota_stream.cli.load import load
from ota_stream.cli.logs import logs
from ota_stream.cli.policy import policy_app
from ota_stream.cli.quotas import quotas
from ota_stream.cli.serve import serve
from ota_stream.cli.settings import settings
from ota_stream.cli.shared import shared_app
from ota_stream.cli.update import update
from ota_stream.cli.updates import updates_app
from ota_stream.cli.worker import worker
from ota_stream.errors import OtaStreamError

app: Final = typer.Typer(
    help="AWS IoT over-the-air updates on one machine.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
for command in (serve, update, device, fetch, load, fleet, logs, settings, quotas, demo, worker):
    app.command()(command)
app.add_typer(certs_app, name="certs")
app.add_typer(jobs_app, name="jobs")
app.add_typer(updates_app, name="updates")
app.add_typer(policy_app, name="policy")
app.add_typer(shared_app, name="shared")
app.add_typer(report_app, name="report")


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
