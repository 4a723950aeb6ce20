"""How errors become answers, and what the bounds are."""

import errno
import http.client
import logging
import sqlite3
from contextlib import closing

import pytest

from http_cloud import HttpCloud, serving_http
from live import wait_until
from ota_stream.api.calls import IMAGE_MAX, JSON_MAX
from ota_stream.stores.errors import StoreError


def errors(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    return [record for record in caplog.records if record.levelno >= logging.ERROR]


@pytest.fixture
def cloud(tmp_path):
    with serving_http(tmp_path) as cloud:
        yield cloud


def test_a_refusal_comes_in_the_way_of_aws(cloud: HttpCloud):  # SC-12
    answer = cloud.ask("GET", "/_ota/updates/nobody")
    assert answer.status == 404
    assert answer.headers["x-amzn-errortype"] == "ResourceNotFoundException"
    assert answer.json == {"message": "there is no OTA update 'nobody'"}


@pytest.mark.parametrize("target", ["/", "/favicon.ico", "/_ota", "/_ota/", "/_ota/job", "/_ota/jobs/", "/_ota/a/b/c"])
def test_an_unknown_place_is_told(cloud: HttpCloud, target: str):
    answer = cloud.ask("GET", target)
    assert answer.status == 404
    assert answer.json["message"].startswith(f"there is nothing at {target}: objects are at /BUCKET/KEY")


def test_an_unknown_method_is_told(cloud: HttpCloud):
    answer = cloud.ask("PATCH", "/_ota/jobs")
    assert (answer.status, answer.json["message"]) == (405, "PATCH is not possible for /_ota/jobs")
    assert set(answer.headers["allow"].split(", ")) == {"GET", "HEAD"}


@pytest.mark.parametrize(
    ("method", "target", "most"),
    [
        ("POST", "/_ota/updates/u1", JSON_MAX),
        ("PUT", "/_ota/things/lock-1", JSON_MAX),
        ("GET", "/_ota/jobs", JSON_MAX),
        ("PUT", "/_ota/objects/firmware/app.bin", IMAGE_MAX),
    ],
)
@pytest.mark.parametrize("length", [1, 10**15])
def test_a_large_body_is_refused_before_it_comes(cloud: HttpCloud, method: str, target: str, most: int, length: int):
    with closing(http.client.HTTPConnection(cloud.host, cloud.port, timeout=10)) as connection:
        connection.putrequest(method, target)
        connection.putheader("Content-Length", str(most + length))
        connection.endheaders()
        answer = connection.getresponse()
        assert answer.status == 413
        assert f"larger than {most} bytes" in answer.read().decode()
    assert "lock-1" not in cloud.book.things


def test_a_large_body_of_unknown_length_is_cut_off(cloud: HttpCloud):
    with closing(http.client.HTTPConnection(cloud.host, cloud.port, timeout=10)) as connection:
        connection.putrequest("POST", "/_ota/updates/u1")
        connection.putheader("Transfer-Encoding", "chunked")
        connection.endheaders()
        piece = b"%x\r\n%b\r\n" % (JSON_MAX + 1, b"x" * (JSON_MAX + 1))
        connection.send(piece)
        assert connection.getresponse().status == 413


def test_a_body_of_the_largest_size_is_taken(cloud: HttpCloud):
    body = b"{" + b" " * (JSON_MAX - 2) + b"}"
    answer = cloud.ask("PUT", "/_ota/thing-groups/g", body, content_type="application/json; charset=utf-8")
    assert answer.status == 200


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"x"', b"\xff", b"null", b'{"platform": 1}', b"{}", b"[" * 9999])
def test_a_body_that_is_no_such_request_is_refused(cloud: HttpCloud, body: bytes):
    for method, target in [
        ("POST", "/_ota/updates/u1"),
        ("PUT", "/_ota/signing-profiles/p1"),
        ("PUT", "/_ota/event-configurations"),
    ]:
        answer = cloud.ask(method, target, body, content_type="application/json")
        assert (answer.status, answer.headers["x-amzn-errortype"]) == (400, "InvalidRequestException"), answer.body


@pytest.mark.parametrize("query", ["maxResults=x", "maxResults=-1", "maxResults=0", "status=NEVER", "nextToken=%00"])
def test_a_query_that_makes_no_sense_is_refused(cloud: HttpCloud, query: str):
    answer = cloud.ask("GET", f"/_ota/jobs?{query}")
    assert (answer.status, answer.headers["x-amzn-errortype"]) == (400, "InvalidRequestException")


def full_sqlite() -> Exception:
    error = sqlite3.OperationalError("database or disk is full")
    error.sqlite_errorcode = sqlite3.SQLITE_FULL
    return error


@pytest.mark.parametrize(
    ("cause", "status"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), 507),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), 507),
        (full_sqlite(), 507),
        (OSError(errno.EIO, "Input/output error"), 500),
        (sqlite3.OperationalError("disk I/O error"), 500),
        (None, 500),
    ],
)
def test_what_cannot_be_kept_is_not_acknowledged(cloud: HttpCloud, cause: Exception | None, status: int):
    def commit() -> None:
        raise StoreError("state cannot be written") from cause

    cloud.commit = commit
    answer = cloud.ask("PUT", "/_ota/things/lock-1")
    assert (answer.status, answer.json) == (status, {"message": "state cannot be written"})


def test_a_fault_of_ours_is_a_short_answer_and_a_traceback_in_the_log(
    cloud: HttpCloud, caplog: pytest.LogCaptureFixture
):
    def commit() -> None:
        raise ZeroDivisionError("secret detail")

    cloud.commit = commit
    answer = cloud.ask("PUT", "/_ota/things/lock-1")
    assert answer.status == 500
    fault = "ZeroDivisionError, a fault of ota-stream: its log has the traceback"
    assert answer.json == {"message": f"PUT /_ota/things/lock-1 ended in {fault}"}
    wait_until(lambda: bool(errors(caplog)))  # the server logs when it has answered
    logged = errors(caplog)
    assert len(logged) == 1
    assert logged[0].exc_info is not None
    assert logged[0].exc_info[0] is ZeroDivisionError
    assert cloud.ask("GET", "/_ota/jobs").status == 200  # and it goes on


def test_a_caller_that_goes_away_leaves_no_error(cloud: HttpCloud, caplog: pytest.LogCaptureFixture):
    with closing(http.client.HTTPConnection(cloud.host, cloud.port, timeout=10)) as connection:
        connection.putrequest("PUT", "/_ota/objects/firmware/app.bin")
        connection.putheader("Content-Type", "application/octet-stream")
        connection.putheader("Content-Length", "1000")
        connection.endheaders(b"x" * 10)
    assert cloud.ask("GET", "/_ota/jobs").status == 200
    cloud.stop()
    assert errors(caplog) == []
