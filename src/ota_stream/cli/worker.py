"""`ota-stream worker`: the services behind a broker of your own, in as many processes as you like."""

import json
import logging
import sys
from pathlib import Path
from typing import Annotated, Final

import typer

from ota_broker.workers import process
from ota_broker.workers.clients import ClientIdFrom
from ota_broker.workers.settings import SHARE, Sharing, TransportName, WorkerSettings
from ota_stream.logs import groups
from ota_stream.logs.entries import ACCOUNT_ID

STORE_HELP: Final = "postgresql://..., or a JSON file of streams."
TransportOption = Annotated[TransportName, typer.Option(help="What the devices' broker is.")]
UrlOption = Annotated[str, typer.Option(help="Where it is: nats://HOST:4222 or mqtt://HOST:1883.")]

RootCaOption = Annotated[
    Path | None, typer.Option(metavar="PEM", help="Whom to trust as CA of the broker.  [default: the machine's CAs]")
]
CertOption = Annotated[Path | None, typer.Option(metavar="PEM", help="Certificate to show to the broker.")]
KeyOption = Annotated[Path | None, typer.Option(metavar="PEM", help="... and its private key.")]


def worker(
    transport: TransportOption,
    url: UrlOption,
    store: Annotated[str, typer.Option(help=STORE_HELP)],
    records: Annotated[
        str | None,
        typer.Option(help="postgresql://..., cloudwatch:GROUP or a folder.  [default: the store, or a folder]"),
    ] = None,
    share: Annotated[str, typer.Option(help="Name that workers have in common.")] = SHARE,
    sharing: Annotated[Sharing, typer.Option(help="How NATS shares requests.")] = Sharing.JETSTREAM,
    replicas: Annotated[int, typer.Option(min=1, max=5, help="Copies of the work queue: 3 on three nodes.")] = 1,
    prefix: Annotated[str, typer.Option(help="What a bridge makes of $aws/ in requests.")] = "$aws/",
    client_id_from: Annotated[
        ClientIdFrom, typer.Option(help="Where the client id of a record comes from.")
    ] = ClientIdFrom.NONE,
    account_id: Annotated[str, typer.Option(help="AWS account of the records.")] = ACCOUNT_ID,
    log_group: Annotated[str, typer.Option(help="Log group of the records.")] = groups.REAL,
    root_ca: RootCaOption = None,
    cert: CertOption = None,
    key: KeyOption = None,
    log_level: Annotated[
        str, typer.Option(help="debug | info | warn | error | disabled: which records are kept; requests are DEBUG.")
    ] = "debug",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON line when ready.")] = False,
) -> None:
    """Answer the devices of a broker of your own; start as many as you like. See docs/scale.md.

    Examples:
      ota-stream worker --transport nats --url nats://127.0.0.1:4222 --store postgresql://localhost/ota

      ota-stream worker --transport mqtt --url mqtt://127.0.0.1:1883 --prefix ota/req/ --store streams.json
    """
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(message)s", stream=sys.stderr)
    settings = WorkerSettings(
        transport=transport,
        url=url,
        store=store,
        records=records,
        share=share,
        sharing=sharing,
        replicas=replicas,
        prefix=prefix,
        client_id_from=client_id_from,
        account_id=account_id,
        log_group=log_group,
        log_level=log_level,
        root_ca=root_ca,
        cert=cert,
        key=key,
    )

    def say_ready(known: WorkerSettings) -> None:
        line = {"transport": known.transport, "url": known.url, "share": known.share, "records": known.records_in}
        typer.echo(json.dumps(line) if as_json else f"worker of {known.share} answers at {known.url} (Ctrl-C stops)")

    process.run(settings, say_ready)
