"""Policies made with boto3, certificates over real TLS: what changes through the AWS API holds for who is connected."""

import json
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from aws_process import AwsProcess, refusal, simulator, until_entries
from live import RawClient
from ota_stream.cli.policy import policy_app
from policy_cases import statement
from processes import cli

EVERYTHING = statement("iot:*", "*")
NOT_A = statement("iot:Publish", "topic/a", "Deny")


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


class Cloud:
    """A simulator with a TLS port, and certificates it has made."""

    def __init__(self, aws: AwsProcess, folder: Path) -> None:
        self.aws, self.folder = aws, folder
        self.iot = aws.client("iot")
        self.port = int(aws.process.ready["mqtts"]["port"])
        assert cli("certs", "ca", "-o", folder, "--data-dir", aws.data_dir).returncode == 0

    def certificate(self, name: str, *policies: str, thing: str | None = None) -> dict[str, Any]:
        """Make an ACTIVE certificate with boto3; its files are `name.*` of the folder."""
        made: dict[str, Any] = self.iot.create_keys_and_certificate(setAsActive=True)
        (self.folder / f"{name}.crt").write_text(made["certificatePem"])
        (self.folder / f"{name}.key").write_text(made["keyPair"]["PrivateKey"])
        for policy in policies:
            self.iot.attach_policy(policyName=policy, target=made["certificateArn"])
        if thing is not None:
            self.iot.create_thing(thingName=thing)
            self.iot.attach_thing_principal(thingName=thing, principal=made["certificateArn"])
        return made

    def client(self, name: str) -> RawClient:
        """Return a client that shows the certificate of a name."""
        context = ssl.create_default_context(cafile=str(self.folder / "ca.pem"))
        context.load_cert_chain(self.folder / f"{name}.crt", self.folder / f"{name}.key")
        client = RawClient(("127.0.0.1", self.port))
        client.socket = context.wrap_socket(client.socket, server_hostname="localhost")
        return client

    @contextmanager
    def connected(self, name: str) -> Iterator[RawClient]:
        with self.client(name) as client:
            client.connect(name)
            yield client


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    folder = tmp_path_factory.mktemp("policies")
    with simulator(folder, "--tls", "--tls-port", "0", "--http-port", "0") as aws:
        yield Cloud(aws, folder)
        aws.stop()


def asked(*arguments: str | Path) -> Result:
    """Run `ota-stream policy`."""
    return CliRunner().invoke(policy_app, list(map(str, arguments)))


def is_refused(client: RawClient, topic: str) -> bool:
    """Publish; tell whether that has ended the connection."""
    client.publish(topic, b"x", qos=1)
    try:
        return client.until_ping() == [] and False
    except ConnectionError:
        return True


def test_a_new_version_of_a_policy_holds_for_who_is_connected(cloud: Cloud):
    cloud.iot.create_policy(policyName="versions", policyDocument=document(EVERYTHING))
    cloud.certificate("v", "versions")
    with cloud.connected("v") as client:
        assert not is_refused(client, "a")
        made = cloud.iot.create_policy_version(policyName="versions", policyDocument=document(EVERYTHING, NOT_A))
        assert not is_refused(client, "a"), "it is not the default version"
        cloud.iot.set_default_policy_version(policyName="versions", policyVersionId=made["policyVersionId"])
        assert not is_refused(client, "b")
        assert is_refused(client, "a")
    with cloud.connected("v") as client:
        cloud.iot.set_default_policy_version(policyName="versions", policyVersionId="1")
        assert not is_refused(client, "a")
    (entry,) = until_entries(cloud.aws, '{ $.eventType = "Publish-In" && $.clientId = "v" }', 1)
    assert (entry["reason"], entry["topicName"]) == ("AUTHORIZATION_FAILURE", "a")
    assert entry["details"] == "Authorization Failure: explicit deny: statement 2 of policy versions"
    assert len(entry["principalId"]) == 64


def test_what_is_attached_and_detached_holds_for_who_is_connected(cloud: Cloud):
    cloud.iot.create_policy(policyName="connect", policyDocument=document(statement("iot:Connect", "*")))
    cloud.iot.create_policy(policyName="publish", policyDocument=document(statement("iot:Publish", "*")))
    made = cloud.certificate("w", "connect")
    with cloud.connected("w") as client:
        cloud.iot.attach_policy(policyName="publish", target=made["certificateArn"])
        assert not is_refused(client, "a")
        cloud.iot.detach_policy(policyName="publish", target=made["certificateArn"])
        assert is_refused(client, "a")
    with cloud.connected("w") as client:
        cloud.iot.detach_policy(policyName="connect", target=made["certificateArn"])
        assert client.is_closed(), "it may not even be connected any more"


