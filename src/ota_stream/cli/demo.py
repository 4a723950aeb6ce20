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
    tls: Annotated[bool, typer.Option("--tls", help="The device comes by TLS, with a certificate of its own.")] = False,
) -> None:
    """Run the whole life of an OTA update: serve, update, download, verify, reboot, self-test, report; then stop.

    Examples:
      ota-stream demo
      ota-stream demo build/app.bin
      ota-stream demo --tls
    """
    with tempfile.TemporaryDirectory(prefix="ota-stream-") as folder:
        image, data_dir, flash = firmware or _some_program(Path(folder)), Path(folder) / "data", Path(folder) / "flash"
        speaks = ["--tls"] if tls else []
        with _simulator(data_dir, tls=tls) as ready, _device(data_dir, flash, _flavour(image), speaks) as device:
            port = ready["mqtts" if tls else "mqtt"]["port"]
            _say(f"a simulator on port {port}, a device that waits for a job, an update with {image}:")
            command = [*_PROGRAM, "update", str(image), "--target", THING, "--wait", "--data-dir", str(data_dir)]
            _wait_for(command, device)
            story = _story(device)
            _say("\nwhat the device says of it:\n" + story)
            _check(image, flash)
            _say("\nwhat CloudWatch would show of it:")
            _run("logs", "--data-dir", str(data_dir))


@contextmanager
def _simulator(data_dir: Path, *, tls: bool) -> Generator[Any]:
    """Give the ready line of a simulator in a process of its own; stop it at the end."""
    command = [*_PROGRAM, "serve", "--mqtt-port", "0", "--http-port", "0", "--json", "--data-dir", str(data_dir)]
    if tls:
        command += ["--tls", "--tls-port", "0"]
        if _run("certs", "thing", THING, "--data-dir", str(data_dir)) != 0:
            raise typer.Exit(1)  # it has said why
    with _process(command) as process:
        line = process.stdout.readline() if process.stdout else ""
        if not line:
            raise typer.Exit(1)  # it has said why
        yield json.loads(line)


@contextmanager
def _device(data_dir: Path, flash: Path, flavour: str, speaks: list[str]) -> Generator[subprocess.Popen[str]]:
    """Run a device until its first job has ended."""
    command = [*_PROGRAM, "device", "--thing", THING, "--flavour", flavour, "--once", "--flash", str(flash)]
    command += ["--data-dir", str(data_dir), *speaks]
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


def _wait_for(command: list[str], device: subprocess.Popen[str]) -> None:
    """Run an update to its end, but not for ever when the device has ended before."""
    sys.stdout.flush()
    with subprocess.Popen(command) as update:
        while True:
            try:
                if update.wait(_WITHIN) != 0:
                    raise typer.Exit(1)  # it has said why
            except subprocess.TimeoutExpired:
                if device.poll() is None:
                    continue
                update.terminate()
                raise DemoError(f"the device has ended, the update has not:\n{_story(device)}") from None
            return


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
