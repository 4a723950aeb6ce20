"""Idle connections: how soon a server answers, how many come in a second, what each holds. Run by scripts/bench."""

import argparse
import json
import socket
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import asdict, astuple, dataclass
from pathlib import Path
from typing import Final, TypeVar

from rich.console import Console
from rich.table import Table

from baselines import BehindMosquitto, Direct, Missing, free_port
from calls import FIRST, Caller
from load import connect_packet, subscribe_packet
from ota_stream.streams.topics import Format, Operation, build
from served import STREAM_ID, Server, Simulator, allow_many_files, thing_name

_AT_ONCE: Final = 100  # connections begun before their answers are waited for: mosquitto's backlog
_CONNACK: Final = b"\x20\x02\x00\x00"
_SUBACK_BYTES: Final = 7  # three filters
_PINGREQ: Final = b"\xc0\x00"
_WITHIN: Final = 10.0  # seconds for an answer

T = TypeVar("T")


@dataclass(frozen=True)
class Held:
    """Connections that do nothing: per second of wall time, and for each: CPU in microseconds, memory in KiB.

    `kib_subscribed` is with the three filters of a device that downloads.
    """

    server: str
    connections: int
    connects_per_s: float
    cpu_per_connect: float
    kib: float
    kib_subscribed: float


@dataclass(frozen=True)
class Start:
    """The simulator's start. Seconds from the start of the process; resident memory in MiB."""

    mqtt_answers: float
    all_ready: float
    mib: float
    mib_after_first_call: float


class Crowd:
    """Plain sockets, each a connected thing; leaving the context closes them."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._sockets: list[socket.socket] = []

    def grow(self, count: int) -> None:
        """Let things connect, and wait until they are let in."""
        names = (thing_name(number) for number in range(len(self._sockets), len(self._sockets) + count))
        for some in _portions(list(names)):
            begun = [socket.create_connection(("127.0.0.1", self._port), _WITHIN) for _ in some]
            self._sockets += begun
            for each, name in zip(begun, some, strict=True):
                each.sendall(connect_packet(name))
            for each in begun:
                _expect(each, len(_CONNACK), _CONNACK)

    def subscribe(self) -> None:
        """Let each subscribe to the answers it would get."""
        for some in _portions(list(enumerate(self._sockets))):
            for number, each in some:
                topic = build(thing_name(number), STREAM_ID, Operation.GET, Format.JSON)
                each.sendall(subscribe_packet(topic, 0))
            for _, each in some:
                _expect(each, _SUBACK_BYTES)

    def ping(self) -> None:
        """Make sure that all are still served."""
        for some in _portions(self._sockets):
            for each in some:
                each.sendall(_PINGREQ)
            for each in some:
                _expect(each, 2)

    @property
    def sockets(self) -> list[socket.socket]:
        """All of them."""
        return self._sockets

    def close(self) -> None:
        """Close all."""
        for each in self._sockets:
            each.close()


def _portions(some: list[T]) -> Iterator[list[T]]:
    return (some[at : at + _AT_ONCE] for at in range(0, len(some), _AT_ONCE))


def _expect(connection: socket.socket, length: int, wanted: bytes | None = None) -> None:
    got = b""
    while len(got) < length:
        more = connection.recv(length - len(got))
        if not more:
            raise ConnectionError("the server closed a connection")
        got += more
    if wanted is not None and got != wanted:
        raise ConnectionError(f"the server answered {got.hex()}")


def hold(name: str, server: Server, count: int) -> Held:
    """Hold connections at a fresh server."""
    with closing(Crowd(server.mqtt_port)) as crowd:
        crowd.grow(min(count, _AT_ONCE))  # to warm up
        kib, cpu, start = server.kib(), server.cpu(), time.perf_counter()
        crowd.grow(count)
        elapsed, cpu, connected = time.perf_counter() - start, server.cpu() - cpu, server.kib()
        crowd.subscribe()
        subscribed = server.kib()
        crowd.ping()
        return Held(
            name, count, count / elapsed, 1e6 * cpu / count, (connected - kib) / count, (subscribed - kib) / count
        )


def start(folder: Path) -> Start:
    """Start the simulator and watch its port."""
    port = free_port()
    answered: list[float] = []
    begun = time.perf_counter()
    watch = threading.Thread(target=lambda: answered.append(_first_answer(port, begun)))
    watch.start()
    with Simulator(folder, mqtt_port=port) as server:
        watch.join()
        mib = server.kib() / 1024
        with closing(Caller(server.http_port)) as caller:
            caller.call(FIRST)
        return Start(answered[0], server.ready_after, mib, server.kib() / 1024)


def _first_answer(port: int, begun: float) -> float:
    while True:
        crowd = Crowd(port)
        try:
            crowd.grow(1)
        except OSError:
            time.sleep(0.002)
        else:
            return time.perf_counter() - begun
        finally:
            crowd.close()


def run(counts: list[int], rounds: int) -> tuple[Start, list[Held]]:
    """Measure, every time with a fresh server; return the medians. What cannot run here is left out, and said so."""
    starts: list[Start] = []
    held: dict[tuple[str, int], list[Held]] = {}
    servers = {"ours": Simulator, "C direct": Direct, "mosquitto + C": BehindMosquitto}
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as folder:
            starts.append(start(Path(folder)))
        for name, serve in list(servers.items()):
            for count in counts:
                with ExitStack() as opened:
                    folder = opened.enter_context(tempfile.TemporaryDirectory())
                    try:
                        server = opened.enter_context(serve(Path(folder)))
                    except Missing as reason:
                        Console(stderr=True).print(f"{name} is left out: {reason}")
                        del servers[name]
                        break
                    held.setdefault((name, count), []).append(hold(name, server, count))
    return (
        Start(*map(statistics.median, zip(*map(astuple, starts), strict=True))),
        [
            Held(*key, *map(statistics.median, zip(*(astuple(one)[2:] for one in some), strict=True)))
            for key, some in held.items()
        ],
    )


def main() -> None:
    """Print a table and, with --json, the same as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--connections", type=int, nargs="+", default=[1000, 5000, 10_000])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path, help="write the start and the rows to this file")
    given = parser.parse_args()
    allow_many_files()
    begun, rows = run(given.connections, given.rounds)
    table = Table("server", "connections", "connects/s", "CPU us/connect", "KiB idle", "KiB subscribed")
    for row in rows:
        table.add_row(row.server, f"{row.connections:,}", *(f"{value:,.1f}" for value in astuple(row)[2:]))
    console = Console(width=120)
    console.print(table)
    console.print(
        f"MQTT answers {begun.mqtt_answers:.2f} s after the start, all is ready after {begun.all_ready:.2f} s with "
        f"{begun.mib:.0f} MiB; {begun.mib_after_first_call:.0f} MiB after the first call of the AWS API."
    )
    if given.json:
        told = {"start": asdict(begun), "rows": [asdict(row) for row in rows]}
        given.json.write_text(json.dumps(told, indent=1) + "\n")


if __name__ == "__main__":
    main()
