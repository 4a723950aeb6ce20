"""Clients people have, unchanged: mosquitto's, paho and aiomqtt, on `$aws` and ordinary topics of one connection."""

import asyncio
import json
import subprocess
from collections.abc import Iterator
from queue import Queue

import aiomqtt
import cbor2
import pytest
from paho.mqtt import client as paho

import live
from images import MemoryImage, image_bytes
from live import Server
from processes import tool

IMAGE = MemoryImage(image_bytes(10_000))
GET = "$aws/things/d/streams/fw/get/json"
DATA = "$aws/things/d/streams/fw/data/json"
ONE = b'{"f":0,"l":4096,"o":2,"n":1}'
LAST_BLOCK = IMAGE.read(8192, 10_000)


@pytest.fixture
def server() -> Iterator[Server]:
    with live.serving({"fw": {0: IMAGE}}) as server:
        yield server


def mosquitto_pub(server: Server, *arguments: str) -> None:
    command = [tool("mosquitto_pub"), "-h", server.host, "-p", str(server.port), *arguments]
    subprocess.run(command, check=True, timeout=live.PATIENCE)


@pytest.mark.parametrize("qos", ["0", "1"])
def test_mosquitto_sub_and_pub(server: Server, qos: str):
    command = [
        tool("mosquitto_sub"), "-h", server.host, "-p", str(server.port), "-i", "watch", "-q", qos, "-v",
        "-t", "$aws/things/+/streams/#", "-t", "plain/#", "-C", "4",
    ]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as sub:
        live.wait_until(lambda: any(len(s.filters) == 2 for s in server.listener.exchange._sessions), "subscribed")
        mosquitto_pub(server, "-i", "d", "-q", qos, "-t", GET, "-m", ONE.decode())
        mosquitto_pub(server, "-q", qos, "-t", "plain/topic", "-m", "hello")
        mosquitto_pub(server, "-q", qos, "-t", "$aws/things/d/streams/fw/describe/json", "-n")
        out, _ = sub.communicate(timeout=live.PATIENCE)
    lines = [line.split(" ", 1) for line in out.splitlines()]
    assert [topic for topic, _ in lines] == [GET, DATA, "plain/topic", "$aws/things/d/streams/fw/describe/json"]
    assert json.loads(lines[1][1])["i"] == 2


def test_mosquitto_retained_will_and_persistent_session(server: Server):
    mosquitto_pub(server, "-t", "r", "-m", "kept", "-r")
    sub = [tool("mosquitto_sub"), "-h", server.host, "-p", str(server.port), "-i", "p", "-c", "-q", "1"]
    first = subprocess.run(
        [*sub, "-t", "r", "-C", "1"], capture_output=True, text=True, check=True, timeout=live.PATIENCE
    )
    assert first.stdout == "kept\n"
    mosquitto_pub(server, "-t", "r", "-m", "while away", "-q", "1")
    second = subprocess.run(
        [*sub, "-t", "r", "-C", "1"], capture_output=True, text=True, check=True, timeout=live.PATIENCE
    )
    assert second.stdout == "while away\n"


@pytest.mark.parametrize("qos", [0, 1])
def test_paho_downloads_a_block_and_talks_on_an_ordinary_topic(server: Server, qos: int):
    received: Queue[paho.MQTTMessage] = Queue()
    subscribed: Queue[object] = Queue()
    client = paho.Client(paho.CallbackAPIVersion.VERSION2, client_id="d")
    client.on_message = lambda _, __, message: received.put(message)
    client.on_subscribe = lambda *_: subscribed.put(None)
    client.connect(server.host, server.port)
    client.loop_start()
    try:
        client.subscribe([(DATA, qos), ("plain/+", qos)])
        subscribed.get(timeout=live.PATIENCE)
        for _ in range(2):
            client.publish(GET, ONE, qos).wait_for_publish(live.PATIENCE)
            block = received.get(timeout=live.PATIENCE)
            assert (block.topic, json.loads(block.payload)["l"]) == (DATA, len(LAST_BLOCK))
            client.publish("plain/x", b"hello", qos).wait_for_publish(live.PATIENCE)
            message = received.get(timeout=live.PATIENCE)
            assert (message.topic, message.payload, message.qos) == ("plain/x", b"hello", qos)
    finally:
        client.disconnect()
        client.loop_stop()


async def test_aiomqtt_downloads_a_block_and_talks_on_an_ordinary_topic(server: Server):
    will = aiomqtt.Will("plain/will", b"gone", qos=1)
    async with (
        asyncio.timeout(live.PATIENCE),
        aiomqtt.Client(server.host, server.port, identifier="d", will=will) as client,
    ):
        await client.subscribe("$aws/things/d/streams/fw/data/cbor")
        await client.subscribe("plain/+", qos=1)
        await client.publish("$aws/things/d/streams/fw/get/cbor", cbor2.dumps({"f": 0, "l": 4096, "o": 2, "n": 1}))
        await client.publish("plain/x", b"hello", qos=1)
        messages = client.messages
        block, message = await anext(messages), await anext(messages)
        assert cbor2.loads(block.payload)["p"] == LAST_BLOCK
        assert (str(message.topic), message.payload) == ("plain/x", b"hello")
