"""`ota-stream shared`: what workers share, put into their store and shown."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Final, TypeVar

import typer

from ota_broker.workers.entries import Entries
from ota_broker.workers.settings import WorkerSettings
from ota_broker.workers.update_order import Signer, UpdateOrder, create_update
from ota_stream.cli import shared_jobs, tables
from ota_stream.cli.shared_jobs import DatabaseOption, with_operator
from ota_stream.cli.worker import STORE_HELP, CertOption, KeyOption, RootCaOption, TransportOption, UrlOption
from ota_stream.errors import OtaStreamError
from ota_stream.stores.shared.images import S3, described
from ota_stream.stores.shared.rows import SharedStream, next_version
from ota_stream.stores.shared.stores import opened
from ota_stream.stores.shared.streams import StreamStore

T = TypeVar("T")

shared_app: Final = typer.Typer(help="What workers share (docs/scale.md).", no_args_is_help=True)

CERTIFICATE: Final = "ecdsa-sha256-signer.crt.pem"
StoreOption = Annotated[str, typer.Option(help=STORE_HELP)]
StreamArgument = Annotated[str, typer.Argument(metavar="STREAM", help="Id of the stream.")]


@shared_app.command("stream")
def stream(
    stream_id: StreamArgument,
    firmware: Annotated[list[str], typer.Argument(help="Paths or s3://BUCKET/KEY; file ids 0, 1, ...")],
    store: StoreOption,
    description: Annotated[str | None, typer.Option(help="What DescribeStream tells of it.")] = None,
) -> None:
    """Put a stream into the store, or a new version of one that is there; workers serve it a second later."""
    addresses = _addresses(firmware)

    async def put(streams: StreamStore) -> SharedStream:
        known = {one.stream_id: one.version for one in await streams.streams()}
        files = tuple([await described(file_id, address) for file_id, address in enumerate(addresses)])
        made = SharedStream(stream_id, next_version(stream_id, known.get(stream_id)), files, description)
        await streams.put(made)
        return made

    made = _with_store(store, put)
    typer.echo(f"stream {made.stream_id}, version {made.version}")
    for file in made.files:
        typer.echo(f"  file {file.file_id}: {file.uri}, {file.size:,} bytes, sha256 {file.sha256}")


@shared_app.command("streams")
def streams(store: StoreOption) -> None:
    """List the streams in the store."""

    async def all_of(found: StreamStore) -> list[SharedStream]:
        return await found.streams()

    rows = [(one.stream_id, one.version, len(one.files), one.description or "") for one in _with_store(store, all_of)]
    tables.rows(("stream", "version", "files", "description"), rows)


@shared_app.command("forget")
def forget(stream_id: StreamArgument, store: StoreOption) -> None:
    """Take a stream out of the store."""

    async def delete(found: StreamStore) -> bool:
        return await found.delete(stream_id)

    if not _with_store(store, delete):
        raise OtaStreamError(f"there is no stream {stream_id!r} in this store")


shared_app.command("job")(shared_jobs.create)
shared_app.command("jobs")(shared_jobs.list_jobs)
shared_app.command("cancel-job")(shared_jobs.cancel)
shared_app.command("delete-job")(shared_jobs.delete)


@shared_app.command("update")
def update(
    update_id: Annotated[str, typer.Argument(metavar="UPDATE", help="Id of the update.")],
    firmware: Annotated[list[str], typer.Argument(help="Paths or s3://BUCKET/KEY; file ids 0, 1, ...")],
    target: Annotated[list[str], typer.Option(help="A thing; can be repeated.")],
    store: DatabaseOption,
    transport: TransportOption,
    url: UrlOption,
    *,
    sign_key: Annotated[
        Path | None, typer.Option(metavar="PEM", help="Private key to sign with.  [default: not signed]")
    ] = None,
    certificate: Annotated[str, typer.Option(help="Where things have its certificate.")] = CERTIFICATE,
    root_ca: RootCaOption = None,
    cert: CertOption = None,
    key: KeyOption = None,
) -> None:
    """Send firmware to things: sign it, make the stream and the job, notify the things through the broker."""
    settings = WorkerSettings(transport=transport, url=url, store=store, root_ca=root_ca, cert=cert, key=key)
    try:
        signer = None if sign_key is None else Signer(sign_key.read_bytes(), certificate)
    except OSError as error:
        raise OtaStreamError(f"key {sign_key}: {error.strerror}") from None
    targets = tuple(f"thing/{name}" for name in target)
    order = UpdateOrder(update_id, targets, tuple(_addresses(firmware)), signer)

    entries = Entries(account_id=settings.account_id)
    made = with_operator(settings, lambda operator: create_update(operator, order, entries))
    typer.echo(f"update {update_id}: {made} things are notified")


def _addresses(firmware: list[str]) -> list[str]:
    return [one if one.startswith(S3) else str(Path(one).resolve()) for one in firmware]


def _with_store(address: str, what: Callable[[StreamStore], Awaitable[T]]) -> T:
    async def main() -> T:
        async with opened(address) as found:
            return await what(found)

    return asyncio.run(main())
