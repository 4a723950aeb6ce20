"""TLS on a simulator of its own process: who comes in, who does not, and how it is told (MS-1, MS-3, MS-4)."""

import json
import ssl
import subprocess
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import boto3
import paho.mqtt.client as mqtt
import pytest
from awscrt.mqtt import QoS
from awsiot import iotjobs, mqtt_connection_builder
from botocore.config import Config

from images import image_bytes
from live import PATIENCE, RawClient, wait_until
from ota_stream.cli import certs
from processes import Process, serve, tool
from tls_clients import SERVER, Identity, TlsClient, context, is_refused, local_ca, make, signer_of

GET = "$aws/things/{}/jobs/get"


class Secured(NamedTuple):
    """A running simulator with TLS."""

    process: Process
    data_dir: Path

    @property
    def address(self) -> tuple[str, int]:
        return "localhost", self.process.ready["mqtts"]["port"]

    @property
    def ca(self) -> Path:
        return self.data_dir / "certs" / "ca.pem"

    def mint(self, *names: str, role: Any = "thing") -> list[Identity]:
        """Have the running simulator mint identities, as the command line does."""
        folder = self.data_dir / "certs"
        certs._mint(role, list(names), folder, self.data_dir, None)
        return [Identity(certs.certificate_file(folder, name), certs.key_file(folder, name)) for name in names]

    def client(self, identity: Identity | None) -> TlsClient:
        return TlsClient(self.address, context(self.ca, identity))

    @property
    def iot(self) -> Any:
        return boto3.Session("test", "test", region_name="us-east-1").client(
            "iot",
            endpoint_url=f"http://127.0.0.1:{self.process.ready['http']['port']}",
            config=Config(retries={"total_max_attempts": 1}),
        )


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    folder = tmp_path_factory.mktemp("secured")
    (folder / "fw.bin").write_bytes(image_bytes(10_000))
    with serve(folder / "fw.bin", folder / "data", "--tls", "--tls-port", "0") as process:
        found = Secured(process, folder / "data")
        found.mint("known")
        yield found


@pytest.fixture(scope="module")
def known(secured: Secured) -> Identity:
    folder = secured.data_dir / "certs"
    return Identity(certs.certificate_file(folder, "known"), certs.key_file(folder, "known"))


def asks(client: RawClient, thing: str) -> bool:
    """Ask for jobs as a thing and return whether there was an answer."""
    client.connect(thing)
    client.publish(GET.format(thing), b"{}")
    return GET.format(thing) + "/accepted" in dict(client.messages())


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("alpn", [None, "x-amzn-mqtt-ca", "mqtt"])
def test_a_thing_comes_in_with_its_certificate(secured, known, version: ssl.TLSVersion, alpn: str | None):
    tls = context(secured.ca, known)
    tls.minimum_version = tls.maximum_version = version
    if alpn:
        tls.set_alpn_protocols([alpn])
    with TlsClient(secured.address, tls) as client:
        assert client.socket.selected_alpn_protocol() == alpn  # MS-1
        assert asks(client, "known")


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1"])
def test_the_server_is_called_by_the_names_of_this_machine(secured, known, name: str):
    with TlsClient(secured.address, context(secured.ca, known), name) as client:
        assert asks(client, "known")


def test_a_server_of_another_name_or_another_ca_is_none_for_the_client(secured, known, tmp_path: Path):
    with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
        TlsClient(secured.address, context(secured.ca, known), "device.example")
    stranger = make(tmp_path, "ca", is_ca=True)
    with pytest.raises(ssl.SSLCertVerificationError, match="self-signed certificate"):
        TlsClient(secured.address, context(stranger.cert, known))


def test_an_older_tls_is_refused(secured, known):
    tls = context(secured.ca, known)
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        tls.minimum_version = tls.maximum_version = ssl.TLSVersion.TLSv1_1
    assert is_refused(secured.address, tls)


@pytest.fixture
def bad(request, secured: Secured, tmp_path: Path) -> Identity | None:
    """A certificate that proves nothing here."""
    ours, foreign = local_ca(secured.data_dir), signer_of(make(tmp_path, "foreign", is_ca=True))
    return {
        "none": lambda: None,
        "self-signed": lambda: make(tmp_path, "self"),
        "foreign": lambda: make(tmp_path, "far", foreign),
        "expired": lambda: make(tmp_path, "old", ours, days=(-9, -1)),
        "not yet": lambda: make(tmp_path, "new", ours, days=(1, 9)),
        "server's": lambda: make(tmp_path, "server", ours, purpose=SERVER),
        "unregistered": lambda: make(tmp_path, "unknown", ours),
    }[request.param]()


@pytest.mark.parametrize(
    "bad", ["none", "self-signed", "foreign", "expired", "not yet", "server's", "unregistered"], indirect=True
)
def test_who_proves_nothing_is_refused(secured, bad: Identity | None):
    assert is_refused(secured.address, context(secured.ca, bad))


