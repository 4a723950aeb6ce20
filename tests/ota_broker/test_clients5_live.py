"""MQTT 5 clients people have, unchanged: mosquitto's, paho, aiomqtt and the AWS IoT Device SDK."""

import asyncio
import base64
import json
import subprocess
from collections.abc import Iterator
from concurrent.futures import Future
from queue import Queue
from typing import Any

import aiomqtt
import pytest
from awscrt import io, mqtt5, mqtt_request_response
from awsiot import iotjobs
from paho.mqtt import client as paho
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

import live
from images import MemoryImage, image_bytes
from live import RawClient, Server
from processes import tool

IMAGE = MemoryImage(image_bytes(10_000))
GET = "$aws/things/d/streams/fw/get/json"
DATA = "$aws/things/d/streams/fw/data/json"
ONE = b'{"f":0,"l":4096,"o":2,"n":1}'


@pytest.fixture
def server() -> Iterator[Server]:
    with live.serving({"fw": {0: IMAGE}}) as server:
        yield server


def properties(kind: int, **values: Any) -> Properties:
    made = Properties(kind)
    for name, value in values.items():
        setattr(made, name, value)
    return made


def test_mosquitto_sub_and_pub(server: Server):
    where = ["-h", server.host, "-p", str(server.port), "-V", "5", "-q", "1"]
    sub = [tool("mosquitto_sub"), *where, "-i", "watch", "-t", DATA, "-t", "plain", "-C", "2", "-F", "%t|%P|%E|%D"]
    with subprocess.Popen(sub, stdout=subprocess.PIPE, text=True) as watch:
        live.wait_until(lambda: any(len(s.filters) == 2 for s in server.listener.exchange._sessions), "subscribed")
        pub = [tool("mosquitto_pub"), *where, "-i", "d", "-D", "publish", "correlation-data", "7"]
        subprocess.run([*pub, "-t", GET, "-m", ONE.decode()], check=True, timeout=live.PATIENCE)
        more = ["-D", "publish", "user-property", "k", "v", "-D", "publish", "message-expiry-interval", "60"]
        subprocess.run([*pub, *more, "-t", "plain", "-m", "x"], check=True, timeout=live.PATIENCE)
        out, _ = watch.communicate(timeout=live.PATIENCE)
    first, second = out.splitlines()
    assert first == f"{DATA}|||", "an answer that another asked for has no correlation data"
    assert second.startswith("plain|k:v|")
    assert second.endswith("|7")


class Paho:
    """A paho client that keeps what comes back."""

    def __init__(self, server: Server, client_id: str = "d", **connect: Any) -> None:
        self.messages: Queue[paho.MQTTMessage] = Queue()
        self.said: Queue[tuple[str, Any, Any]] = Queue()
        self.client = paho.Client(paho.CallbackAPIVersion.VERSION2, client_id, protocol=paho.MQTTv5)
        self.client.on_message = lambda _, __, message: self.messages.put(message)
        self.client.on_connect = lambda _, __, ___, code, found: self.said.put(("connected", code, found))
        self.client.on_subscribe = lambda _, __, ___, codes, found: self.said.put(("subscribed", codes, found))
        self.client.on_publish = lambda _, __, ___, code, found: self.said.put(("published", code, found))
        self.client.on_disconnect = lambda _, __, ___, code, found: self.said.put(("closed", code, found))
        self.client.connect(server.host, server.port, **connect)
        self.client.loop_start()
        self.connack = self.next("connected")

    def next(self, what: str) -> tuple[Any, Any]:
        said, code, found = self.said.get(timeout=live.PATIENCE)
        assert said == what
        return code, found

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


def test_paho_downloads_a_block_and_gets_its_correlation_data_back(server: Server):
    client = Paho(server, properties=properties(PacketTypes.CONNECT, SessionExpiryInterval=60, ReceiveMaximum=10))
    try:
        code, found = client.connack
        assert not code.is_failure
        assert (found.TopicAliasMaximum, found.MaximumQoS, found.ReceiveMaximum) == (8, 1, 100)
        client.client.subscribe(DATA, 1)
        assert [code.value for code in client.next("subscribed")[0]] == [1]
        asked = properties(PacketTypes.PUBLISH, CorrelationData=b"7", ResponseTopic="answers")
        client.client.publish(GET, ONE, 1, properties=asked)
        block = client.messages.get(timeout=live.PATIENCE)
        assert json.loads(block.payload)["l"] == 10_000 - 8192
        assert block.properties.CorrelationData == b"7"
        assert client.next("published")[0].value == 0
        client.client.publish("$SYS/x", b"", 1)
        code, found = client.next("published")
        assert (code.value, "reserved" in found.ReasonString) == (0x90, True)
    finally:
        client.close()


def test_paho_is_told_why_it_was_closed(server: Server):
    client = Paho(server)
    try:
        client.client.publish("t", b"", 0, properties=properties(PacketTypes.PUBLISH, TopicAlias=9))
        client.next("published")
        code, found = client.next("closed")
        assert (code.value, found.ReasonString) == (0x94, "topic alias 9, more than 8")
    finally:
        client.close()


