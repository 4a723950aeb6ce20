"""A canary: pings a server again and again and says how long it waited. `canary.py MQTT_PORT HTTP_PORT SECONDS`.

A process of its own, so that nothing but the server makes it wait; now and then it asks the AWS API as well.
"""

import json
import socket
import statistics
import sys
import time
from contextlib import closing
from typing import Final

from calls import FIRST, Caller
from load import connect_packet

PAUSE: Final = 0.002  # seconds between two pings
_CALL_EVERY: Final = 25  # pings
_PINGREQ: Final = b"\xc0\x00"
_WITHIN: Final = 10.0  # seconds


def sing(mqtt_port: int, http_port: int, seconds: float) -> list[float]:
    """Return how long each ping waited, in seconds. Without a gateway `http_port` is 0."""
    waits: list[float] = []
    with socket.create_connection(("127.0.0.1", mqtt_port), _WITHIN) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(connect_packet("canary"))
        connection.recv(4)
        with closing(Caller(http_port)) as caller:
            caller.call(FIRST)  # brings moto
            until = time.perf_counter() + seconds
            while (start := time.perf_counter()) < until:
                connection.sendall(_PINGREQ)
                if connection.recv(2) == b"":
                    raise ConnectionError("the server closed the connection")
                waits.append(time.perf_counter() - start)
                if len(waits) % _CALL_EVERY == 0:
                    caller.call(FIRST)
                time.sleep(PAUSE)
    return waits


def told(waits: list[float]) -> dict[str, float]:
    """Return how many, and milliseconds: median, 99th percentile, longest."""
    percentiles = statistics.quantiles(waits, n=100)
    return {
        "pings": len(waits),
        "p50": 1000 * percentiles[49],
        "p99": 1000 * percentiles[98],
        "longest": 1000 * max(waits),
    }


if __name__ == "__main__":
    print(json.dumps(told(sing(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])))))  # noqa: T201 - its result
