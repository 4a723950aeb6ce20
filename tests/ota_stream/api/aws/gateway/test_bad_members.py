"""What fits no model is refused in words that SDKs read, and nothing of it is kept."""

import json
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from aws_cloud import AwsCloud, forget_moto, serving_aws
from aws_guide import ROLE_POLICY, make_role, until_made
from processes import serve

ROLE = "arn:aws:iam::123456789012:role/ota"
SIGNED = {"authorization": "AWS4-HMAC-SHA256 Credential=k/20260101/us-east-1/iot/aws4_request, Signature=0"}


def signed(service: str) -> dict[str, str]:
    return {"authorization": SIGNED["authorization"].replace("/iot/", f"/{service}/")}


def stream(**changes: str) -> bytes:
    """Return the body of a CreateStream whose parts are replaced by texts that may be no JSON."""
    parts = {
        "roleArn": json.dumps(ROLE),
        "fileId": "0",
        "s3Location": '{"bucket": "images", "key": "app.bin"}',
        "description": '"one"',
        **changes,
    }
    file = f'{{"fileId": {parts["fileId"]}, "s3Location": {parts["s3Location"]}}}'
    files = parts.get("files", f"[{file}]")
    more = parts.get("more", "")
    return f'{{"roleArn": {parts["roleArn"]}, "description": {parts["description"]}, "files": {files}{more}}}'.encode(
        "utf-8", "surrogatepass"
    )


NUMBERS = [
    "1.5",
    "1e999",
    "NaN",
    "-Infinity",
    "true",
    '"1"',
    "[1]",
    str(2**31),
    str(-(2**63) - 1),
    "9" * 5000,
    "1" * 25,
]
TEXTS = ["5", "true", "[]", "{}", r'"\ud800"', r'"a\udfffb"']
BODIES = [
    b"",
    b"{",
    b"[]",
    b"5",
    b"null",
    b"\xff",
    stream().decode().encode("utf-16"),
    b'{"a": "\xff"}',
    b"[" * 100_000,
    b'{"files": ' * 10_000 + b"1" + b"}" * 10_000,
    b'{"files": ' + b"[" * 500 + b"]" * 500 + b"}",
]


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AwsCloud]:
    """One cloud for all: nothing of what is refused may change it."""
    with serving_aws(tmp_path_factory.mktemp("cloud")) as cloud:
        yield cloud
    forget_moto()


@pytest.fixture(scope="module")
def image(cloud: AwsCloud) -> dict[str, str]:
    session = boto3.Session("test", "test", region_name="us-east-1")
    make_role(session.client("iam", endpoint_url=cloud.base), "ota", ROLE_POLICY)
    s3 = session.client("s3", endpoint_url=cloud.base)
    s3.create_bucket(Bucket="images")
    s3.put_bucket_versioning(Bucket="images", VersioningConfiguration={"Status": "Enabled"})
    version = s3.put_object(Bucket="images", Key="app.bin", Body=b"x" * 5000)["VersionId"]
    return {"bucket": "images", "key": "app.bin", "version": version}


@pytest.mark.usefixtures("image")
@pytest.mark.parametrize(
    "body",
    [
        *(stream(fileId=number) for number in NUMBERS),
        *(stream(description=text) for text in TEXTS),
        *(stream(roleArn=text) for text in TEXTS),
        *(stream(s3Location=f'{{"bucket": "images", "key": {text}}}') for text in TEXTS),
        *(stream(files=text) for text in ("5", "{}", "[null]", "[5]", "[[]]", '"x"')),
        *(stream(more=f', "tags": {text}') for text in ("5", "{}", '[{"Key": 5}]', '[{"Key": "a", "Value": []}]')),
        *BODIES,
    ],
    ids=lambda body: body[:60].decode("latin-1"),
)
def test_a_body_that_fits_no_stream_is_refused(cloud: AwsCloud, caplog: pytest.LogCaptureFixture, body: bytes):
    answer = cloud.ask("POST", "/streams/s1", body, **SIGNED)
    assert answer.status == 400, answer.body
    assert answer.headers["x-amzn-errortype"] in {"SerializationException", "InvalidRequestException"}
    assert "Traceback" not in answer.body.decode() + caplog.text
    assert cloud.ask("GET", "/streams", **SIGNED).json == {"streams": []}


