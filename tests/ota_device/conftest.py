"""A peer on a real socket that answers each packet with what the test says: for what no broker of ours would send."""

import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress

import pytest

from live import PATIENCE
from ota_broker.front.codec.packets import PacketType

CLOSE = None
Answers = Mapping[PacketType, bytes | Callable[[bytes], bytes | None] | None]


class Scripted:
    """Takes one connection at a time. A packet type without an answer gets none; `CLOSE` ends the connection.

    An answer is bytes, or a function of the packet's body.
    """

    def __init__(self, answers: Answers) -> None:
        self.seen: list[PacketType] = []
        self._answers = answers
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.host, self.port = self._listening.getsockname()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def stop(self) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)  # wakes accept
        self._thread.join(PATIENCE)
        self._listening.close()
        assert not self._thread.is_alive()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listening.accept()
                with connection, connection.makefile("rb") as stream, suppress(OSError):
                    self._converse(connection, stream.read)

    def _converse(self, connection: socket.socket, read: Callable[[int], bytes]) -> None:
        while first := read(1):
            length = shift = 0
            more = True
            while more:
                byte = read(1)[0]
                length |= (byte & 0x7F) << shift
                shift, more = shift + 7, byte > 0x7F
            body = read(length)
            packet_type = PacketType(first[0] >> 4)
            self.seen.append(packet_type)
            answer = self._answers.get(packet_type, b"")
            said = answer(body) if callable(answer) else answer
            if said is CLOSE:
                return
            connection.sendall(said)


@pytest.fixture
def scripted() -> Iterator[Callable[[Answers], Scripted]]:
    peers: list[Scripted] = []

    def start(answers: Answers) -> Scripted:
        peers.append(Scripted(answers))
        return peers[-1]

    yield start
    for peer in peers:
        peer.stop()
