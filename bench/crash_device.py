"""A device that takes one OTA update over any number of lost connections, and notes what the cloud has acknowledged."""

import asyncio
import base64
import json
from dataclasses import dataclass, field
from typing import Any

from ota_broker.front.codec.fields import text
from ota_broker.front.codec.framing import packet_at
from ota_broker.front.codec.mqtt311 import encode_publish
from ota_broker.front.codec.packets import Message, PacketType

BLOCK = 4096
_AGAIN = 0.05  # seconds between two attempts to connect
_ANSWER_WITHIN = 5.0  # seconds; a request whose answer went down with the server is asked again
_REPORT_EVERY = 8  # blocks
_HEAD = 2  # bytes: a first byte, and a remaining length of one byte at least


@dataclass
class Tally:
    """What the cloud has acknowledged to all devices: tokens of answered requests, updates of executions."""

    answered: set[str] = field(default_factory=set[str])
    updated: set[tuple[str, int]] = field(default_factory=set[tuple[str, int]])
    versions: dict[str, int] = field(default_factory=dict[str, int])
    lost: int = 0  # connections


class Device:
    """One thing. `image` is what it has so far."""

    def __init__(self, name: str, port: int, stream_id: str, size: int, tally: Tally) -> None:
        self.name = name
        self.requests = -(-size // BLOCK)
        self._port = port
        self._stream = f"$aws/things/{name}/streams/{stream_id}/get/json"
        self._jobs = f"$aws/things/{name}/jobs"
        self._blocks: list[bytes] = []
        self._tally = tally
        self._asked = 0
        self._job: str | None = None
        self._reader: asyncio.StreamReader
        self._writer: asyncio.StreamWriter

    @property
    def image(self) -> bytes:
        """What was downloaded."""
        return b"".join(self._blocks)

    async def run(self) -> None:
        """Do the job, whatever it takes."""
        while True:
            try:
                self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
            except OSError:
                await asyncio.sleep(_AGAIN)
                continue
            try:
                await self._work()
            except (OSError, EOFError, TimeoutError):
                self._tally.lost += 1
            else:
                return
            finally:
                self._writer.close()

    async def _work(self) -> None:
        await self._connect()
        if self._job is None:
            execution = (await self._ask(f"{self._jobs}/start-next", {}))["execution"]
            self._tell(execution["versionNumber"])
            self._job = execution["jobId"]
        while len(self._blocks) < self.requests:
            await self._block(len(self._blocks))
            if len(self._blocks) % _REPORT_EVERY == 0:
                await self._report("IN_PROGRESS")
        await self._report("SUCCEEDED")

    async def _connect(self) -> None:
        body = text("MQTT") + b"\x04\x02\x00\x3c" + text(self.name)
        self._writer.write(bytes((PacketType.CONNECT << 4, len(body))) + body)
        first, _ = await self._packet()
        if first >> 4 != PacketType.CONNACK:
            raise EOFError

    async def _block(self, number: int) -> None:
        self._asked += 1
        token = f"{self.name}/{self._asked}"
        answer = await self._ask(self._stream, {"c": token, "f": 0, "l": BLOCK, "o": number, "n": 1})
        self._tally.answered.add(answer["c"])
        self._blocks.append(base64.b64decode(answer["p"]))

    async def _report(self, status: str) -> None:
        """Report; an execution that has ended already was ended by a report whose answer was lost."""
        body = {"status": status, "includeJobExecutionState": True}
        answer = await self._ask(f"{self._jobs}/{self._job}/update", body)
        if state := answer.get("executionState"):
            if answer.get("code") is None:
                self._tally.updated.add((self.name, state["versionNumber"]))
            self._tell(state["versionNumber"])

    def _tell(self, version: int) -> None:
        self._tally.versions[self.name] = max(version, self._tally.versions.get(self.name, 0))

    async def _ask(self, topic: str, body: dict[str, Any]) -> dict[str, Any]:
        """Send a request and return its answer; notifications that come in between are none."""
        self._writer.write(encode_publish(Message(topic, json.dumps(body).encode())))
        async with asyncio.timeout(_ANSWER_WITHIN):
            while True:
                first, received = await self._packet()
                end = 2 + int.from_bytes(received[:2], "big")
                if first >> 4 == PacketType.PUBLISH and not received[2:end].endswith((b"/notify", b"/notify-next")):
                    answer: dict[str, Any] = json.loads(received[end:])
                    return answer

    async def _packet(self) -> tuple[int, bytes]:
        head = await self._reader.readexactly(_HEAD)
        while not (found := packet_at(head, 0, 1 << 20))[0]:
            head += await self._reader.readexactly(1)
        return head[0], await self._reader.readexactly(found[1] - found[0])
