"""A17, A18: a web page in a browser on this machine cannot drive the simulator."""

import pytest

from http_cloud import HttpCloud, serving_http

THING = "/_ota/things/lock-1"


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory):
    with serving_http(tmp_path_factory.mktemp("guard"), names=("sim.test",)) as cloud:
        yield cloud


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:1", "LocalHost:4566", "127.0.0.1", "127.0.0.1:4566", "[::1]:4566", "sim.test:80"]
)
def test_our_own_names_are_let_in(cloud: HttpCloud, host: str):  # A18
    assert cloud.ask("GET", "/_ota/jobs", host=host).status == 200


@pytest.mark.parametrize(
    "host", ["evil.test", "evil.test:4566", "localhost.evil.test", "127.0.0.1.evil.test", "[::2]:4566", "10.0.0.1", ""]
)
def test_a_name_that_was_rebound_to_us_is_refused(cloud: HttpCloud, host: str):  # A18
    answer = cloud.ask("PUT", THING, host=host)
    assert (answer.status, answer.body) == (403, b"the Host header names another machine\n")
    assert "lock-1" not in cloud.book.things


@pytest.mark.parametrize("origin", ["https://evil.test", "null", "http://localhost:1", "http://127.0.0.1", ""])
def test_a_page_of_another_origin_is_refused(cloud: HttpCloud, origin: str):  # A17
    assert cloud.ask("PUT", THING, origin=origin).status == 403
    assert "lock-1" not in cloud.book.things


def test_a_page_of_our_own_is_let_in(cloud: HttpCloud):
    assert cloud.ask("GET", "/_ota/jobs", origin=cloud.base, sec_fetch_site="same-origin").status == 200


@pytest.mark.parametrize("site", ["cross-site", "same-site", "strange"])
def test_what_another_site_made_the_browser_fetch_is_refused(cloud: HttpCloud, site: str):  # A17
    assert cloud.ask("GET", "/_ota/jobs", sec_fetch_site=site).status == 403


@pytest.mark.parametrize(
    "content_type", ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain", ""]
)
@pytest.mark.parametrize(
    ("method", "target"),
    [("POST", "/_ota/updates/u1"), ("PUT", "/_ota/event-configurations"), ("PUT", "/_ota/signing-profiles/p1")],
)
def test_a_form_is_no_call(cloud: HttpCloud, method: str, target: str, content_type: str):  # A17
    answer = cloud.ask(method, target, b"{}", content_type=content_type)
    assert answer.status == 415
    assert answer.json == {"message": "send this with Content-Type: application/json"}


def test_a_page_cannot_read_a_download_either(cloud: HttpCloud):
    url = cloud.presigner.url("firmware/app.bin", cloud.clock.wall() + 60)[len(cloud.base) :]
    assert cloud.ask("GET", url, sec_fetch_site="cross-site").status == 403