@pytest.mark.usefixtures("image")
def test_unknown_members_are_passed_over_and_the_last_of_two_counts(cloud: AwsCloud):
    more = ', "unknown": [{"x": NaN}], "description": "two"'.replace("NaN", "1")
    assert cloud.ask("POST", "/streams/s1", stream(more=more), **SIGNED).status == 200
    assert cloud.ask("GET", "/streams/s1", **SIGNED).json["streamInfo"]["description"] == "two"
    twice = stream(more=', "description": "a\\nb"')  # checked is what counts
    assert cloud.ask("POST", "/streams/s2", twice, **SIGNED).status == 400
    assert cloud.ask("DELETE", "/streams/s1", **SIGNED).status == 200


@pytest.mark.parametrize(
    "query",
    [
        "maxResults=-1", "maxResults=0", "maxResults=251", f"maxResults={'9' * 30}", "maxResults=1e1", "maxResults=x",
        "maxResults=", "maxResults=%D9%A3", "maxResults=1_0", "maxResults=5&maxResults=6", "nextToken=%FF",
        "nextToken=%00", "nextToken=a&nextToken=b",
    ],
)  # fmt: skip
@pytest.mark.parametrize("path", ["/streams", "/otaUpdates", "/jobs", "/things"])
def test_a_parameter_that_is_none_is_refused(cloud: AwsCloud, caplog: pytest.LogCaptureFixture, path: str, query: str):
    answer = cloud.ask("GET", f"{path}?{query}", **SIGNED)
    assert answer.status == 400, answer.body
    assert "Traceback" not in answer.body.decode() + caplog.text


@pytest.mark.parametrize("value", ["maybe", "", "1", "TRUE", "true&isAscendingOrder=false"])
def test_a_boolean_is_true_or_false(cloud: AwsCloud, value: str):
    answer = cloud.ask("GET", f"/streams?isAscendingOrder={value}", **SIGNED)
    assert (answer.status, answer.json["__type"]) == (400, "SerializationException")
    other = value.replace("isAscendingOrder", "setAsActive")
    assert cloud.ask("POST", f"/keys-and-certificate?setAsActive={other}", **SIGNED).status == 400


@pytest.mark.parametrize(
    ("service", "target", "body"),
    [
        ("acm", "CertificateManager.ListCertificates", b'{"MaxItems": -1}'),
        ("acm", "CertificateManager.ImportCertificate", b'{"Certificate": 5}'),
        ("acm", "CertificateManager.ListCertificates", b"\xff"),
        ("acm", "CertificateManager.ListCertificates", b"[" * 50_000),
        ("logs", "Logs_20140328.DescribeLogGroups", b'{"limit": -5}'),
        ("logs", "Logs_20140328.PutLogEvents", b'{"logGroupName": 5, "logStreamName": [], "logEvents": {}}'),
    ],
)
def test_moto_is_given_nothing_that_fits_no_model(cloud: AwsCloud, caplog, service: str, target: str, body: bytes):
    answer = cloud.ask("POST", "/", body, x_amz_target=target, **signed(service))
    assert (answer.status, "message" in answer.json) == (400, True)
    assert "Traceback" not in caplog.text


@pytest.mark.parametrize(
    "query",
    ["Action=ListRoles&MaxItems=x", "Action=CreateRole&RoleName=%00%0a&AssumeRolePolicyDocument=x", "Action=GetRole"],
)
def test_iam_is_given_nothing_that_fits_no_model(cloud: AwsCloud, caplog, query: str):
    kind = "application/x-www-form-urlencoded"
    body = f"{query}&Version=2010-05-08".encode()
    assert cloud.ask("POST", "/", body, content_type=kind, **signed("iam")).status == 400
    assert "Traceback" not in caplog.text


@pytest.mark.parametrize(
    ("method", "target", "body", "code"),
    [
        ("PUT", "/UPPER", b"", "InvalidBucketName"),
        ("PUT", "/..", b"", "InvalidBucketName"),
        ("PUT", "/%2e%2e", b"", "InvalidBucketName"),
        ("PUT", "/a..b", b"", "InvalidBucketName"),
        ("PUT", "/images?policy", b"{", "MalformedPolicy"),
        ("PUT", "/images?policy", b"5", "MalformedPolicy"),
        ("PUT", "/images?policy", b"[" * 50_000, "MalformedPolicy"),
        ("PUT", "/images?versioning", b"<x", "MalformedXML"),
        ("POST", "/images?delete", b"<Delete>", "MalformedXML"),
        ("POST", "/images?delete", b'<!DOCTYPE a [<!ENTITY x "y">]><Delete>&x;</Delete>', "MalformedXML"),
        ("PUT", "/images/app.bin?tagging", b"\xff", "MalformedXML"),
        ("GET", "/images?list-type=2&max-keys=x", b"", "InvalidArgument"),
        ("GET", "/images?max-keys=-1", b"", "InvalidArgument"),
        ("PUT", "/images/app.bin?partNumber=x&uploadId=y", b"z", "InvalidArgument"),
    ],
)
def test_s3_refuses_as_s3_does(cloud: AwsCloud, client, image, caplog, method, target, body, code):
    answer = cloud.ask(method, target, body, **signed("s3"))
    assert (answer.status, f"<Code>{code}</Code>" in answer.body.decode()) == (400, True), answer.body
    assert "Traceback" not in caplog.text
    assert client("s3").get_object(Bucket="images", Key="app.bin")["VersionId"] == image["version"]
    assert [bucket["Name"] for bucket in client("s3").list_buckets()["Buckets"]] == ["images"]