def test_paho_gets_a_client_id(server: Server):
    client = Paho(server, "")
    try:
        assert client.connack[1].AssignedClientIdentifier.startswith("auto-")
    finally:
        client.close()


async def test_aiomqtt_asks_another_client_and_gets_its_answer(server: Server):
    def client(name: str) -> aiomqtt.Client:
        return aiomqtt.Client(server.host, server.port, identifier=name, protocol=aiomqtt.ProtocolVersion.V5)

    async with asyncio.timeout(live.PATIENCE), client("asks") as asks, client("answers") as answers:
        await answers.subscribe("question", qos=1)
        await asks.subscribe("answer/asks", qos=1)
        asked = properties(PacketTypes.PUBLISH, ResponseTopic="answer/asks", CorrelationData=b"7", ContentType="text")
        await asks.publish("question", b"?", qos=1, properties=asked)
        question = await anext(answers.messages)
        assert question.properties.ContentType == "text"
        told = properties(PacketTypes.PUBLISH, CorrelationData=question.properties.CorrelationData)
        await answers.publish(question.properties.ResponseTopic, b"!", qos=1, properties=told)
        answer = await anext(asks.messages)
        assert (answer.payload, answer.properties.CorrelationData) == (b"!", b"7")


def test_the_packets_of_coremqtt_5_download_an_image(server: Server):
    """As captured from the file streams library over coreMQTT 5.0.2: no property but the size of its buffer."""
    with RawClient(server, 5) as client:
        client.send(bytes.fromhex("101600044d5154540502003c052700061a80000464657631"))
        first, body = client.receive()
        assert (first, body[:2]) == (0x20, b"\0\0")
        base = "$aws/things/dev1/streams/fw"
        assert client.subscribe(f"{base}/data/json", qos=1) == b"\1"
        blocks = []
        for offset in range(3):
            client.publish(f"{base}/get/json", b'{"s": 1,"f": 0,"l": 4096,"o": %d,"n": 1}' % offset)
            ((topic, block),) = client.messages()
            assert topic == f"{base}/data/json"
            blocks.append(base64.b64decode(json.loads(block)["p"]))
        assert b"".join(blocks) == IMAGE.read(0, 10_000)


@pytest.fixture
def sdk(server: Server) -> Iterator[mqtt5.Client]:
    """An MQTT 5 client of the SDK without TLS."""
    elg = io.EventLoopGroup(1)
    connected: Future[Any] = Future()
    stopped: Future[Any] = Future()
    client = mqtt5.Client(
        mqtt5.ClientOptions(
            host_name=server.host,
            port=server.port,
            bootstrap=io.ClientBootstrap(elg, io.DefaultHostResolver(elg)),
            connect_options=mqtt5.ConnectPacket(client_id="sdk-client", keep_alive_interval_sec=60),
            on_lifecycle_event_connection_success_fn=connected.set_result,
            on_lifecycle_event_connection_failure_fn=lambda data: connected.set_exception(data.exception),
            on_lifecycle_event_stopped_fn=stopped.set_result,
        )
    )
    client.start()
    settings = connected.result(live.PATIENCE).negotiated_settings
    assert settings.receive_maximum_from_server == 100
    assert settings.topic_alias_maximum_to_server == 8
    yield client
    client.stop()
    stopped.result(live.PATIENCE)


def test_the_sdks_jobs_client_takes_a_job_to_its_end_over_mqtt_5(server: Server, sdk: mqtt5.Client):
    options = mqtt_request_response.ClientOptions(max_request_response_subscriptions=8, max_streaming_subscriptions=2)
    options.operation_timeout_in_seconds = int(live.PATIENCE)
    jobs, thing = iotjobs.IotJobsClientV2(sdk, options), "d"
    server.create_job("j", thing)
    started = jobs.start_next_pending_job_execution(iotjobs.StartNextPendingJobExecutionRequest(thing_name=thing))
    assert started.result(live.PATIENCE).execution.job_id == "j"
    done = iotjobs.UpdateJobExecutionRequest(thing_name=thing, job_id="j", status="SUCCEEDED")
    jobs.update_job_execution(done).result(live.PATIENCE)
    pending = jobs.get_pending_job_executions(iotjobs.GetPendingJobExecutionsRequest(thing_name=thing))
    assert pending.result(live.PATIENCE).in_progress_jobs == []


def test_the_sdk_is_told_why_a_message_was_refused(sdk: mqtt5.Client):
    refused = sdk.publish(mqtt5.PublishPacket(topic="$SYS/x", qos=mqtt5.QoS.AT_LEAST_ONCE, payload=b"x")).result(10)
    assert refused.puback.reason_code == mqtt5.PubackReasonCode.TOPIC_NAME_INVALID
    assert "reserved" in refused.puback.reason_string
