"""`ota-stream demo`: the whole life of an update in seconds: simulator, device, update, two boots, the records."""

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

from ota_stream.errors import OtaStreamError
from ota_stream.streams.quotas import FILE_SIZE_MAX

IMAGE_MIN: Final = 1024 * 1024  # bytes; a smaller image is gone before one sees it move
FREERTOS_MAX: Final = 1024 * 4096  # bytes
THING: Final = "demo-device"
_PROGRAM: Final = [sys.executable, "-m", "ota_stream"]
_WITHIN: Final = 30  # seconds for any one of the processes to end


class DemoError(OtaStreamError):
    """The demo did not show what it should."""


def demo(
    firmware: Annotated[Path | None, typer.Argument(help="Image to use.  [default: a program of this machine]")] = None,
) -> None:
    """Run the whole life of an OTA update: serve, update, download, verify, reboot, self-test, report; then stop.

    Examples:
      ota-stream demo
      ota-stream demo build/app.bin
    """
    with tempfile.TemporaryDirectory(prefix="ota-stream-") as folder:
        image, data_dir, flash = firmware or _some_program(Path(folder)), Path(folder) / "data", Path(folder) / "flash"
        with _simulator(data_dir) as ready, _device(data_dir, flash, _flavour(image)) as device:
            _say(f"a simulator on port {ready['mqtt']['port']}, a device that waits for a job, an update with {image}:")
            updated = _run("update", str(image), "--target", THING, "--wait", "--data-dir", str(data_dir))
            if updated != 0:
                raise typer.Exit(1)  # it has said why
            story = _story(device)
            _say("\nwhat the device says of it:\n" + story)
            _check(image, flash)
            _say("\nwhat CloudWatch would show of it:")
            _run("logs", "--data-dir", str(data_dir))


@contextmanager
def _simulator(data_dir: Path) -> Generator[Any]:
    """Give the ready line of a simulator in a process of its own; stop it at the end."""
    command = [*_PROGRAM, "serve", "--mqtt-port", "0", "--http-port", "0", "--json", "--data-dir", str(data_dir)]
    with _process(command) as process:
        line = process.stdout.readline() if process.stdout else ""
        if not line:
            raise typer.Exit(1)  # it has said why
        yield json.loads(line)


@contextmanager
def _device(data_dir: Path, flash: Path, flavour: str) -> Generator[subprocess.Popen[str]]:
    """Run a device until its first job has ended."""
    command = [*_PROGRAM, "device", "--thing", THING, "--flavour", flavour, "--once", "--flash", str(flash)]
    command += ["--data-dir", str(data_dir)]
    with _process(command, stderr=subprocess.STDOUT) as process:  # its bar would run into that of the update
        yield process


@contextmanager
def _process(command: list[str], stderr: int | None = None) -> Generator[subprocess.Popen[str]]:
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr, text=True) as process:
        try:
            yield process
        finally:
            process.terminate()
            process.wait(_WITHIN)


def _flavour(image: Path) -> str:
    """Choose an agent that can take the image: the bitmap of the FreeRTOS one has room for 1,024 blocks."""
    return "freertos" if image.is_file() and image.stat().st_size <= FREERTOS_MAX else "modular-cbor"


def _story(device: subprocess.Popen[str]) -> str:
    try:
        story, _ = device.communicate(timeout=_WITHIN)
    except subprocess.TimeoutExpired:
        raise DemoError(f"the device has not ended its job within {_WITHIN} s") from None
    return "".join(f"  {line}\n" for line in story.splitlines()).rstrip()


def _check(image: Path, flash: Path) -> None:
    """Compare bytes: what the device runs now is what was sent."""
    content = image.read_bytes()
    if not any(slot.read_bytes() == content for slot in flash.glob("slot-?")):
        raise DemoError(f"no slot of the device's flash holds the bytes of {image}")
    _say(f"\nverified: the device runs the {len(content)} bytes of {image}")


def _run(*arguments: str) -> int:
    sys.stdout.flush()
    return subprocess.run([*_PROGRAM, *arguments], check=False).returncode


def _say(text: str) -> None:
    typer.echo(text)


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
