"""Where a running simulator is: its data directory names its ports, or the caller does."""

import json
import os
from pathlib import Path
from typing import Annotated, Final, NamedTuple
from urllib.parse import urlsplit

import typer

from ota_broker.endpoints import FILE
from ota_stream.errors import OtaStreamError

DataDirOption = Annotated[Path, typer.Option(help="Data directory of the running simulator.")]
EndpointUrlOption = Annotated[
    str | None, typer.Option(metavar="URL", help="Its HTTP address instead, for example http://127.0.0.1:4566.")
]
HostOption = Annotated[str | None, typer.Option(help="Where the simulator listens.  [default: as it has noted]")]
PortOption = Annotated[
    int | None, typer.Option(min=1, max=65_535, help="Its MQTT port.  [default: as it has noted, or 1883]")
]

DEFAULT_MQTT: Final = ("127.0.0.1", 1883)
DEFAULT_MQTTS: Final = ("127.0.0.1", 8883)


class EndpointError(OtaStreamError):
    """There is no simulator where one should be."""


class Endpoint(NamedTuple):
    """An HTTP address."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"http://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"


def find(data_dir: Path, endpoint_url: str | None) -> Endpoint:
    """Return the HTTP address of the running simulator.

    Raises:
        EndpointError: none runs over this data directory, or the URL is none.
    """
    return _in_file(data_dir / FILE) if endpoint_url is None else _in_url(endpoint_url)


def mqtt(data_dir: Path, *, tls: bool = False, host: str | None = None, port: int | None = None) -> tuple[str, int]:
    """Return where devices find the running simulator: as the caller says, as it has noted, or as `serve` has it."""
    noted = _noted(data_dir, "mqtts") or DEFAULT_MQTTS if tls else _noted(data_dir, "mqtt") or DEFAULT_MQTT
    return host or noted[0], port or noted[1]


def _noted(data_dir: Path, what: str) -> tuple[str, int] | None:
    try:
        written = json.loads((data_dir / FILE).read_bytes())[what]
        return str(written["host"]), int(written["port"])
    except (OSError, ValueError, LookupError, TypeError):
        return None


def _in_url(url: str) -> Endpoint:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port, parts = None, None, urlsplit("")
    if parts.scheme != "http" or not host or parts.path not in {"", "/"}:
        raise EndpointError(f"endpoint URL {url!r}: write it like http://127.0.0.1:4566")
    return Endpoint(host, 80 if port is None else port)


def _in_file(path: Path) -> Endpoint:
    try:
        written = json.loads(path.read_bytes())
        endpoint = Endpoint(str(written["http"]["host"]), int(written["http"]["port"]))
        pid = int(written["pid"])
    except FileNotFoundError:
        raise EndpointError(
            f"no simulator runs over {path.parent}: start `ota-stream serve`, or name it with --data-dir"
        ) from None
    except OSError as error:
        raise EndpointError(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, LookupError, TypeError):
        raise EndpointError(f"{path} is damaged: start `ota-stream serve` again, or use --endpoint-url") from None
    if not _lives(pid):
        raise EndpointError(f"the simulator of {path.parent}, process {pid}, has died: start `ota-stream serve` again")
    return endpoint


def _lives(pid: int) -> bool:
    if pid < 1:
        return False
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:  # somebody else's
        return True
    return True