@pytest.mark.usefixtures("image")
def test_what_moto_stumbles_over_is_told_in_one_line(cloud: AwsCloud, caplog):
    """A body in the pieces of AWS whose length is none."""
    streamed = {"x_amz_content_sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "content_encoding": "aws-chunked"}
    answer = cloud.ask("PUT", "/images/c", b"zz;chunk", x_amz_decoded_content_length="5", **streamed, **signed("s3"))
    assert answer.status == 400
    assert "Traceback" not in answer.body.decode() + caplog.text
    assert "moto has failed at PUT /images/c: ValueError in " in caplog.text


# What SDKs make of it


def test_every_refusal_is_a_client_error_of_the_sdk(client, image):
    iot = client("iot", parameter_validation=False)
    files = [{"fileId": 0, "s3Location": image}]
    for given in (
        {"streamId": "s", "files": [], "roleArn": ROLE},
        {"streamId": "s", "files": files, "roleArn": ROLE, "description": "a\nb"},
        {"streamId": "s", "files": files, "roleArn": 5},
        {"streamId": "s\x00", "files": files, "roleArn": ROLE},
    ):
        with pytest.raises(ClientError) as caught:
            iot.create_stream(**given)
        assert caught.value.response["Error"]["Code"] in {"SerializationException", "InvalidRequestException"}
        assert caught.value.response["Error"]["Message"].isprintable()
    with pytest.raises(ClientError) as caught:
        client("iam", parameter_validation=False).create_role(RoleName="a\nb", AssumeRolePolicyDocument="{}")
    assert caught.value.response["Error"]["Code"] == "ValidationError"
    with pytest.raises(ClientError) as caught:
        client("s3", parameter_validation=False).put_bucket_policy(Bucket="images", Policy="[]")
    assert caught.value.response["Error"]["Code"] == "MalformedPolicy"


LINES = "a\nb\r\nc\u2028d\u0085e\x1b[31m"


def test_no_text_of_a_caller_becomes_a_second_line_of_the_log(tmp_path: Path):
    """The reason of a failed update tells the key that was asked for: a real process writes it."""
    (tmp_path / "fw.bin").write_bytes(b"x" * 1000)
    with serve(tmp_path / "fw.bin", tmp_path / "data") as process:
        _fail(f"http://127.0.0.1:{process.ready['http']['port']}")
        assert process.stop() == 0
    (file,) = (tmp_path / "data" / "logs" / "AWSIotLogsV2").glob("*.jsonl")
    lines = file.read_bytes().split(b"\n")
    entries = [json.loads(line) for line in lines[:-1]]
    assert lines[-1] == b""
    assert [entry["actionType"] for entry in entries] == ["CreateStream"]
    assert LINES in entries[0]["details"]
    assert not any(sign in line for line in lines for sign in (b"\r", b"\x1b", "\u2028".encode()))
    assert "Traceback" not in process.err


def _fail(base: str) -> None:
    """Make calls with texts of several lines: two are refused, one makes an update that fails."""
    session = boto3.Session("test", "test", region_name="us-east-1")
    config = Config(retries={"total_max_attempts": 1}, parameter_validation=False)
    iot, device = (session.client(name, endpoint_url=base, config=config) for name in ("iot", "iot-jobs-data"))
    role = make_role(session.client("iam", endpoint_url=base), "ota", ROLE_POLICY)
    thing = "arn:aws:iot:us-east-1:123456789012:thing/t1"
    with pytest.raises(ClientError):
        iot.create_job(jobId="j1", targets=[thing], document="{}", description=LINES)
    with pytest.raises(ClientError):
        device.describe_job_execution(jobId=LINES, thingName="t1")
    file = {"fileName": LINES, "fileLocation": {"s3Location": {"bucket": "images", "key": LINES}}}
    iot.create_ota_update(otaUpdateId="u", targets=[thing], files=[file], roleArn=role)
    info = until_made(lambda: iot.get_ota_update(otaUpdateId="u"))
    assert info["otaUpdateStatus"] == "CREATE_FAILED"
