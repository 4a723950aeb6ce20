"""What no SDK sends: the process answers in AWS's shapes, and its stderr stays empty (the fixture looks at its end)."""

import http.client
import json
import socket
from contextlib import closing

import pytest

from aws_process import AwsProcess
from live import PATIENCE

DAY = "20260101/us-east-1"
GOOD = f"AWS4-HMAC-SHA256 Credential=k/{DAY}/iot/aws4_request, SignedHeaders=host, Signature=0"
FORGED = 'x\n{"actionType": "Forged"}\r\x1b[2J\u2028'
TRAVERSAL = ("/streams/..%2f..%2fetc", "/streams/a%00b", "/streams/%0a%0d", "/streams/%ff")


def ask(cloud: AwsProcess, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, str]:
    """Send a request as it is; return status and text of the answer."""
    with closing(http.client.HTTPConnection("127.0.0.1", int(cloud.base.rpartition(":")[2]), PATIENCE)) as connection:
        connection.request(method, path, body or None, {name.replace("_", "-"): each for name, each in headers.items()})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()


@pytest.mark.parametrize(
    ("authorization", "status"),
    [
        ("AWS4-HMAC-SHA256 ", 400),
        ("AWS4-HMAC-SHA256 Credential=////, Signature=0", 400),
        ("AWS4-HMAC-SHA256 Credential=k/2026/us-east-1/iot/aws4_request", 400),
        (f"AWS4-HMAC-SHA256 Credential=k/{DAY}/iot/aws5_request", 400),
        (f"AWS4-HMAC-SHA256 Credential=k/{DAY}/teleport/aws4_request", 501),
        (f"{GOOD} {GOOD}", 400),
        ("AWS4-\x80\xff Credential=\xff/\xa0", 400),
        ("AWS4-HMAC-SHA256 Credential=" + "k" * 8000, 400),
    ],
)
def test_a_signature_that_is_none_is_told_so(cloud: AwsProcess, authorization: str, status: int):
    got, text = ask(cloud, "GET", "/streams", authorization=authorization)
    assert got == status
    assert len(json.loads(text)["message"]) < 500


@pytest.mark.parametrize("host", ["evil.example", "evil.example:4566", "127.0.0.1.evil.example", ""])
def test_another_name_than_this_machines_is_refused(cloud: AwsProcess, host: str):  # A18
    status, text = ask(cloud, "GET", "/streams", authorization=GOOD, Host=host)
    assert (status, text) == (403, "the Host header names another machine\n")
    assert ask(cloud, "GET", "/streams", authorization=GOOD)[0] == 200


def test_a_page_in_a_browser_is_refused(cloud: AwsProcess):  # A17
    for headers in ({"Origin": "http://evil.example"}, {"Sec_Fetch_Site": "cross-site"}):
        assert ask(cloud, "DELETE", "/streams/fw", authorization=GOOD, **headers)[0] == 403


@pytest.mark.parametrize("body", [b"{", b"[]", b'"x"', b"\xff\xfe", b'{"files": 7}', b"[" * 50_000, b""])
def test_a_body_that_is_none_makes_nothing(cloud: AwsProcess, body: bytes):
    status, text = ask(cloud, "POST", "/streams/broken", body, authorization=GOOD)
    assert (status, bool(json.loads(text)["message"])) == (400, True)
    assert ask(cloud, "GET", "/streams/broken", authorization=GOOD)[0] == 404


@pytest.mark.parametrize("path", TRAVERSAL)
def test_a_path_that_leads_elsewhere_leads_nowhere(cloud: AwsProcess, path: str):
    body = json.dumps({"roleArn": "arn:aws:iam::123456789012:role/r", "files": [{"fileId": 0}]}).encode()
    for method in ("GET", "POST", "DELETE"):
        status, _ = ask(cloud, method, path, body, authorization=GOOD)
        assert 400 <= status < 500


def test_an_operation_that_nobody_has_is_not_tried_again(cloud: AwsProcess):
    status, text = ask(cloud, "GET", "/audit/tasks?startTime=0&endTime=1", authorization=GOOD)
    assert (status, json.loads(text)["message"]) == (
        501,
        "ota-stream does not have this operation ListAuditTasks of iot",
    )


def test_a_body_without_an_end_is_cut_off(cloud: AwsProcess):
    head = f"POST /streams/x HTTP/1.1\r\nHost: localhost\r\nAuthorization: {GOOD}\r\nContent-Length: 3000000\r\n\r\n"
    with socket.create_connection(("127.0.0.1", int(cloud.base.rpartition(":")[2])), PATIENCE) as connection:
        connection.sendall(head.encode() + b"x" * 2_200_000)
        assert connection.recv(1 << 16).startswith(b"HTTP/1.1 413 ")


def test_a_header_that_http_does_not_allow_is_refused_before_it_is_read(cloud: AwsProcess):
    assert ask(cloud, "GET", "/streams", authorization=f"{GOOD}\x7f") == (400, "Invalid HTTP request received.")


def test_what_is_no_http_does_not_hurt(cloud: AwsProcess):
    for rubbish in (
        b"\x00" * 100,
        b"\x16\x03\x01\x02\x00\x01",
        b"GET / HTTP/9.9\r\n\r\n",
        b"\x10\x0c\x00\x04MQTT\x04\x02",
    ):
        with socket.create_connection(("127.0.0.1", int(cloud.base.rpartition(":")[2])), PATIENCE) as connection:
            connection.sendall(rubbish)
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(1 << 16):
                pass
    assert ask(cloud, "GET", "/streams", authorization=GOOD)[0] == 200


def test_what_a_caller_writes_stays_one_line_of_the_log(cloud: AwsProcess):
    token = FORGED
    with cloud.thing("forger") as device:
        _, answer = device.ask("streams/fw/get/json", f=0, l=256, n=1, c=token)
        assert answer["c"] == token
    (entry,) = cloud.entries('{ $.clientId = "forger" }')
    assert entry["clientToken"] == token
    assert cloud.entries('{ $.actionType = "Forged" }') == []
