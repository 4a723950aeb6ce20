"""`ota-stream demo`: the whole of it in seconds: a simulator, a device that downloads from it, and the records."""

import json
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from ota_device.device import Device, Fetched
from ota_device.download import DownloadOptions
from ota_device.link import Link
from ota_stream.cli.fetch import progress_bar
from ota_stream.errors import OtaStreamError
from ota_stream.streams.quotas import FILE_SIZE_MAX

IMAGE_MIN: Final = 1024 * 1024  # bytes; a smaller image is gone before one sees it move
BLOCKS: Final = 32  # a request: with 4 KiB blocks all that one answer can bring (SB-6)
_PROGRAM: Final = [sys.executable, "-m", "ota_stream"]
_STOP_WITHIN: Final = 10  # seconds


class DemoError(OtaStreamError):
    """The demo did not show what it should."""


def demo(
    firmware: Annotated[Path | None, typer.Argument(help="Image to use.  [default: a program of this machine]")] = None,
) -> None:
    """Serve an image, download it as a device, verify it, print the log records, stop.

    Examples:
      ota-stream demo
      ota-stream demo build/app.bin
    """
    with tempfile.TemporaryDirectory(prefix="ota-stream-") as folder:
        image = firmware or _some_program(Path(folder))
        data_dir = Path(folder) / "data"
        with _simulator(image, data_dir) as ready:
            typer.echo(f"serving {image} as stream demo on port {ready['mqtt']['port']}")
            fetched = _download(ready["mqtt"]["port"])
            if fetched.image != image.read_bytes():
                raise DemoError(f"the device got other bytes than {image} has (sha256 {fetched.sha256})")
            typer.echo(f"verified {len(fetched.image)} bytes in {fetched.elapsed:.2f} s, sha256 {fetched.sha256}")
            typer.echo(f"\nwhat CloudWatch would show of it ({fetched.requests} GetStream, 1 DescribeStream):")
            sys.stdout.flush()
            subprocess.run([*_PROGRAM, "logs", "--data-dir", str(data_dir)], check=True)


@contextmanager
def _simulator(image: Path, data_dir: Path) -> Generator[Any]:
    """Give the ready line of a simulator in a process of its own; stop it at the end."""
    command = [*_PROGRAM, "serve", str(image), "--stream-id", "demo", "--mqtt-port", "0", "--json"]
    with subprocess.Popen([*command, "--data-dir", str(data_dir)], stdout=subprocess.PIPE, text=True) as process:
        try:
            line = process.stdout.readline() if process.stdout else ""
            if not line:
                raise typer.Exit(1)  # it has said why
            yield json.loads(line)
        finally:
            process.terminate()
            process.wait(_STOP_WITHIN)


def _download(port: int) -> Fetched:
    options = DownloadOptions(block_count=BLOCKS)
    with Link("127.0.0.1", port, client_id="demo-device") as link, progress_bar("demo") as on_progress:
        return Device(link, "demo-device").fetch("demo", 0, options, on_progress)


def _some_program(folder: Path) -> Path:
    """Return a real binary of this machine that a stream can carry; failing that, a zip of Python's own library."""
    for path in _programs():
        if path.is_file() and IMAGE_MIN <= path.stat().st_size <= FILE_SIZE_MAX:
            return path
    archive = folder / "library.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as library:
        for module in sorted(Path(json.__file__).parent.parent.glob("*.py")):
            library.write(module, module.name)
    return archive


def _programs() -> Iterator[Path]:
    if shell := shutil.which("bash"):
        yield Path(shell)
    yield Path(sys.executable).resolve()
    if (spec := find_spec("uvloop.loop")) and spec.origin:
        yield Path(spec.origin)
