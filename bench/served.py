"""The processes that are measured: the simulator as its users start it, and moto's own server."""

import hashlib
import json
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any, Self

from ota_stream.logs import groups
from ota_stream.logs.events import Wanted
from ota_stream.stores.log_events import FOREVER, StoredEvents

IMAGE_BYTES = 1 << 20
STREAM_ID = "bench"
_MOTO_SERVER = Path(__file__).with_name("moto_server.py")


class Process:
    """A Python process that says in one line of JSON where it listens; leaving the context stops it."""

    def __init__(self, *arguments: str) -> None:
        start = time.perf_counter()
        self._process = subprocess.Popen([sys.executable, *arguments], stdout=subprocess.PIPE)
        assert self._process.stdout is not None  # noqa: S101 - PIPE
        self._said = self._process.stdout
        self.told: dict[str, Any] = json.loads(self._said.readline())
        self.ready_after = time.perf_counter() - start

    def cpu(self) -> float:
        """Return seconds of CPU of all threads, those that have ended too."""
        clock = (~self._process.pid << 3) | 2  # Linux's name for the scheduler's clock of another process
        return time.clock_gettime(clock)

    def kib(self) -> int:
        """Return resident memory."""
        status = Path(f"/proc/{self._process.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Stop it and wait."""
        self._process.terminate()
        self._process.wait(10)
        self._said.close()


class Simulator(Process):
    """`ota-stream serve` with one image, in a folder of its own."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.image = b"".join(hashlib.sha256(bytes((i >> 8, i & 255))).digest() for i in range(IMAGE_BYTES // 32))
        self._data_dir = folder / "data"
        (folder / "image.bin").write_bytes(self.image)
        super().__init__(
            "-m", "ota_stream", "serve", str(folder / "image.bin"), "--stream-id", STREAM_ID, "--mqtt-port", "0",
            "--http-port", "0", "--data-dir", str(self._data_dir), "--json", *options,
        )  # fmt: skip
        self.mqtt_port: int = self.told["mqtt"]["port"]
        self.http_port: int = self.told["http"]["port"]

    def records(self) -> int:
        """Return how many records are stored."""
        with closing(StoredEvents(self._data_dir)) as events:
            return sum(1 for _ in events.read(groups.REAL, Wanted(start=0, end=FOREVER)))


class MotoServer(Process):
    """Moto's own server, which scripts/setup's `bench` brings what is needed for."""

    def __init__(self) -> None:
        super().__init__(str(_MOTO_SERVER))
        self.http_port: int = self.told["port"]
