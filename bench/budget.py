"""What a GetStream costs in our own code: the simulator in this process, without sockets. Run by scripts/bench.

The kernel and the event loop are left out, and of thousands of turns the fastest hundredth counts: so other work on the
machine hardly shows, and a change of two per cent does.
"""

import argparse
import asyncio
import json
import tempfile
import time
from dataclasses import asdict, astuple, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import uvloop
from rich.console import Console
from rich.table import Table

from load import Qos, Work, connect_packet, request_packet, subscribe_packet
from ota_broker.config import Settings
from ota_broker.simulator import Simulator
from ota_stream.streams.topics import Format, Operation, build
from served import IMAGE, STREAM_ID, thing_name

if TYPE_CHECKING:
    from ota_broker.front.connection import Connection
    from ota_broker.front.listener import Listener

_CASES: Final[tuple[tuple[Format, int, Qos], ...]] = (
    (Format.JSON, 1, (0, 0)),
    (Format.JSON, 1, (1, 0)),
    (Format.JSON, 8, (0, 0)),
    (Format.CBOR, 1, (0, 0)),
    (Format.CBOR, 8, (0, 0)),
)


_TURNS_MIN: Final = 20


@dataclass(frozen=True)
class Row:
    """One load: microseconds a request, those of the fastest hundredth of the turns, and of the median turn."""

    connections: int
    wire_format: str
    blocks: int
    qos: int
    best: float
    median: float


class Sink(asyncio.Transport):
    """A transport that counts what it is given and sends it nowhere."""

    def __init__(self) -> None:
        super().__init__()
        self.bytes = 0

    def write(self, data: bytes) -> None:
        """Count."""
        self.bytes += len(data)

    def get_extra_info(self, name: str, default: Any = None) -> Any:  # noqa: ANN401 - asyncio's
        """Tell an address."""
        return ("127.0.0.1", 1) if name == "peername" else default

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Take no notice: nothing is buffered."""

    def is_closing(self) -> bool:
        """Tell that it is open."""
        return False

    def close(self) -> None:
        """Do nothing."""

    def abort(self) -> None:
        """Do nothing."""


class Crowd:
    """Connections of things at a listener, each with its requests as packets."""

    def __init__(self, listener: "Listener", count: int, work: Work) -> None:
        asked, answered = work.qos
        payloads = work.requests()
        self._members: list[tuple[Connection, list[bytes]]] = []
        for number in range(count):
            topic = build(thing_name(number), STREAM_ID, Operation.GET, work.wire_format)
            connection = listener.new_connection()
            connection.connection_made(Sink())
            connection.data_received(connect_packet(topic.thing))
            connection.data_received(subscribe_packet(topic, answered))
            packets = [request_packet(topic.text, payload, asked) for payload in payloads]
            self._members.append((connection, packets))

    async def turn(self, number: int) -> float:
        """Let each ask once, in one turn of the loop; return seconds a request."""
        start = time.perf_counter()
        for connection, packets in self._members:
            connection.data_received(packets[number % len(packets)])
        await asyncio.sleep(0)  # the outbox writes at the end of the turn
        return (time.perf_counter() - start) / len(self._members)

    def warm_up(self) -> None:
        """Let one ask for everything: every block is encoded, every request known."""
        connection, packets = self._members[0]
        for packet in packets:
            connection.data_received(packet)
            connection.write_pending()

    def leave(self) -> None:
        """End the connections."""
        for connection, _ in self._members:
            connection.connection_lost(None)


def settings(folder: Path) -> Settings:
    """Return those of a simulator with one image, on free ports, in a folder of its own."""
    image = folder / "image.bin"
    image.write_bytes(IMAGE)
    ports = {"mqtt_port": 0, "http_port": 0}
    return Settings(
        firmware=[str(image)], stream_id=STREAM_ID, data_dir=str(folder / "data"), quotas="off", diagnose=0, **ports
    )


async def measure(connections: int, wire_format: Format, blocks: int, qos: Qos, requests: int) -> Row:
    """Run one load in a simulator of its own."""
    with tempfile.TemporaryDirectory() as folder:
        simulator = Simulator(settings(Path(folder)))
        await simulator.start()
        try:
            work = Work(0, STREAM_ID, IMAGE, wire_format, blocks, qos=qos)
            crowd = Crowd(simulator._listener, connections, work)  # noqa: SLF001 - the place behind the socket
            await asyncio.sleep(0)
            crowd.warm_up()
            turns = max(requests // connections, _TURNS_MIN)
            taken = sorted([await crowd.turn(number) for number in range(turns)])
            crowd.leave()
        finally:
            await simulator.stop()
    best, median = (1e6 * taken[at] for at in (turns // 100, turns // 2))
    return Row(connections, wire_format, blocks, qos[0], best, median)


async def run(counts: list[int], requests: int) -> list[Row]:
    """Measure every load."""
    return [await measure(count, *case, requests) for count in counts for case in _CASES]


def main() -> None:
    """Print a table and, with --json, the same as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--connections", type=int, nargs="+", default=[100, 1000])
    parser.add_argument("--requests", type=int, default=100_000, help="of each load")
    parser.add_argument("--json", type=Path, help="write the rows to this file")
    given = parser.parse_args()
    rows = uvloop.run(run(given.connections, given.requests))
    table = Table("connections", "format", "blocks", "QoS", "us/request", "us/block", "median us/request")
    for row in rows:
        count, wire_format, blocks, qos, best, median = astuple(row)
        table.add_row(
            f"{count:,}", wire_format, str(blocks), str(qos), f"{best:.2f}", f"{best / blocks:.2f}", f"{median:.2f}"
        )
    Console(width=100).print(table)
    if given.json:
        given.json.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n")


if __name__ == "__main__":
    main()
