"""What the simulator is held against: a server in C, a responder in C behind mosquitto, and amqtt alone."""

import shutil
import socket
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Final, Self

from served import IMAGE, Process

_SOURCES: Final = Path(__file__).with_name("baseline")
_PLAIN_AMQTT: Final = Path(__file__).with_name("plain_amqtt.py")
_MOSQUITTO: Final = "mosquitto"
_WITHIN: Final = 10.0  # seconds for a broker to listen
_CONFIGURATION: Final = """\
listener {port} 127.0.0.1
allow_anonymous true
set_tcp_nodelay true
max_connections -1
max_inflight_messages 0
max_queued_messages 0
persistence false
sys_interval 0
log_dest none
"""  # without set_tcp_nodelay a QoS 1 answer waits 40 ms for Nagle's algorithm


class Missing(Exception):
    """A baseline cannot run here; one line says what is not installed."""


class _Files:
    """A folder with the image and a file of records, one line each."""

    def __init__(self, folder: Path) -> None:
        self.image = str(folder / "image.bin")
        self.records = str(folder / "records")
        Path(self.image).write_bytes(IMAGE)
        Path(self.records).touch()

    def count(self) -> int:
        with Path(self.records).open("rb") as lines:
            return sum(1 for _ in lines)


class Direct(Process):
    """A server in C that answers GetStream itself: the limit."""

    def __init__(self, folder: Path) -> None:
        self._files = _Files(folder)
        super().__init__(compiled("direct", folder), self._files.image, self._files.records)
        self.mqtt_port: int = self.told["port"]

    def records(self) -> int:
        """Return how many records were kept."""
        return self._files.count()


class BehindMosquitto:
    """A responder in C, and mosquitto between it and the things."""

    def __init__(self, folder: Path) -> None:
        broker = shutil.which(_MOSQUITTO) or shutil.which(_MOSQUITTO, path="/usr/sbin:/usr/local/sbin")
        if broker is None:
            raise Missing("mosquitto is not installed")
        responder = compiled("responder", folder)
        self._files = _Files(folder)
        self.mqtt_port = free_port()
        configuration = folder / "mosquitto.conf"
        configuration.write_text(_CONFIGURATION.format(port=self.mqtt_port))
        with ExitStack() as started:
            self._processes = [started.enter_context(_Silent(broker, "-c", str(configuration)))]
            _wait_for(self.mqtt_port)
            worker = Process(responder, str(self.mqtt_port), self._files.image, self._files.records)
            self._processes.append(started.enter_context(worker))
            self._started = started.pop_all()

    def cpu(self) -> float:
        """Return seconds of CPU, the broker's and the responder's."""
        return sum(process.cpu() for process in self._processes)

    def kib(self) -> int:
        """Return resident memory of both."""
        return sum(process.kib() for process in self._processes)

    def records(self) -> int:
        """Return how many records were kept."""
        return self._files.count()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Stop both."""
        self._started.close()


class PlainAmqtt(Process):
    """The simulator's stream service as the smallest plugin of amqtt that answers more than once."""

    def __init__(self, folder: Path) -> None:
        self._files = _Files(folder)
        super().__init__(sys.executable, str(_PLAIN_AMQTT), self._files.image, self._files.records)
        self.mqtt_port: int = self.told["port"]

    def records(self) -> int:
        """Return how many records were kept."""
        return self._files.count()


class _Silent(Process):
    """A process that says nothing."""

    def __init__(self, *command: str) -> None:
        super().__init__("sh", "-c", 'echo "{}"; exec "$@"', "sh", *command)


def compiled(name: str, folder: Path) -> str:
    """Compile a program of the folder `baseline` and return its path.

    Raises:
        Missing: there is no compiler, or not what it needs.
    """
    for tool in ("make", "cc"):
        if shutil.which(tool) is None:
            raise Missing(f"{tool} is not installed")
    program = folder / name
    made = subprocess.run(
        ["make", "--silent", f"--directory={_SOURCES}", f"OUT={folder}", str(program)],  # noqa: S607 - on the PATH
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode:
        raise Missing(f"{name} does not compile: {(made.stderr.splitlines() or ['for no reason'])[0]}")
    return str(program)


def free_port() -> int:
    """Return a port for who cannot choose one itself."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_for(port: int) -> None:
    until = time.monotonic() + _WITHIN
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            if time.monotonic() > until:
                raise Missing("mosquitto does not start") from None
            time.sleep(0.01)
        else:
            return
