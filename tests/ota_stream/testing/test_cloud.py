"""A cloud in the test's own process, and its time: seven days pass in milliseconds."""

import gc
import json
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import boto3
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from images import image_bytes
from live import PATIENCE, RawClient, wait_until
from ota_stream.cli import endpoints
from ota_stream.cli.control_client import ControlClient
from ota_stream.errors import ControlError
from ota_stream.faults.drop import Drop
from ota_stream.faults.kinds import FaultError
from ota_stream.testing import LocalCloud, Outcome, assert_records
from ota_stream.testing.loop import LoopThread

DAY = 86_400.0
WEEK_MINUTES = 7 * 24 * 60  # the longest there is: JTM-1


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[LocalCloud]:
    with LocalCloud(tmp_path) as cloud:
        yield cloud


def start(cloud: LocalCloud, thing: str) -> None:
    """Begin the job at hand as an agent does, and go away."""
    with RawClient(cloud.mqtt) as agent:
        agent.connect(thing)
        agent.publish(f"$aws/things/{thing}/jobs/start-next", b"{}", qos=1)
        ((_, answer),) = agent.messages()
        assert json.loads(answer)["execution"]["status"] == "IN_PROGRESS"


def test_a_time_out_of_seven_days(cloud: LocalCloud):  # JTM-1
    cloud.clock.freeze()
    began = cloud.clock.now
    update = cloud.create_update(image_bytes(5000), "dev1", timeout_minutes=WEEK_MINUTES)
    start(cloud, "dev1")
    cloud.clock.step(7 * DAY - 1)
    assert update.status("dev1") == "IN_PROGRESS"
    cloud.clock.step(10 * DAY)
    ended = update.execution("dev1")
    assert ended.status.value == "TIMED_OUT"
    assert ended.updated_at == pytest.approx(began + 7 * DAY, abs=0.1), "at its moment, not where the step ended"
    assert cloud.clock.now == pytest.approx(began + 17 * DAY - 1)


def test_a_device_updates_itself(cloud: LocalCloud):
    image = image_bytes(50_000)
    update = cloud.create_update(image, "dev1")
    device = cloud.device("dev1")
    assert device.run() is Outcome.SUCCEEDED
    assert (device.runs, update.status("dev1")) == (image, "SUCCEEDED")
    assert cloud.records("dev1", "GetStream")
    assert cloud.records("dev2") == []


def test_a_lost_block_is_asked_for_again(cloud: LocalCloud):
    image = image_bytes(50_000)
    lost = cloud.faults.add("drop", thing="dev1", blocks=7, attempts=1)
    cloud.create_update(image, "dev1")
    device = cloud.device("dev1", retry_after=0.2)
    assert device.run() is Outcome.SUCCEEDED
    assert (device.runs, cloud.faults.hits(lost)) == (image, 1)
    assert_records(
        cloud.records("dev1"),
        [..., {"eventType": "InjectedFault", "details": lambda what: what.endswith("blocks 7")}, ...],
    )
    cloud.faults.remove(lost)
    assert (cloud.faults.list(), cloud.faults.hits(lost)) == ([], 0)


def test_faults_are_made_of_words_or_of_their_class(cloud: LocalCloud):
    assert [cloud.faults.add("drop", blocks="3-5"), cloud.faults.add(Drop(blocks="3-5", name="mine"))] == [
        "drop-1",
        "mine",
    ]
    first, second = cloud.faults.list()
    assert {**first, "name": "mine"} == second
    cloud.faults.clear()
    assert cloud.faults.list() == []
    for wrong, why in (({"fault": "drip-coffee"}, "drip-coffee"), ({"fault": "drop", "block": 7}, "block")):
        with pytest.raises(FaultError, match=why):
            cloud.faults.add(**wrong)
    with pytest.raises(ControlError, match="no fault"):
        cloud.faults.remove("drop-1")


def test_what_a_device_does_wrong_is_found(cloud: LocalCloud):  # SG-4
    cloud.create_update(image_bytes(9000), "dev1")
    cloud.device("dev1").run()
    assert cloud.diagnosis() == [], "nothing is wrong with a healthy device"
    with RawClient(cloud.mqtt) as agent:
        agent.connect("dev2")
        agent.publish("$aws/things/dev2/streams/app/get/json", b'{"f":0,"l":100,"o":0,"n":1}', qos=1)
        agent.messages()
    assert {(found.thing, found.kind) for found in cloud.diagnosis()} >= {("dev2", "stream-not-found")}
    assert cloud.diagnosis("dev1") == []


def test_it_updates_itself_while_time_stands(cloud: LocalCloud):
    cloud.clock.freeze()
    cloud.create_update(image_bytes(9000), "dev1")
    assert cloud.device("dev1").run() is Outcome.SUCCEEDED
    assert {record["timestamp"] for record in cloud.records()} != set()


