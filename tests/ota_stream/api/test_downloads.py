"""Presigned downloads, as the HTTP agents make them (device-agents 3.4)."""

import http.client
import re
from contextlib import closing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from http_cloud import HttpCloud, serving_http
from images import MemoryImage, image_bytes

IMAGE = image_bytes(10_000)
KEY = "releases/app 1+ä.bin"


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory):
    with serving_http(tmp_path_factory.mktemp("downloads")) as cloud:
        cloud.run(lambda: cloud.operated.objects.put("firmware", KEY, IMAGE))
        cloud.run(lambda: cloud.catalog.put("served", {0: MemoryImage(IMAGE)}))
        yield cloud


def url(cloud: HttpCloud, path: str = f"firmware/{KEY}", seconds: float = 60.0) -> str:
    return cloud.presigner.url(path, cloud.clock.wall() + seconds)[len(cloud.base) :]


def test_the_http_agent_gets_its_image_block_by_block_on_one_connection(cloud: HttpCloud):
    target, blocks = url(cloud), []
    with closing(http.client.HTTPConnection(cloud.host, cloud.port, timeout=10)) as connection:
        for start in range(0, len(IMAGE), 4096):
            end = min(start + 4096, len(IMAGE)) - 1  # the last range ends exactly at size - 1
            headers = {"User-Agent": "agent", "Connection": "keep-alive", "Range": f"bytes={start}-{end}"}
            connection.request("GET", target, headers=headers)
            answer = connection.getresponse()
            blocks.append(answer.read())
            assert answer.status == 206  # nothing else is accepted
            assert answer.getheader("Content-Range") == f"bytes {start}-{end}/{len(IMAGE)}"
            assert int(answer.getheader("Content-Length", "")) == end - start + 1
            assert len(str(answer.msg)) < 900  # its buffer has 1024 bytes for the headers
    assert b"".join(blocks) == IMAGE


@settings(max_examples=60, deadline=None)
@given(first=st.integers(0, 12_000) | st.none(), last=st.integers(0, 12_000) | st.none())
def test_any_range_is_the_slice_of_the_image(cloud: HttpCloud, first: int | None, last: int | None):
    header = f"bytes={'' if first is None else first}-{'' if last is None else last}"
    answer = cloud.ask("GET", url(cloud), range=header)
    if first is None:
        wanted = None if last is None else IMAGE[-last:] if last else b""
    elif last is None:
        wanted = IMAGE[first:]
    else:
        wanted = None if last < first else IMAGE[first : last + 1]
    if wanted is None:  # no range at all: the header is ignored
        assert (answer.status, answer.body) == (200, IMAGE)
    elif not wanted:
        assert (answer.status, answer.headers["content-range"]) == (416, f"bytes */{len(IMAGE)}")
    else:
        assert (answer.status, answer.body) == (206, wanted)
        start = IMAGE.index(wanted) if len(wanted) > 16 else int(re.findall(r"\d+", answer.headers["content-range"])[0])
        assert answer.headers["content-range"] == f"bytes {start}-{start + len(wanted) - 1}/{len(IMAGE)}"


def test_without_a_range_the_whole_object_comes(cloud: HttpCloud):
    answer = cloud.ask("GET", url(cloud))
    assert (answer.status, answer.body) == (200, IMAGE)
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["accept-ranges"] == "bytes"


@pytest.mark.parametrize(("asked", "status", "size"), [({}, 200, 10_000), ({"range": "bytes=0-99"}, 206, 100)])
def test_head_tells_what_get_would(cloud: HttpCloud, asked: dict[str, str], status: int, size: int):
    answer = cloud.ask("HEAD", url(cloud), **asked)
    assert (answer.status, answer.body, answer.headers["content-length"]) == (status, b"", str(size))
    assert answer.headers["etag"] == cloud.ask("GET", url(cloud)).headers["etag"]


def test_a_range_of_an_object_that_has_changed_is_the_whole_new_one(cloud: HttpCloud):
    def put(content: bytes) -> None:
        cloud.run(lambda: cloud.operated.objects.put("firmware", "changing.bin", content))

    put(IMAGE)
    target = url(cloud, "firmware/changing.bin")
    etag = cloud.ask("GET", target).headers["etag"]
    assert cloud.ask("GET", target, range="bytes=0-9", if_range=etag).status == 206
    put(IMAGE[::-1])
    answer = cloud.ask("GET", target, range="bytes=0-9", if_range=etag)
    assert (answer.status, answer.body) == (200, IMAGE[::-1])


def test_a_url_is_over_at_its_end(cloud: HttpCloud):
    target = url(cloud, seconds=60.0)
    assert cloud.ask("GET", target, range="bytes=0-9").status == 206
    cloud.clock.move(61.0)
    answer = cloud.ask("GET", target, range="bytes=0-9")
    assert answer.status == 403  # the agent asks for the job document again
    assert answer.json == {"message": "the URL has expired: ask for the job document again"}


@pytest.mark.parametrize("query", ["", "?Expires=99999999999", "?Expires=99999999999&Signature=ab", "?Expires=x"])
def test_nothing_opens_without_a_signature(cloud: HttpCloud, query: str):
    answer = cloud.ask("GET", url(cloud).partition("?")[0] + query)
    assert answer.status == 403


def test_a_signature_opens_one_object_only(cloud: HttpCloud):
    cloud.run(lambda: cloud.operated.objects.put("firmware", "other.bin", IMAGE))
    query = url(cloud).partition("?")[2]
    assert cloud.ask("GET", f"/firmware/other.bin?{query}").status == 403


def test_an_object_that_is_gone_is_not_found(cloud: HttpCloud):
    answer = cloud.ask("GET", url(cloud, "firmware/never.bin"))
    assert (answer.status, answer.json) == (404, {"message": "there is no object firmware/never.bin"})


def test_a_stream_of_served_files_has_no_url(cloud: HttpCloud):
    for path in ("served/0", "served", "streams/served"):
        assert cloud.ask("GET", url(cloud, path)).status == 404


@pytest.mark.parametrize("method", ["PUT", "POST", "DELETE", "PATCH"])
def test_a_url_opens_nothing_for_writing(cloud: HttpCloud, method: str):
    assert cloud.ask(method, url(cloud), b"").status == 405
