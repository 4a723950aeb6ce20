"""`ota-stream fetch`: a simulated device downloads one file of a stream."""

import os
import secrets
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from ota_device.device import Device, Fetched, ProgressSeen
from ota_device.download import DownloadOptions
from ota_device.link import Link, LinkOptions
from ota_device.plan import Mode
from ota_stream.cli.endpoints import DataDirOption, HostOption, PortOption, mqtt
from ota_stream.cli.tls import CertOption, KeyOption, RootCaOption, TlsOption, credentials
from ota_stream.errors import OtaStreamError
from ota_stream.stores.datadir import DEFAULT
from ota_stream.streams.topics import Format

# As the AWS C libraries do: the OTA agent writes CBOR and a bitmap, the JSON devices offset and count.
_MODES: Final = {Format.CBOR: Mode.BITMAP, Format.JSON: Mode.OFFSET}
_MIB: Final = 1024 * 1024


class OutputError(OtaStreamError):
    """The downloaded file cannot be written where it was asked for."""


def fetch(
    stream: Annotated[str, typer.Argument(metavar="STREAM", help="Stream id, as `ota-stream serve` prints it.")],
    *,
    thing: Annotated[str, typer.Option(help="Thing name; also the MQTT client id.")] = "device-1",
    host: HostOption = None,
    port: PortOption = None,
    tls: TlsOption = False,
    cert: CertOption = None,
    key: KeyOption = None,
    root_ca: RootCaOption = None,
    data_dir: DataDirOption = DEFAULT,
    file_id: Annotated[int, typer.Option(help="Which file of the stream.")] = 0,
    block_size: Annotated[int, typer.Option(min=1, help="Bytes a block; the service takes 256 to 131072.")] = 4096,
    blocks: Annotated[int, typer.Option(min=1, help="Blocks a request; one answer brings 128 KiB at most.")] = 8,
    wire_format: Annotated[Format, typer.Option("--format", help="How messages are written.")] = Format.JSON,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write the file here once it is whole.")] = None,
) -> None:
    """Download one file of a stream as a device does, and print its SHA-256.

    Examples:

      ota-stream fetch firmware

      ota-stream fetch firmware --thing door-lock-7 --format cbor -o image.bin

      ota-stream fetch firmware --file-id 1 --block-size 256 --blocks 64
    """  # noqa: D412 - typer joins the lines of a paragraph
    if output is not None:
        _check(output)
    options = DownloadOptions(
        mode=_MODES[wire_format],
        format=wire_format,
        block_size=block_size,
        block_count=blocks,
        client_token=f"fetch-{secrets.token_hex(4)}",  # tells our answers from those to an earlier run
    )
    address = mqtt(data_dir, tls=tls, host=host, port=port)
    files = credentials(thing, data_dir, cert, key, root_ca) if tls else None
    link_options = LinkOptions(credentials=files)
    with Link(*address, thing, link_options) as link, progress_bar(stream) as on_progress:
        fetched = Device(link, thing).fetch(stream, file_id, options, on_progress)
    _report(stream, file_id, fetched)
    if output is not None:
        _write(output, fetched.image)
        typer.echo(f"written to {output}")


def _report(stream: str, file_id: int, fetched: Fetched) -> None:
    size = len(fetched.image)
    typer.echo(f"stream {stream} version {fetched.stream_version}, file {file_id}: {size} bytes")
    rate = size / fetched.elapsed / _MIB
    typer.echo(
        f"{fetched.blocks} blocks, {fetched.requests} requests, {fetched.elapsed:.2f} s, {rate:.2f} MiB/s"
        + (f", {fetched.ignored} messages ignored" if fetched.ignored else "")
    )
    typer.echo(f"sha256 {fetched.sha256}")


@contextmanager
def progress_bar(stream: str) -> Generator[ProgressSeen]:
    """Give what draws the bar on standard error; where that is no terminal, it draws nothing."""
    console = Console(stderr=True)
    columns = TextColumn(stream), BarColumn(), DownloadColumn(binary_units=True), TransferSpeedColumn()
    with Progress(*columns, TimeRemainingColumn(), console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task(stream, total=None)
        yield lambda received, size: bar.update(task, completed=received, total=size)


def _check(target: Path) -> None:
    """Find out before the download what would go wrong after it."""
    with _output_errors(target):
        if not target.parent.is_dir():
            raise OutputError(f"cannot write {target}: there is no folder {target.parent}")
        if target.exists() and not target.is_file():
            raise OutputError(f"cannot write {target}: it is no ordinary file; choose another name")


def _write(target: Path, image: bytes) -> None:
    """Write the whole file or nothing: to a name beside it first, then renamed over it."""
    temporary = target.with_name(f".{target.name}.{os.getpid()}.part")
    with _output_errors(target):
        try:
            temporary.write_bytes(image)
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)


@contextmanager
def _output_errors(target: Path) -> Generator[None]:
    try:
        yield
    except OSError as error:
        raise OutputError(f"cannot write {target}: {error.strerror}") from error