def test_silence_ends_a_connection_when_its_time_has_passed(cloud: LocalCloud):
    with RawClient(cloud.mqtt) as silent:
        silent.connect("dev1", keep_alive=60)
        cloud.clock.step("89s")
        assert silent.until_ping() == []
        cloud.clock.step("5m")
        assert silent.is_closed()


def test_a_cloud_with_tls_opens_and_closes_its_port(tmp_path: Path):
    with LocalCloud(tmp_path, tls=True) as cloud:
        socket.create_connection(cloud.mqtts, PATIENCE).close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(cloud.mqtts, PATIENCE)


def test_what_is_refused_says_so(cloud: LocalCloud):
    with pytest.raises(ControlError, match="10080"):
        cloud.create_update(b"image", "dev1", timeout_minutes=10081)


def test_a_session_ends_when_its_time_has_passed(cloud: LocalCloud):
    for passed, present in (("55m", True), ("2h", False)):
        with RawClient(cloud.mqtt) as client:
            client.connect("dev1", clean=False)
        cloud.clock.step(passed)
        with RawClient(cloud.mqtt) as client:
            assert client.connect("dev1", clean=False) is present


def test_a_presigned_url_ends_when_its_time_has_passed(cloud: LocalCloud):
    cloud.create_update(image_bytes(1000), "dev1", protocol="HTTP")
    with RawClient(cloud.mqtt) as agent:
        agent.connect("dev1")
        agent.publish("$aws/things/dev1/jobs/$next/get", b"{}", qos=1)
        ((_, answer),) = agent.messages()
    (file,) = json.loads(answer)["execution"]["jobDocument"]["afr_ota"]["files"]
    with urlopen(file["update_data_url"], timeout=PATIENCE) as image:  # noqa: S310 - our own
        assert image.read() == image_bytes(1000)
    cloud.clock.step("2h")
    with pytest.raises(HTTPError, match="403") as refused:
        urlopen(file["update_data_url"], timeout=PATIENCE)  # noqa: S310
    refused.value.close()


def test_clouds_share_a_thread_and_nothing_else(tmp_path: Path):
    loop, session = LoopThread(), boto3.Session("test", "test", region_name="us-east-1")
    for name in ("first", "second"):
        cloud = LocalCloud(tmp_path / name, loop).start()
        assert (cloud.records(), cloud.faults.list(), cloud.diagnosis()) == ([], [], [])
        iot, s3 = (session.client(service, endpoint_url=cloud.http) for service in ("iot", "s3"))
        assert (iot.list_things()["things"], iot.list_jobs()["jobs"], s3.list_buckets()["Buckets"]) == ([], [], [])
        iot.create_thing(thingName="dev0")
        s3.create_bucket(Bucket="bucket")
        cloud.faults.add("drop")
        cloud.clock.freeze()
        cloud.create_update(b"image", "dev1")
        assert cloud.records(action="CreateOTAUpdate")
        cloud.stop(wait=False)
    loop.stop()


def test_time_that_is_sped_up_lets_things_time_out(cloud: LocalCloud):  # JTM-1
    update = cloud.create_update(b"image", "dev1", timeout_minutes=60)
    start(cloud, "dev1")
    cloud.clock.speed(100_000)
    wait_until(lambda: update.status("dev1") == "TIMED_OUT", "an hour, in a 27th of a second")


def test_a_certificate_holds_by_the_machines_time(cloud: LocalCloud):
    cloud.clock.step("30d")
    key = ec.generate_private_key(ec.SECP256R1())
    csr = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(key, hashes.SHA256())
    asked = {"requests": {"dev1": csr.public_bytes(Encoding.PEM).decode()}}
    made = ControlClient(endpoints.find(Path(), cloud.http)).post("certificates", body=asked)
    certificate = x509.load_pem_x509_certificate(made["certificates"]["dev1"]["certificatePem"].encode())
    assert certificate.not_valid_before_utc < datetime.now(UTC)


def test_who_comes_in_while_a_cloud_stops_is_not_left_open(tmp_path: Path):
    """asyncio takes a connection in over several turns of its loop: its socket was never closed (ResourceWarning)."""
    over = threading.Event()
    address: list[tuple[str, int]] = []

    def come_and_go() -> None:
        while not over.is_set():
            with suppress(OSError), socket.create_connection(address[-1], 1) as peer:
                peer.sendall(b"\x10")

    with LocalCloud(tmp_path / "first") as first:
        address.append(first.mqtt)
        with ThreadPoolExecutor(2) as threads:
            comers = [threads.submit(come_and_go) for _ in range(2)]
            try:
                for number in range(6):
                    with LocalCloud(tmp_path / str(number)) as cloud:
                        address.append(cloud.mqtt)
                        wait_until(lambda: cloud._simulator._listener.accepted > 20)
            finally:
                over.set()
            for comer in comers:
                comer.result(10)
    gc.collect()
