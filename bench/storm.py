"""Ten thousand connections come, leave, take each other over and say nothing, while a canary pings."""

import argparse
import socket
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table

from canary import sing, told
from connections import Crowd
from served import Simulator, allow_many_files

_RESET: Final = b"\1\0\0\0\0\0\0\0"  # SO_LINGER that sends a reset instead of an end


@dataclass(frozen=True)
class Row:
    """One storm: how long it took, what the canary waited (milliseconds), what the server had afterwards (MiB)."""

    storm: str
    seconds: float
    p99: float
    longest: float
    mib: float


class Storms:
    """What happens to one server, in order; each storm begins where the last one ended."""

    def __init__(self, port: int, count: int) -> None:
        self._port = port
        self._count = count
        self._here = Crowd(port)

    def connect(self) -> None:
        """All come."""
        self._here = Crowd(self._port)
        self._here.grow(self._count)

    def leave(self) -> None:
        """All are gone at once."""
        self._here.close()

    def take_over(self) -> None:
        """Half of them come again under the same names, before they have left: more, and files run out."""
        before, self._here = self._here, Crowd(self._port)
        self._here.grow(self._count // 2)
        self._here.ping()
        before.close()

    def reset(self) -> None:
        """All are reset."""
        for each in self._here.sockets:
            each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self._here.close()

    def silence(self) -> None:
        """As many come, say nothing and keep nobody out."""
        with ExitStack() as opened:
            for _ in range(self._count):
                opened.enter_context(socket.create_connection(("127.0.0.1", self._port), 10.0))
            with closing(Crowd(self._port)) as late:
                late.grow(1)
                late.ping()


def run(count: int, watch: float) -> list[Row]:
    """Let every storm pass over one server; the canary sings `watch` seconds at each."""
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder, Simulator(Path(folder)) as server, ProcessPoolExecutor(1) as aside:
        storms = Storms(server.mqtt_port, count)
        order = [
            ("connect", storms.connect),
            ("leave at once", storms.leave),
            ("reconnect", storms.connect),
            ("half take over", storms.take_over),
            ("are reset", storms.reset),
            ("say nothing", storms.silence),
            ("connect again", storms.connect),
            ("leave again", storms.leave),
        ]
        for name, storm in order:
            song = aside.submit(sing, server.mqtt_port, server.http_port, watch)
            start = time.perf_counter()
            storm()
            elapsed = time.perf_counter() - start
            waits = told(song.result())
            rows.append(Row(name, elapsed, waits["p99"], waits["longest"], server.kib() / 1024))
    return rows


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--connections", type=int, default=10_000)
    parser.add_argument("--watch", type=float, default=6.0, help="seconds that the canary pings at each storm")
    given = parser.parse_args()
    allow_many_files()
    table = Table(f"{given.connections:,} connections", "seconds", "ping p99 ms", "longest ms", "MiB after")
    for row in run(given.connections, given.watch):
        table.add_row(row.storm, f"{row.seconds:.1f}", f"{row.p99:.1f}", f"{row.longest:.1f}", f"{row.mib:.0f}")
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
