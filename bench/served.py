"""The processes that are measured: the simulator as its users start it, and moto's own server."""

import hashlib
import json
import resource
import ssl
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any, Final, Protocol, Self

from ota_stream.logs import groups
from ota_stream.logs.events import Wanted
from ota_stream.stores.log_events import FOREVER, StoredEvents

IMAGE_BYTES = 1 << 20
STREAM_ID = "bench"
_MOTO_SERVER = Path(__file__).with_name("moto_server.py")


IMAGE: Final = b"".join(hashlib.sha256(bytes((i >> 8, i & 255))).digest() for i in range(IMAGE_BYTES // 32))


class Server(Protocol):
    """What GetStream is asked of: the simulator, or what it is held against."""

    mqtt_port: int

    def cpu(self) -> float:
        """Return seconds of CPU of all its threads and processes."""
        ...

    def kib(self) -> int:
        """Return resident memory of all its processes."""
        ...

    def records(self) -> int:
        """Return how many records were kept."""
        ...


def thing_name(number: int) -> str:
    """Return the name of a thing."""
    return f"t{number:05d}"


class Process:
    """A process that says in one line of JSON where it listens; leaving the context stops it."""

    def __init__(self, *command: str) -> None:
        start = time.perf_counter()
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE)
        assert self._process.stdout is not None  # noqa: S101 - PIPE
        self._said = self._process.stdout
        self.told: dict[str, Any] = json.loads(self._said.readline() or b"{}")
        self.ready_after = time.perf_counter() - start

    def cpu(self) -> float:
        """Return seconds of CPU of all threads, those that have ended too."""
        clock = (~self._process.pid << 3) | 2  # Linux's name for the scheduler's clock of another process
        return time.clock_gettime(clock)

    def kib(self) -> int:
        """Return resident memory."""
        status = Path(f"/proc/{self._process.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))

    def kill(self) -> None:
        """SIGKILL: no last words."""
        self._process.kill()
        self._process.wait(10)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Stop it and wait."""
        self._process.terminate()
        self._process.wait(10)
        self._said.close()


class Simulator(Process):
    """`ota-stream serve` with one image, in a folder of its own. It does not watch how it is talked to.

    Nor does it tell what AWS would have refused.
    """

    def __init__(self, folder: Path, *options: str, mqtt_port: int = 0) -> None:
        self._data_dir = folder / "data"
        (folder / "image.bin").write_bytes(IMAGE)
        super().__init__(
            sys.executable, "-m", "ota_stream", "serve", str(folder / "image.bin"), "--stream-id", STREAM_ID,
            "--mqtt-port", str(mqtt_port), "--http-port", "0", "--data-dir", str(self._data_dir), "--json",
            "--quotas", "off", "--diagnose", "0", *options,
        )  # fmt: skip
        self.mqtt_port: int = self.told["mqtt"]["port"]
        self.http_port: int = self.told["http"]["port"]

    def records(self) -> int:
        """Return how many records are stored."""
        with closing(StoredEvents(self._data_dir)) as events:
            return sum(1 for _ in events.read(groups.REAL, Wanted(start=0, end=FOREVER)))


class SecuredSimulator(Simulator):
    """The simulator with certificates for as many things; `mqtt_port` is its port for them."""

    def __init__(self, folder: Path, things: int, *options: str) -> None:
        self._certificates = folder / "certs"
        names = [thing_name(number) for number in range(things)]
        minted = [sys.executable, "-m", "ota_stream", "certs", "thing", *names, "--output", str(self._certificates)]
        subprocess.run([*minted, "--data-dir", str(folder / "data")], check=True, stdout=subprocess.DEVNULL)
        super().__init__(folder, "--tls", "--tls-port", "0", *options)
        self.mqtt_port = self.told["mqtts"]["port"]

    def context(self, thing: str) -> ssl.SSLContext:
        """Return what a thing connects with."""
        context = ssl.create_default_context(cafile=str(self._certificates / "ca.pem"))
        certificate, key = (self._certificates / f"{thing}.{kind}" for kind in ("cert.pem", "private.key"))
        context.load_cert_chain(certificate, key)
        return context


class MotoServer(Process):
    """Moto's own server, which scripts/setup's `bench` brings what is needed for."""

    def __init__(self) -> None:
        super().__init__(sys.executable, str(_MOTO_SERVER))
        self.http_port: int = self.told["port"]


def allow_many_files() -> None:
    """Allow as many open files as we may, here and in what is started from here: every connection is one."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
