"""What is not the HTTP of an SDK: signed in two ways, too large, in pieces, from a page, on a way out of the folder."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from aws_cloud import AwsCloud, forget_moto, serving_aws
from aws_guide import ROLE_POLICY, make_role
from live import PATIENCE
from ota_stream.api.aws.gateway import BODY_MAX, UPLOAD_MAX


def scope(service: str = "iot") -> str:
    return f"k/20260101/us-east-1/{service}/aws4_request"


def signed(service: str = "iot") -> str:
    return f"Authorization: AWS4-HMAC-SHA256 Credential={scope(service)}, Signature=0"


def raw(cloud: AwsCloud, line: str, *headers: str, body: bytes = b"", host: str | None = None) -> tuple[int, bytes]:
    """Send a request byte for byte; return status and body of the answer."""
    head = [f"{line} HTTP/1.1", f"Host: {host or f'127.0.0.1:{cloud.port}'}", "Connection: close", *headers, "", ""]
    with socket.create_connection((cloud.host, cloud.port), timeout=PATIENCE) as connection:
        connection.sendall("\r\n".join(head).encode("latin-1") + body)
        answer = bytearray()
        while part := connection.recv(65_536):
            answer += part
    first, _, rest = bytes(answer).partition(b"\r\n\r\n")
    return int(first.split()[1]), rest


def sized(body: bytes) -> str:
    return f"Content-Length: {len(body)}"


def error(body: bytes) -> str:
    told: dict[str, Any] = json.loads(body)
    assert set(told) == {"__type", "message"}
    assert told["message"].isprintable()
    return str(told["__type"])


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AwsCloud]:
    """One cloud for all: nothing of what is refused may change it."""
    folder = tmp_path_factory.mktemp("around") / "cloud"
    folder.mkdir()
    (folder.parent / "beside").write_bytes(b"beside")
    with serving_aws(folder) as cloud:
        yield cloud
    forget_moto()


# Signatures


@pytest.mark.parametrize(
    ("target", "headers"),
    [
        ("/far", [signed("s3"), signed("iot")]),
        ("/far", [f"{signed('s3')}, Credential={scope('iot')}"]),
        (f"/far?X-Amz-Credential={scope('s3')}", [signed("iot")]),
        (f"/far?X-Amz-Credential={scope('s3')}&X-Amz-Credential={scope('iot')}", []),
        (f"/far?X-Amz-Credential={scope('s3')}&AWSAccessKeyId=k", []),
        (f"/far?X-Amz-%43redential={scope('s3')}&X-Amz-Credential={scope('iot')}", []),
        ("/far?AWSAccessKeyId=k", ["Authorization: AWS k:signature"]),
    ],
)
def test_a_request_that_is_signed_in_two_ways_is_for_nobody(cloud: AwsCloud, client, target, headers):
    status, body = raw(cloud, f"PUT {target}", *headers, "Content-Length: 0")
    assert (status, error(body)) == (400, "InvalidRequestException")
    assert "far" not in {bucket["Name"] for bucket in client("s3").list_buckets()["Buckets"]}


@pytest.mark.parametrize(
    "credential",
    [
        "",
        "k",
        "k/1/us-east-1/iot/aws4_request",
        "k/20260101/us-east-1/iot",
        "k/20260101/US/iot/aws4_request",
        "a" * 9000,
    ],
)
def test_a_garbled_scope_is_refused(cloud: AwsCloud, credential):
    for target, headers in (
        ("/streams", [f"Authorization: AWS4-HMAC-SHA256 Credential={credential}, Signature=0"]),
        (f"/streams?X-Amz-Credential={credential}", []),
    ):
        status, body = raw(cloud, f"GET {target}", *headers)
        assert (status, error(body)) == (400, "IncompleteSignatureException")


@pytest.mark.parametrize(
    ("service", "headers", "body"),
    [
        ("acm", ["X-Amz-Target: CertificateManager.__init__"], b"{}"),
        ("acm", ["X-Amz-Target: CertificateManager.dispatch"], b"{}"),
        ("acm", ["X-Amz-Target: Other.ListCertificates"], b"{}"),
        ("acm", [], b"{}"),
        ("iot", ["X-Amz-Target: CertificateManager.ListCertificates"], b"{}"),
    ],
)
def test_what_is_no_operation_of_the_service_is_told(cloud: AwsCloud, caplog, service, headers, body):
    status, answer = raw(cloud, "POST /", signed(service), *headers, sized(body), body=body)
    assert (status, error(answer)) == (404, "UnknownOperationException")
    assert "Traceback" not in caplog.text


@pytest.mark.parametrize("action", ["", "Nope", "__init__", "GetRole&Action=DeleteRole", "AssumeRole"])
def test_what_is_no_action_of_iam_is_told(cloud: AwsCloud, caplog, action):
    body = f"Action={action}&Version=2010-05-08".encode()
    kind = "Content-Type: application/x-www-form-urlencoded"
    status, answer = raw(cloud, "POST /", signed("iam"), kind, sized(body), body=body)
    assert status in {400, 404}
    assert answer.startswith(b'<?xml version="1.0" encoding="UTF-8"?>\n<ErrorResponse><Error><Type>Sender</Type>')
    assert "Traceback" not in caplog.text


# Bodies


@pytest.mark.parametrize(("service", "most"), [("iot", BODY_MAX), ("s3", UPLOAD_MAX), ("acm", BODY_MAX)])
def test_a_body_that_says_it_is_too_large_is_refused_unread(cloud: AwsCloud, service, most):
    """Nothing of the body is sent: the answer cannot have waited for it."""
    status, body = raw(cloud, "PUT /images/large", signed(service), f"Content-Length: {most + 1}")
    assert status == 413
    assert b"EntityTooLarge" in body


def test_a_body_in_pieces_is_read_up_to_the_same_bound(cloud: AwsCloud, client):
    pieces = "Transfer-Encoding: chunked"
    small = b"2\r\n{}\r\n0\r\n\r\n"
    assert raw(cloud, "POST /things/pieces", signed(), pieces, body=small)[0] == 200
    assert client("iot").describe_thing(thingName="pieces")["version"] == 1
    size = BODY_MAX + 1
    status, body = raw(cloud, "POST /things/t2", signed(), pieces, body=b"%x\r\n" % size + b" " * size)
    assert (status, error(body)) == (413, "EntityTooLarge")


@pytest.mark.parametrize(
    "headers",
    [
        ["Content-Length: x"],
        ["Content-Length: -1"],
        ["Content-Length: 1", "Content-Length: 2"],
        ["Bad Header: x"],
        ["X: a\rb"],
    ],
)
def test_what_is_no_http_is_refused(cloud: AwsCloud, caplog, headers):
    assert raw(cloud, "GET /streams", signed(), *headers)[0] == 400
    assert "Traceback" not in caplog.text


def test_two_hosts_are_refused(cloud: AwsCloud):  # A18
    assert raw(cloud, "GET /streams", signed(), "Host: evil.example")[0] == 403


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x"])
def test_a_form_is_no_body_of_a_json_service(cloud: AwsCloud, kind):
    body = b"thingTypeName=x"
    status, answer = raw(cloud, "POST /things/t1", signed(), f"Content-Type: {kind}", sized(body), body=body)
    assert (status, error(answer)) == (400, "SerializationException")


@pytest.mark.parametrize("kind", ["text/plain", "\xff;;=", "application/json; charset=utf-16"])
def test_another_content_type_is_passed_over(cloud: AwsCloud, kind):
    assert raw(cloud, "GET /streams", signed(), f"Content-Type: {kind}", sized(b"{}"), body=b"{}")[0] == 200


# Pages


@pytest.mark.parametrize(
    ("host", "headers"),
    [
        ("rebound.example", []),
        ("127.0.0.1.rebound.example", []),
        (None, ["Origin: http://evil.example"]),
        (None, ["Origin: null"]),
        (None, ["Sec-Fetch-Site: cross-site"]),
        (None, ["Sec-Fetch-Site: same-site"]),
    ],
)
def test_a_page_cannot_make_a_bucket_or_a_stream(cloud: AwsCloud, client, host, headers):
    """A page needs no preflight for a POST of plain text to a presigned address."""
    for target, service in (("PUT /far", "s3"), ("POST /things/far", "iot")):
        address = f"{target}?X-Amz-Credential={scope(service)}"
        kind = "Content-Type: text/plain"
        assert raw(cloud, address, *headers, kind, sized(b"{}"), body=b"{}", host=host)[0] == 403
        assert raw(cloud, target, signed(service), *headers, sized(b"{}"), body=b"{}", host=host)[0] == 403
    assert "far" not in {bucket["Name"] for bucket in client("s3").list_buckets()["Buckets"]}
    assert "far" not in {thing["thingName"] for thing in client("iot").list_things()["things"]}


# Ways out of the folder

UP = ("..", "%2e%2e", "..%2f..%2fx", "%2fetc%2fpasswd", "..%5c..%5cx", "a%00b", "a%0ab", "%ff")


def _outside(cloud: AwsCloud) -> dict[str, int]:
    """Return the files beside the data directory, with their sizes."""
    return {
        str(path): path.stat().st_size
        for path in cloud.folder.parent.rglob("*")
        if path.is_file() and cloud.folder not in path.parents
    }


@pytest.mark.parametrize("name", UP)
def test_no_name_leads_out_of_the_data_directory(cloud: AwsCloud, client, name):
    before = _outside(cloud)
    client("s3").create_bucket(Bucket="images")
    calls = [
        ("s3", f"PUT /{name}", b""),
        ("s3", f"PUT /images/{name}", b"content"),
        ("s3", f"PUT /images/../../{name}", b"content"),
        ("s3", f"GET /{name}/beside", b""),
        *(
            ("iot", f"{method} /{kind}/{name}", b"{}")
            for method in ("POST", "DELETE")
            for kind in ("streams", "things")
        ),
        *(("iot", f"PUT /jobs/{name}", b"{}"),),
        ("iot", f"POST /otaUpdates/{name}", b"{}"),
        ("signer", f"PUT /signing-profiles/{name}", b"{}"),
        ("iot-jobs-data", f"GET /things/{name}/jobs", b""),
    ]
    for service, line, body in calls:
        assert raw(cloud, line, signed(service), sized(body), body=body)[0] < 500, line
    assert _outside(cloud) == before
    assert client("iot").list_streams()["streams"] == []


@pytest.mark.parametrize("bucket", ["..", "../x", "a/../../x", "a\x00b"])
def test_no_bucket_of_a_stream_leads_out_of_the_data_directory(cloud: AwsCloud, client, bucket):
    if "ota" not in {role["RoleName"] for role in client("iam").list_roles()["Roles"]}:
        make_role(client("iam"), "ota", ROLE_POLICY)
    for key in ("../beside", "/etc/passwd", str(Path("..") / ".." / "beside")):
        location = {"bucket": bucket, "key": key}
        body = json.dumps({"roleArn": ROLE, "files": [{"fileId": 0, "s3Location": location}]}).encode()
        status, answer = raw(cloud, "POST /streams/s", signed(), sized(body), body=body)
        assert (status, error(answer)) in {(404, "ResourceNotFoundException"), (400, "InvalidRequestException")}


ROLE = "arn:aws:iam::123456789012:role/ota"
