"""A raw client of either version that knows the four packets of QoS 2, for tests of sessions."""

import socket
from typing import NamedTuple

import live
from live import RawClient, Server
from ota_broker.front.codec.packets import PacketType

PUBACK, PUBREC, PUBREL, PUBCOMP = 0x40, 0x50, 0x62, 0x70


class Heard(NamedTuple):
    """A message as it came."""

    qos: int
    topic: str
    payload: bytes
    packet_id: int = 0
    retain: bool = False
    duplicate: bool = False


class SessionClient(RawClient):
    """Its packet ids are its own to choose."""

    def __init__(self, server: Server | tuple[str, int]) -> None:
        super().__init__(server)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # small packets, one after another

    def put(
        self, topic: str, payload: bytes, *, packet_id: int, qos: int = 2, duplicate: bool = False, retain: bool = False
    ) -> None:
        """Send a PUBLISH."""
        head = 0x30 | duplicate << 3 | qos << 1 | retain
        identity = packet_id.to_bytes(2, "big") if qos else b""
        self.send(live.packet(head, live.text(topic) + identity + self._no_properties + payload))

    def answer(self, kind: int, packet_id: int) -> None:
        """Send a PUBACK, PUBREC, PUBREL or PUBCOMP that says success."""
        self.send(live.packet(kind, packet_id.to_bytes(2, "big")))

    def told(self, kind: int, packet_id: int) -> int:
        """Take an acknowledgement of this kind and packet id; return its reason code."""
        first, body = self.receive()
        assert (first, body[:2]) == (kind, packet_id.to_bytes(2, "big")), (first, body)
        return body[2] if len(body) > 2 else 0

    def publish_wholly(self, topic: str, payload: bytes, *, qos: int = 0, retain: bool = False) -> None:
        """Publish and go through all that follows."""
        self._packet_id += 1
        number = self._packet_id
        self.put(topic, payload, packet_id=number, qos=qos, retain=retain)
        if qos == 1:
            self.told(PUBACK, number)
        elif qos:
            self.told(PUBREC, number)
            self.answer(PUBREL, number)
            self.told(PUBCOMP, number)
        else:
            self.until_ping()

    def hear(self) -> Heard:
        """Take the next packet, which is a message, and say nothing."""
        return self.heard(*self.receive())

    def heard(self, first: int, body: bytes) -> Heard:
        assert first >> 4 == PacketType.PUBLISH, (first, body)
        topic, payload = live.message(first, body, self.level)
        end, qos = 2 + int.from_bytes(body[:2], "big"), first >> 1 & 3
        packet_id = int.from_bytes(body[end : end + 2], "big") if qos else 0
        return Heard(qos, topic, payload, packet_id, bool(first & 1), bool(first & 8))

    def take_all(self) -> list[Heard]:
        """Take every message there is, and acknowledge it by the rules (4.3)."""
        taken: list[Heard] = []
        while packets := self.until_ping():
            for first, body in packets:
                if first == PUBREL:
                    self.answer(PUBCOMP, int.from_bytes(body[:2], "big"))
                    continue
                taken.append(self.heard(first, body))
                if taken[-1].qos:
                    self.answer({1: PUBACK, 2: PUBREC}[taken[-1].qos], taken[-1].packet_id)
        return taken

    def bye(self) -> None:
        """Take leave and wait for the end."""
        self.send(b"\xe0\x00")
        assert self.is_closed()
        self.socket.close()


def connected(server: Server, client_id: str = "d", **how: object) -> SessionClient:
    client = SessionClient(server)
    client.connect(client_id, **how)
    return client


def send(server: Server, topic: str, *payloads: bytes, qos: int = 1, retain: bool = False) -> None:
    """Publish from another client, to the end of what follows."""
    with connected(server, "sender") as sender:
        for payload in payloads:
            sender.publish_wholly(topic, payload, qos=qos, retain=retain)
