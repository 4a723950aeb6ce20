"""`serve --faults` and `ota-stream faults`: a real simulator, real clients, faults that come and go while it runs."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from images import MemoryImage, image_bytes
from live import RawClient, Server, serving
from live5 import Client5
from ota_broker.faults import FaultyCloud, read_file
from ota_broker.front.codec.packets import PacketType
from ota_device.device import Device
from ota_device.download import DownloadOptions
from ota_device.link import Link
from ota_stream.cli import app
from ota_stream.cli.control_client import CallError
from ota_stream.faults import kinds
from ota_stream.faults.desk import FaultDesk
from ota_stream.faults.kinds import FaultError
from ota_stream.records import FaultRecord
from processes import cli, cli_here, serve

IMAGE = image_bytes(40_000)
GET = "$aws/things/t/streams/fw/get/json"
THREE = b'{"c":"tok","f":0,"l":1024,"n":3}'
FILE = """
faults:
  - fault: drop
    name: lose-block-7
    blocks: 7
    attempts: 1
"""


@pytest.fixture
def firmware(tmp_path: Path) -> Path:
    path = tmp_path / "fw.bin"
    path.write_bytes(IMAGE)
    return path


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


def asked(client: RawClient) -> list[int]:
    """Ask for three blocks and return the ids of those that have come by the answer to a PINGREQ."""
    client.publish(GET, THREE)
    return [json.loads(payload)["i"] for _, payload in client.messages()]


def faults(verb: str, data: Path, *more: str) -> str:
    """Run `ota-stream faults VERB` in this process, and return what it prints."""
    ended = CliRunner().invoke(app, ["faults", verb, *more, "--data-dir", str(data)])
    if ended.exception is not None:
        raise ended.exception
    return ended.stdout


def injected(data: Path) -> list[dict[str, str]]:
    lines = cli("logs", "--json", "--data-dir", data).stdout.splitlines()
    return [entry for line in lines if (entry := json.loads(line)).get("eventType") == "InjectedFault"]


def test_a_device_gets_its_image_all_the_same_and_the_log_explains_why_it_asked_again(
    firmware: Path, data: Path, tmp_path: Path
):
    (tmp_path / "faults.yaml").write_text(FILE)
    with serve(firmware, data, "--faults", str(tmp_path / "faults.yaml")) as process:
        with Link(*process.address, "lock") as link:
            fetched = Device(link, "lock").fetch("fw", options=DownloadOptions(block_size=1024, retry_after=0.2))
        assert fetched.image == IMAGE
        listed = faults("list", data).splitlines()
        assert re.fullmatch(r"lose-block-7 +drop +1 +blocks 7, attempts 1", listed[1])
        (entry,) = injected(data)
        assert entry["fault"] == "lose-block-7"
        assert entry["details"] == "drop: 1 of GetStream, blocks 7"
        assert entry["logLevel"] == "WARN"
        assert entry["topicName"] == "$aws/things/lock/streams/fw/get/cbor"


def test_faults_come_and_go_while_it_runs(firmware: Path, data: Path):
    with serve(firmware, data) as process, RawClient(process.address) as client:
        client.connect("c")
        assert asked(client) == [0, 1, 2]
        assert faults("add", data, "reorder", "--thing", "t") == "fault reorder-1 is set\n"
        faults("add", data, "drop", "--blocks", "1", "--name", "lose")
        assert asked(client) == [2, 0]
        assert faults("remove", data, "reorder-1") == "fault reorder-1 is removed\n"
        assert asked(client) == [0, 2]
        shown = {"faults": [{"fault": "drop", "name": "lose", "blocks": "1", "hits": 2}]}
        assert json.loads(faults("list", data, "--json")) == shown
        assert faults("clear", data) == "no fault is set\n"
        assert asked(client) == [0, 1, 2]


def put(server: Server, fault: dict[str, Any]) -> None:
    """Put a fault in the way of the devices of a server in this process."""

    def work() -> None:
        desk = FaultDesk(lambda: None)
        desk.add(kinds.read(fault), server.clock.monotonic())
        exchange = server.listener.exchange
        exchange.cloud = FaultyCloud(exchange.cloud, desk, server.clock, server.records.append, print)

    server.run(work)


@pytest.fixture
def server() -> Iterator[Server]:
    with serving({"fw": {0: MemoryImage(IMAGE)}}) as server:
        yield server


def test_what_is_late_comes_late_with_what_mqtt_5_wants_echoed(server: Server):
    put(server, {"fault": "delay", "seconds": 0.2, "blocks": 0})
    with Client5(server) as client:
        client.hello("c")
        client.say(GET, THREE, CorrelationData=b"mine")
        heard = [client.next_message() for _ in range(3)]
        assert [json.loads(each.payload)["i"] for each in heard] == [1, 2, 0]
        assert {each.properties["CorrelationData"] for each in heard} == {b"mine"}


def test_a_late_request_is_answered_late_with_what_mqtt_5_wants_echoed(server: Server):
    put(server, {"fault": "delay", "seconds": 0.2, "times": 1, "direction": "request"})
    put(server, {"fault": "delay", "seconds": 0.2, "blocks": 2})
    with Client5(server) as client:
        client.hello("c")
        client.say(GET, THREE, CorrelationData=b"mine")
        client.say(GET, b'{"f":0,"l":1024,"n":1}', CorrelationData=b"at once")
        heard = [client.next_message() for _ in range(4)]
        assert [json.loads(each.payload)["i"] for each in heard] == [0, 0, 1, 2]
        assert [each.properties["CorrelationData"] for each in heard] == [b"at once", b"mine", b"mine", b"mine"]


def test_what_is_late_for_somebody_who_has_left_is_nobody_s_trouble(server: Server):
    put(server, {"fault": "delay", "seconds": 0.05})
    with RawClient(server) as client:
        client.connect("gone")
        assert asked(client) == []
    with RawClient(server) as client:
        client.connect("stays")
        client.publish(GET, THREE)
        for _ in range(3):
            client.receive()


def test_a_swallowed_request_is_acknowledged(server: Server):
    put(server, {"fault": "swallow"})
    with RawClient(server) as client:
        client.connect("c")
        client.publish(GET, THREE, qos=1)
        ((first, _),) = client.until_ping()
        assert first >> 4 == PacketType.PUBACK
    assert [type(record) for record in server.records] == [FaultRecord]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "No such file"),
        ("faults: [", "is not YAML"),
        ("- drop", "a list named `faults`"),
        ("faults: [{fault: explode}]", "explode"),
    ],
)
def test_a_bad_file_is_one_clear_line(tmp_path: Path, content: str | None, said: str):
    path = tmp_path / "faults.yaml"
    if content is not None:
        path.write_text(content)
    with pytest.raises(FaultError) as error:
        read_file(str(path))
    assert str(error.value).startswith(f"file of faults {path}")
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_the_simulator_does_not_start_with_a_bad_file(firmware: Path, data: Path, tmp_path: Path):
    path = tmp_path / "none.yaml"
    ended = cli("serve", firmware, "--faults", path, "--data-dir", data, "--mqtt-port", "0", "--http-port", "0")
    assert ended.returncode == 1
    assert ended.stderr == f"error: file of faults {path}: No such file or directory\n"


def test_a_bad_fault_is_one_clear_line_and_so_is_one_that_is_not_there(firmware: Path, data: Path):
    with serve(firmware, data):
        ended = cli_here("faults", "add", "explode", "--data-dir", data)
        assert (ended.returncode, ended.stderr.count("\n")) == (1, 1)
        assert ended.stderr.startswith("error: there is no fault 'explode'")
        with pytest.raises(FaultError, match="write it as NAME=VALUE"):
            faults("add", data, "delay", "-O", "seconds")
        with pytest.raises(CallError, match="there is no fault 'none'"):
            faults("remove", data, "none")
