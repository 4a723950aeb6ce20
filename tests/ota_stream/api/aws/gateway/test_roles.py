"""The role of a stream or an update has to exist, to trust AWS IoT and to be allowed what is done in its name."""

import json
from base64 import b64encode
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from aws_cloud import AwsCloud, forget_moto, serving_aws
from aws_guide import ROLE_POLICY, TRUST, make_role, until_made
from ota_stream.api.aws.moto import roles as moto_roles
from ota_stream.api.aws.moto.roles import MotoRoles, RolesElsewhere
from ota_stream.logs import roles as logging_role
from ota_stream.signing.keys import Validity, mint_ca
from ota_stream.signing.platforms import Algorithm, KeyKind
from ota_stream.signing.signatures import sign
from ota_stream.streams import topics
from ota_stream.streams.service import StreamService
from ota_stream.updates.options import UpdateOptions

SIGNATURE = sign(b"image", mint_ca("ca", KeyKind.ECDSA, Validity(1.6e9, 4e9, 1)).key, Algorithm.SHA256_ECDSA)
ARN = "arn:aws:iam::123456789012:role/"
THING = "arn:aws:iot:us-east-1:123456789012:thing/t1"
READ = {"Effect": "Allow", "Action": ["s3:GetObject", "s3:GetObjectVersion"], "Resource": "arn:aws:s3:::images/*"}
PASS = {"Effect": "Allow", "Action": "iam:PassRole", "Resource": f"{ARN}r"}
PUT = {"Effect": "Allow", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::images/*"}
NOTHING = {"Effect": "Allow", "Action": "ec2:DescribeRegions", "Resource": "*"}  # IAM wants a statement
DENY = {"Effect": "Deny", "Action": "s3:*", "Resource": "arn:aws:s3:::images/*"}


def policy(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements) or [NOTHING]}


def trust(**principal: str) -> dict[str, Any]:
    return policy({"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"})


def refused(call: Callable[..., Any], **given: Any) -> tuple[str, int, str]:
    with pytest.raises(ClientError) as caught:
        call(**given)
    answer = caught.value.response
    return answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Message"]


def block(cloud: AwsCloud, stream_id: str) -> str:
    """Ask for a block as a device does; return the code of its rejection, "" for data."""
    topic = topics.parse(f"$aws/things/t1/streams/{stream_id}/get/json")
    assert isinstance(topic, topics.StreamTopic)
    service = StreamService(cloud.catalog)
    answer = cloud.run(lambda: service.answer(topic, b'{"s": 1, "f": 0, "l": 1024, "n": 1}', "t1", 1.0))
    return str(json.loads(answer.replies[0].payload).get("o", ""))


@pytest.mark.parametrize(
    ("permissions", "trusted", "told"),
    [
        (policy(READ), trust(Service="ec2.amazonaws.com"), "does not let iot.amazonaws.com assume it"),
        (policy(), None, "is not allowed s3:GetObjectVersion on 'arn:aws:s3:::images/app.bin'"),
        (policy(READ, DENY), None, "is denied s3:GetObjectVersion"),
        (policy({**READ, "Action": "s3:GetObject"}), None, "is not allowed s3:GetObjectVersion"),
        (policy({**READ, "Condition": {"IpAddress": {"aws:SourceIp": "::1"}}}), None, "cannot decide the condition"),
    ],
)
def test_a_role_that_may_not_makes_no_stream(client, image, permissions, trusted, told):  # SC-1, OL-13
    role, iot = make_role(client("iam"), "r", permissions, trusted), client("iot")
    files = [{"fileId": 0, "s3Location": image}]
    code, status, message = refused(iot.create_stream, streamId="s", files=files, roleArn=role)
    assert (code, status) == ("UnauthorizedException", 401)
    assert message.startswith(f"file 0: {'role' if 'trust' not in message else 'the trust policy of role'} '{role}'")
    assert told in message
    assert iot.list_streams()["streams"] == []


@pytest.mark.parametrize("role", [f"{ARN}none", "no ARN of a role at all", f"{ARN}a\nb\x00", "arn:aws:iam::1:role/ota"])
def test_a_role_that_does_not_exist_makes_no_stream(client, image, role):
    create = client("iot").create_stream
    code, _, message = refused(create, streamId="s", files=[{"fileId": 0, "s3Location": image}], roleArn=role)
    assert (code, message) == ("UnauthorizedException", f"file 0: role {role!r} does not exist")


def test_a_stream_is_refused_to_devices_as_long_as_its_role_may_not_read(client, cloud: AwsCloud, image):
    iam, s3, iot = client("iam"), client("s3"), client("iot")
    role = make_role(iam, "r", policy(READ))
    iot.create_stream(streamId="s", files=[{"fileId": 0, "s3Location": image}], roleArn=role)

    def set_policy(*statements):
        iam.put_role_policy(RoleName="r", PolicyName="policy", PolicyDocument=json.dumps(policy(*statements)))

    def set_trust(document):
        iam.update_assume_role_policy(RoleName="r", PolicyDocument=json.dumps(document))

    bucket_policy = json.dumps(policy({**DENY, "Principal": {"AWS": "123456789012"}}))
    for take, give in (
        (set_policy, lambda: set_policy(READ)),
        (lambda: set_policy(READ, DENY), lambda: set_policy(READ)),
        (lambda: set_trust(trust(Service="ec2.amazonaws.com")), lambda: set_trust(TRUST)),
        (
            lambda: s3.put_bucket_policy(Bucket="images", Policy=bucket_policy),
            lambda: s3.delete_bucket_policy(Bucket="images"),
        ),
    ):
        assert block(cloud, "s") == ""
        take()
        assert block(cloud, "s") == "Unauthorized"
        give()
    assert block(cloud, "s") == ""
    iam.delete_role_policy(RoleName="r", PolicyName="policy")
    iam.delete_role(RoleName="r")
    assert block(cloud, "s") == "Unauthorized"


def test_the_policies_are_not_read_for_every_block(client, cloud: AwsCloud, image, monkeypatch):
    role = make_role(client("iam"), "r", policy(READ))
    client("iot").create_stream(streamId="s", files=[{"fileId": 0, "s3Location": image}], roleArn=role)
    read = []
    decide = moto_roles.decide
    monkeypatch.setattr(moto_roles, "decide", lambda *given: read.append(given) or decide(*given))
    assert [block(cloud, "s") for _ in range(3)] == [""] * 3
    assert read == []
    client("iam").list_roles()
    assert block(cloud, "s") == ""
    assert read == []
    client("iam").tag_role(RoleName="r", Tags=[{"Key": "k", "Value": "v"}])
    assert block(cloud, "s") == ""
    assert read  # any change of IAM may be one of it


def test_a_stream_gets_another_role(client, cloud: AwsCloud, image):  # SC-2
    iam, iot = client("iam"), client("iot")
    good, bad = make_role(iam, "r", policy(READ)), make_role(iam, "bad", policy())
    iot.create_stream(streamId="s", files=[{"fileId": 0, "s3Location": image}], roleArn=good)
    assert refused(iot.update_stream, streamId="s", roleArn=bad)[0] == "UnauthorizedException"
    assert iot.describe_stream(streamId="s")["streamInfo"]["streamVersion"] == 1
    iam.put_role_policy(RoleName="bad", PolicyName="policy", PolicyDocument=json.dumps(policy(READ)))
    assert iot.update_stream(streamId="s", roleArn=bad)["streamVersion"] == 2
    iam.put_role_policy(RoleName="bad", PolicyName="policy", PolicyDocument=json.dumps(policy()))
    topic_version = cloud.run(lambda: cloud.catalog.find("s").version)
    assert topic_version == 2


def test_a_bucket_may_allow_what_the_role_is_not(client, cloud: AwsCloud, image):
    role = make_role(client("iam"), "r", policy())
    allow = json.dumps(policy({**READ, "Principal": {"AWS": role}}))
    client("s3").put_bucket_policy(Bucket="images", Policy=allow)
    client("iot").create_stream(streamId="s", files=[{"fileId": 0, "s3Location": image}], roleArn=role)
    assert block(cloud, "s") == ""


def test_managed_policies_and_the_boundary_of_a_role_count(client, cloud: AwsCloud):
    iam, roles = client("iam"), cloud.services.rest.roles
    s3 = ("s3:GetObject", "arn:aws:s3:::afr-ota-images/app.bin")
    role = iam.create_role(RoleName="r", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
    assert "is not allowed" in (cloud.run(lambda: roles.may(role, *s3)) or "")
    managed = "arn:aws:iam::aws:policy/service-role/AmazonFreeRTOSOTAUpdate"
    iam.attach_role_policy(RoleName="r", PolicyArn=managed)
    assert cloud.run(lambda: roles.may(role, *s3)) is None  # OL-13: a bucket named afr-ota needs no more
    assert cloud.run(lambda: roles.may(role, s3[0], "arn:aws:s3:::images/app.bin")) is not None
    for document, allowed in ((policy(), False), (policy({**READ, "Resource": "*"}), True)):
        name = f"boundary{allowed}"
        arn = iam.create_policy(PolicyName=name, PolicyDocument=json.dumps(document))["Policy"]["Arn"]
        iam.put_role_permissions_boundary(RoleName="r", PermissionsBoundary=arn)
        assert (cloud.run(lambda: roles.may(role, *s3)) is None) is allowed


@pytest.mark.parametrize("group", ["AWSIotLogsV2", "AWSIoTLogsV2"])
def test_a_logging_role_may_write(client, cloud: AwsCloud, group):  # LI-1 LI-2 LI-3
    iam, roles = client("iam"), cloud.services.rest.roles
    made = make_role(iam, "new", logging_role.permissions(), logging_role.trust())
    other = make_role(iam, "other", policy({"Effect": "Allow", "Action": "logs:*", "Resource": "arn:aws:logs:::x"}))
    half = make_role(iam, "half", policy({"Effect": "Allow", "Action": "logs:Create*", "Resource": "*"}))
    managed = iam.create_role(RoleName="m", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
    iam.attach_role_policy(RoleName="m", PolicyArn="arn:aws:iam::aws:policy/service-role/AWSIoTLogging")
    source = {"StringEquals": {"aws:SourceAccount": "123456789012"}}
    source |= {"ArnLike": {"aws:SourceArn": "arn:aws:iot:us-east-1:123456789012:*"}}
    careful = trust(Service="iot.amazonaws.com")
    careful["Statement"][0]["Condition"] = source
    deputy = make_role(iam, "deputy", logging_role.permissions(), careful)

    def may(role):
        return cloud.run(lambda: roles.may_write(role, group))

    assert [may(role) for role in (made, managed, deputy)] == [None] * 3
    assert "is not allowed logs:CreateLogGroup" in may(other)
    assert "is not allowed logs:PutLogEvents" in may(half)
    assert "does not exist" in may(ARN + "none")


# OTA updates


def signed(image) -> dict[str, Any]:
    signing = {
        "signature": {"inlineDocument": SIGNATURE},
        "certificateChain": {"certificateName": "c"},
        "hashAlgorithm": "SHA256",
        "signatureAlgorithm": "ECDSA",
    }
    return {"fileName": "a", "fileLocation": {"s3Location": image}, "codeSigning": {"customCodeSigning": signing}}


def to_sign(client, image) -> dict[str, Any]:
    arn = "arn:aws:acm:us-east-1:123456789012:certificate/minted"
    client("signer").put_signing_profile(
        profileName="pp", signingMaterial={"certificateArn": arn}, platformId="AmazonFreeRTOS-Default",
        signingParameters={"certname": "/cert.pem"},
    )  # fmt: skip
    start = {"signingProfileName": "pp", "destination": {"s3Destination": {"bucket": "images", "prefix": "signed/"}}}
    return {
        "fileName": "a",
        "fileLocation": {"s3Location": image},
        "codeSigning": {"startSigningJobParameter": start},
    }


def made(client, file: dict[str, Any], role: str, **more: Any) -> dict[str, Any]:
    iot = client("iot")
    iot.create_ota_update(otaUpdateId="u", targets=[THING], files=[file], roleArn=role, **more)
    return until_made(lambda: iot.get_ota_update(otaUpdateId="u"))


@pytest.mark.parametrize(
    ("statements", "sign_it", "protocol", "code", "told"),
    [
        ((), False, "MQTT", "AWSIotException", f"is not authorized to perform: iam:PassRole on resource: {ARN}r (Serv"),
        ((READ,), False, "MQTT", "AWSIotException", "Service: AWSIot; Status Code: 403; Error Code: AccessDenied"),
        ((PASS,), False, "MQTT", "UnauthorizedException", "is not allowed s3:GetObjectVersion"),
        ((PASS,), False, "HTTP", "UnauthorizedException", "is not allowed s3:GetObjectVersion"),
        ((PASS, PUT), True, "MQTT", "AccessDeniedException", "S3 object app.bin not accessible. Please check"),
        (
            (PASS, READ),
            True,
            "MQTT",
            "InvalidRequestException",
            "is not allowed s3:PutObject on 'arn:aws:s3:::images/s",
        ),
        ((READ, PUT), True, "MQTT", "AWSIotException", "iam:PassRole"),
    ],
)
def test_a_role_that_may_not_makes_no_update(client, image, statements, sign_it, protocol, code, told):  # OL-7
    role = make_role(client("iam"), "r", policy(*statements))
    info = made(client, to_sign(client, image) if sign_it else signed(image), role, protocols=[protocol])
    assert (info["otaUpdateStatus"], info["errorInfo"]["code"]) == ("CREATE_FAILED", code)
    assert told in info["errorInfo"]["message"]
    assert (client("iot").list_streams()["streams"], client("iot").list_jobs()["jobs"]) == ([], [])


def test_a_role_that_may_is_enough(client, cloud: AwsCloud, image):  # OL-13
    role = make_role(client("iam"), "r", policy(PASS, READ, PUT))
    info = made(client, to_sign(client, image), role)
    assert info["otaUpdateStatus"] == "CREATE_COMPLETE"
    (stream,) = client("iot").list_streams()["streams"]
    assert block(cloud, stream["streamId"]) == ""
    client("iam").put_role_policy(RoleName="r", PolicyName="policy", PolicyDocument=json.dumps(policy(PASS)))
    assert block(cloud, stream["streamId"]) == "Unauthorized"
    cloud.stop()
    forget_moto()
    with serving_aws(cloud.folder) as again:  # the stream is there, and refused as before
        assert again.lost == []
        assert block(again, stream["streamId"]) == "Unauthorized"


@pytest.mark.parametrize("how", ["none", "trust"])
def test_a_role_that_iot_cannot_use_makes_no_update(client, image, how):
    if how == "trust":
        make_role(client("iam"), "r", ROLE_POLICY, trust(Service="ec2.amazonaws.com"))
    info = made(client, signed(image), f"{ARN}r")
    assert info["errorInfo"]["code"] == "InvalidRequestException"
    assert info["errorInfo"]["message"].startswith("AWS IoT cannot use the role: ")
    assert client("iot").list_streams()["streams"] == []


def test_an_update_of_the_command_line_has_no_role(client, cloud: AwsCloud):
    file = signed(cloud_file(cloud))
    file["codeSigning"]["customCodeSigning"]["signature"]["inlineDocument"] = b64encode(SIGNATURE).decode()
    body = {"otaUpdateId": "u", "targets": [THING], "files": [file], "roleArn": f"{ARN}nobody-made-it"}
    answer = cloud.ask("POST", "/_ota/updates/u", body)
    assert answer.status == 200, answer.body
    info = until_made(lambda: client("iot").get_ota_update(otaUpdateId="u"))
    assert info["otaUpdateStatus"] == "CREATE_COMPLETE"
    (stream,) = client("iot").list_streams()["streams"]
    assert block(cloud, stream["streamId"]) == ""


def test_the_roles_may_be_left_alone(tmp_path):
    free = AwsCloud(tmp_path)
    free.update_options = UpdateOptions(pace=0.0, roles="ignore")
    free.start()
    try:
        body = {"roleArn": f"{ARN}nobody-made-it", "files": [{"fileId": 0, "s3Location": cloud_file(free)}]}
        scope = "AWS4-HMAC-SHA256 Credential=k/20260101/us-east-1/iot/aws4_request, Signature=0"
        assert free.ask("POST", "/streams/s", body, authorization=scope).status == 200
        assert block(free, "s") == ""
    finally:
        free.stop()


def cloud_file(cloud: AwsCloud) -> dict[str, str]:
    put = cloud.ask("PUT", "/_ota/objects/mine/app.bin", b"z" * 5000, content_type="application/octet-stream")
    return {"bucket": "mine", "key": "app.bin", "version": put.json["version"]}


def test_roles_that_are_elsewhere_may_everything():
    roles = RolesElsewhere()
    roles.changed()
    assert [roles.may_assume("r"), roles.may("r", "a", "b"), roles.may_write("r", "g")] == [None] * 3


def test_verdicts_are_kept_up_to_a_bound(monkeypatch):
    monkeypatch.setattr(moto_roles, "VERDICTS_MAX", 3)
    roles = MotoRoles()
    for number in range(10):
        assert "does not exist" in (roles.may_assume(f"{ARN}r{number}") or "")
    assert len(roles._verdicts) <= 3