def test_a_certificate_of_nobody_we_know_comes_in_when_it_is_registered(secured, tmp_path: Path):
    """RegisterCertificateWithoutCA: verified by registration, not by chain."""
    identity = make(tmp_path, "own-pki")
    iot = secured.iot
    iot.create_thing(thingName="own-pki")
    arn = iot.register_certificate_without_ca(certificatePem=identity.pem, status="ACTIVE")["certificateArn"]
    iot.attach_thing_principal(thingName="own-pki", principal=arn)
    iot.attach_policy(policyName="ota-stream-thing", target=arn)
    with secured.client(identity) as client:
        assert asks(client, "own-pki")


def test_certificates_of_a_registered_ca_come_in_when_they_are_registered_too(secured, tmp_path: Path):
    iot, factory = secured.iot, make(tmp_path, "factory", is_ca=True)
    identities = [make(tmp_path, name, signer_of(factory)) for name in ("made", "never-registered")]
    iot.register_ca_certificate(caCertificate=factory.pem, verificationCertificate=factory.pem, setAsActive=True)
    made = iot.register_certificate(certificatePem=identities[0].pem, caCertificatePem=factory.pem, setAsActive=True)
    iot.create_thing(thingName="made")
    iot.attach_thing_principal(thingName="made", principal=made["certificateArn"])
    iot.attach_policy(policyName="ota-stream-thing", target=made["certificateArn"])
    with secured.client(identities[0]) as client:
        assert asks(client, "made")
    assert is_refused(secured.address, context(secured.ca, identities[1]))  # MS-4


def certificate_id(identity: Identity) -> str:
    der = ssl.PEM_cert_to_DER_cert(identity.pem)
    return sha256(der).hexdigest()


def test_a_certificate_that_is_switched_off_ends_its_connection_and_comes_in_no_more(secured):
    (identity,) = secured.mint("switched")
    iot, its_id = secured.iot, certificate_id(identity)
    with secured.client(identity) as client:
        assert asks(client, "switched")
        iot.update_certificate(certificateId=its_id, newStatus="INACTIVE")
        assert client.is_closed()
    assert is_refused(secured.address, context(secured.ca, identity))
    iot.update_certificate(certificateId=its_id, newStatus="ACTIVE")
    with secured.client(identity) as client:
        assert asks(client, "switched")
    iot.update_certificate(certificateId=its_id, newStatus="REVOKED")
    assert is_refused(secured.address, context(secured.ca, identity))


@pytest.mark.parametrize("loses", ["policy", "thing"])
def test_a_certificate_that_is_detached_ends_its_connection(secured, loses: str):
    name = f"loses-{loses}"
    (identity,) = secured.mint(name)
    iot = secured.iot
    arn = iot.describe_certificate(certificateId=certificate_id(identity))["certificateDescription"]["certificateArn"]
    with secured.client(identity) as client:
        assert asks(client, name)
        if loses == "policy":
            iot.detach_policy(policyName="ota-stream-thing", target=arn)
        else:
            iot.detach_thing_principal(thingName=name, principal=arn)
        assert client.is_closed()


def test_a_new_right_holds_on_a_live_connection(secured):
    (identity,) = secured.mint("grows")
    iot = secured.iot
    arn = iot.describe_certificate(certificateId=certificate_id(identity))["certificateDescription"]["certificateArn"]
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "iot:*", "Resource": "*"}]}
    iot.create_policy(policyName="more", policyDocument=json.dumps(document))
    with secured.client(identity) as client:
        client.connect("grows")
        iot.attach_policy(policyName="more", target=arn)

        def is_allowed() -> bool:
            with secured.client(identity) as again:
                again.connect("other-name")  # only the new policy allows it
                return True

        assert is_allowed()
        assert client.subscribe("plain/topic") == b"\0"  # the tick has come by: a reconnect takes longer


def test_an_operator_may_do_everything(secured):
    (identity,) = secured.mint("boss", role="operator")
    with secured.client(identity) as client:
        client.connect("anything")
        assert client.subscribe("#", "$aws/things/+/jobs/#") == b"\0\0"


def test_a_thing_may_not_be_another(secured, known):
    with secured.client(known) as client, pytest.raises((ConnectionError, AssertionError)):
        client.connect("somebody-else")


def test_plain_bytes_on_the_tls_port_and_tls_on_the_plain_one_end_at_once(secured, known):
    with RawClient(secured.address) as client:
        client.send(b"\x10\x0d\x00\x04MQTT\x04\x02\x00\x3c\x00\x01a")
        assert client.is_closed()
    assert is_refused(secured.process.address, context(secured.ca, known))