def test_a_group_gives_rights_to_its_things_and_those_of_groups_below(cloud: Cloud):
    iot = cloud.iot
    iot.create_policy(policyName="of-group", policyDocument=document(EVERYTHING))
    arn = iot.create_thing_group(thingGroupName="above")["thingGroupArn"]
    iot.create_thing_group(thingGroupName="below", parentGroupName="above")
    cloud.certificate("g", thing="g")
    iot.attach_policy(policyName="of-group", target=arn)
    with cloud.client("g") as client, pytest.raises(ConnectionError):
        client.connect("g")
    iot.add_thing_to_thing_group(thingGroupName="below", thingName="g")
    with cloud.connected("g") as client:
        assert not is_refused(client, "a")
        iot.remove_thing_from_thing_group(thingGroupName="below", thingName="g")
        assert client.is_closed()


def test_policies_of_aws_say_what_they_say_there(cloud: Cloud):  # MP-6, MP-7
    iot = cloud.iot
    iot.create_thing_type(thingTypeName="Lamp")
    iot.create_policy(
        policyName="lamps",
        policyDocument=document(
            statement("iot:Connect", "*", Condition={"Bool": {"iot:Connection.Thing.IsAttached": ["true"]}}),
            statement(
                "iot:Publish", "topic/${iot:Connection.Thing.ThingTypeName}/${iot:Connection.Thing.Attributes[at]}"
            ),
        ),
    )
    cloud.certificate("lamp", "lamps", thing="lamp")
    iot.update_thing(thingName="lamp", thingTypeName="Lamp", attributePayload={"attributes": {"at": "hall"}})
    with cloud.connected("lamp") as client:
        assert not is_refused(client, "Lamp/hall")
        assert is_refused(client, "Lamp/attic")
    with cloud.client("lamp") as client, pytest.raises(ConnectionError):
        client.connect("another-name")


def test_a_minted_thing_does_an_update_and_no_more(cloud: Cloud):  # MP-1
    assert cli("certs", "thing", "minted", "-o", cloud.folder, "--data-dir", cloud.aws.data_dir).returncode == 0
    for made, known in (("minted.cert.pem", "minted.crt"), ("minted.private.key", "minted.key")):
        (cloud.folder / made).rename(cloud.folder / known)
    own = "$aws/things/minted"
    with cloud.connected("minted") as client:
        client.subscribe(f"{own}/jobs/notify-next", f"{own}/streams/fw/data/json")
        client.publish(f"{own}/streams/app/get/json", b'{"f":0,"l":4096,"n":1}')
        ((topic, _),) = client.messages()
        assert topic.startswith(f"{own}/streams/app/")
        assert is_refused(client, "$aws/things/other/jobs/get")
    told = asked("suggest", "--thing", "minted", "--data-dir", cloud.aws.data_dir)
    assert told.exit_code == 0, told.output
    least = cloud.folder / "least.json"
    least.write_text(told.stdout)
    cloud.iot.create_policy(policyName="least", policyDocument=told.stdout)
    check = ("check", "--thing", "minted", "--data-dir", cloud.aws.data_dir)
    assert asked(*check, "PUBLISH", f"{own}/streams/any/get/json").exit_code == 0
    assert asked(*check, "PUBLISH", "a").exit_code == 1
    assert asked(*check, "--policy", least, "PUBLISH", f"{own}/streams/any/get/json").exit_code == 0
    assert asked(*check, "--policy", least, "PUBLISH", f"{own}/jobs/get").exit_code == 1


def test_what_is_kept_can_be_asked_when_no_simulator_runs(tmp_path: Path):
    with simulator(tmp_path, "--tls", "--tls-port", "0", "--http-port", "0") as aws:
        assert cli("certs", "thing", "kept", "-o", tmp_path, "--data-dir", aws.data_dir).returncode == 0
        aws.stop()
    check = ("policy", "check", "--thing", "kept", "--data-dir", aws.data_dir)
    told = cli(*check, "SUBSCRIBE", "#")
    assert told.returncode == 1, told.stderr
    assert "by certificate" in told.stdout
    assert "no statement of policy ota-stream-thing allows it" in told.stdout


def test_what_aws_does_not_take_is_refused(cloud: Cloud):
    iot = cloud.iot
    malformed = ("MalformedPolicyException", 400)
    assert refusal(iot.create_policy, policyName="bad", policyDocument="{}") == malformed
    long = document({**EVERYTHING, "Sid": "x" * 2048})
    assert refusal(iot.create_policy, policyName="bad", policyDocument=long) == malformed
    made = cloud.certificate("full")
    for number in range(11):
        name = f"many-{number}"
        iot.create_policy(policyName=name, policyDocument=document(EVERYTHING))
        if number < 10:
            iot.attach_policy(policyName=name, target=made["certificateArn"])
    limit = refusal(iot.attach_policy, policyName="many-10", target=made["certificateArn"])
    assert limit == ("LimitExceededException", 410)
    assert refusal(iot.create_policy_version, policyName="many-1", policyDocument="[]") == malformed
    for _ in range(4):
        iot.create_policy_version(policyName="many-1", policyDocument=document(EVERYTHING))
    again = refusal(iot.create_policy_version, policyName="many-1", policyDocument=document(EVERYTHING))
    assert again[0] == "VersionsLimitExceededException"