def test_large_messages_and_many_of_them_go_both_ways(secured):
    (identity,) = secured.mint("bulky", role="operator")
    payload = bytes(range(256)) * 512  # 128 KiB
    with secured.client(identity) as client:
        client.connect("bulky")
        client.subscribe("to/me")
        for _ in range(20):
            client.publish("to/me", payload)
        assert client.messages() == [("to/me", payload)] * 20


def test_paho_comes_in(secured, known):
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, "known")
    client.tls_set(str(secured.ca), str(known.cert), str(known.key), alpn_protocols=["x-amzn-mqtt-ca"])
    answers: list[str] = []
    client.on_message = lambda _c, _d, message: answers.append(message.topic)
    client.on_connect = lambda c, *_: c.publish(GET.format("known"), b"{}", 1)
    client.connect(*secured.address)
    client.loop_start()
    try:
        wait_until(lambda: answers, "the answer")
    finally:
        client.disconnect()
        client.loop_stop()


def test_mosquitto_pub_comes_in(secured, known):
    host, port = secured.address
    command = [tool("mosquitto_pub"), "-h", host, "-p", str(port), "--cafile", secured.ca, "--cert", known.cert]
    command += ["--key", known.key, "-i", "known", "-q", "1", "-t", GET.format("known"), "-m", "{}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_aws_sdk_takes_a_job_by_mutual_tls(secured):
    """The AWS IoT Device SDK v2 for Python, unchanged."""
    (identity,) = secured.mint("sdk-thing")
    host, port = secured.address
    connection = mqtt_connection_builder.mtls_from_path(
        endpoint=host, port=port, cert_filepath=str(identity.cert), pri_key_filepath=str(identity.key),
        ca_filepath=str(secured.ca), client_id="sdk-thing", clean_session=True, keep_alive_secs=30,
    )  # fmt: skip
    connection.connect().result(PATIENCE)
    try:
        jobs, taken = iotjobs.IotJobsClient(connection), []
        subscribed, _ = jobs.subscribe_to_start_next_pending_job_execution_accepted(
            iotjobs.StartNextPendingJobExecutionSubscriptionRequest(thing_name="sdk-thing"), QoS.AT_LEAST_ONCE,
            taken.append,
        )  # fmt: skip
        subscribed.result(PATIENCE)
        arn = secured.iot.describe_thing(thingName="sdk-thing")["thingArn"]
        secured.iot.create_job(jobId="by-tls", targets=[arn], document='{"operation":"x"}')
        jobs.publish_start_next_pending_job_execution(
            iotjobs.StartNextPendingJobExecutionRequest(thing_name="sdk-thing"), QoS.AT_LEAST_ONCE
        ).result(PATIENCE)
        wait_until(lambda: taken, "the job")
        assert taken[0].execution.job_id == "by-tls"
    finally:
        connection.disconnect().result(PATIENCE)


def test_what_was_registered_is_known_after_a_restart_and_every_refusal_has_its_line(tmp_path: Path):
    image = tmp_path / "fw.bin"
    image.write_bytes(b"x" * 1000)
    certs._mint("thing", ["early"], tmp_path / "out", tmp_path / "data", None)  # before the first start
    identity = Identity(tmp_path / "out" / "early.cert.pem", tmp_path / "out" / "early.private.key")
    ca = tmp_path / "out" / "ca.pem"
    with serve(image, tmp_path / "data", "--tls", "--tls-port", "0", "--require-sni") as process:
        address = ("localhost", process.ready["mqtts"]["port"])
        with TlsClient(address, context(ca, identity)) as client:
            assert asks(client, "early")
        nameless = context(ca, identity)
        nameless.check_hostname = False
        assert is_refused(address, nameless, None)  # MS-3
        process.stop()
    assert "it named no server (SNI)" in process.err
    with serve(image, tmp_path / "data", "--tls", "--tls-port", "0") as process:
        address = ("localhost", process.ready["mqtts"]["port"])
        with TlsClient(address, context(ca, identity)) as client:
            assert asks(client, "early")
        unregistered = make(tmp_path, "unknown", local_ca(tmp_path / "data"))
        assert is_refused(address, context(ca, unregistered))
        assert is_refused(address, context(ca))
        with TlsClient(address, context(ca, identity)) as client:
            client.connect("early")
            iot = Secured(process, tmp_path / "data").iot
            iot.update_certificate(certificateId=certificate_id(identity), newStatus="INACTIVE")
            assert client.is_closed()
        process.stop()
    assert "closed AUTH_ERROR: early at 127.0.0.1" in process.err
    assert "is not registered" in process.err
    assert "it showed no client certificate" in process.err


def test_keys_are_for_their_owner_only(secured, known):
    assert known.key.stat().st_mode & 0o777 == 0o600
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in (secured.data_dir / "keys").iterdir())
    assert (secured.data_dir / "keys").stat().st_mode & 0o777 == 0o700
