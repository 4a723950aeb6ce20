"""The pages over HTTP: who is answered, what a browser is told it may do, and forms that are not from here."""

import asyncio
import http.client
import re
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from images import image_bytes
from live import PATIENCE, RawClient, wait_until
from ota_broker.config import Settings
from ota_broker.simulator import Simulator
from ota_stream.cli import serve
from ota_stream.console import forms, live, site
from ota_stream.testing import LocalCloud

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    with LocalCloud(tmp_path_factory.mktemp("site")) as made:
        yield made


def ask(
    cloud: LocalCloud, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
) -> tuple[int, http.client.HTTPMessage, str]:
    with closing(http.client.HTTPConnection(cloud.http.removeprefix("http://"), timeout=PATIENCE)) as connection:
        connection.request(method, f"/_ota/{path}", body, headers or {})
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read().decode()


def test_a_page_is_looked_at_while_it_is_open_and_one_that_stands_still_for_ten_minutes(tmp_path: Path):
    with LocalCloud(tmp_path) as own:

        def is_looked_at() -> bool:
            return own._loop.ask(own._simulator._console.is_looked_at)

        assert not is_looked_at()
        with looking(own, "updates") as answer:
            event(answer)
            assert is_looked_at()
        wait_until(lambda: not is_looked_at(), "the end of the look")
        for still in ("console/updates.json", "console/updates?live=off"):
            ask(own, "GET", "console/updates")
            assert not is_looked_at(), "it will move: its stream comes"
            ask(own, "GET", still)
            assert is_looked_at()
            own.clock.step(site.STILL_FOR + 1)
            assert not is_looked_at()


@contextmanager
def looking(cloud: LocalCloud, page: str) -> Iterator[http.client.HTTPResponse]:
    with closing(http.client.HTTPConnection(cloud.http.removeprefix("http://"), timeout=PATIENCE)) as connection:
        connection.request("GET", f"/_ota/console/{page}/live")
        yield connection.getresponse()


def token(cloud: LocalCloud) -> str:
    _, _, text = ask(cloud, "GET", "console/faults")
    found = re.search(r'name="token" value="([^"]+)"', text)
    assert found is not None
    return found[1]


def test_what_a_fault_does_names_its_attributes_as_code(cloud: LocalCloud):
    _, _, text = ask(cloud, "GET", "console/faults")
    assert "comes <code>seconds</code> later" in text
    assert "`" not in text


def test_the_root_leads_to_the_first_page(cloud: LocalCloud):
    status, headers, _ = ask(cloud, "GET", "")
    assert (status, headers["Location"]) == (307, "/_ota/console/updates")


@pytest.mark.parametrize("page", [page for page in site.PAGES if "{" not in page.path], ids=lambda page: page.path)
def test_no_page_lets_a_script_run_that_is_not_ours(cloud: LocalCloud, page: site.Page):
    status, headers, text = ask(cloud, "GET", f"console/{page.path}")
    assert status == 200
    policy = dict(part.strip().partition(" ")[::2] for part in headers["Content-Security-Policy"].split(";"))
    assert (policy["default-src"], policy["script-src"], policy["style-src"]) == ("'none'", "'self'", "'self'")
    assert (policy["frame-ancestors"], policy["form-action"]) == ("'none'", "'self'")
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert not re.search(r"<script(?![^>]* src=)|<style| style=| on[a-z]+=", text)
    assert not re.search(r"""(?:src|href|action)="(?:https?:)?//""", text), "everything is loaded from here"


@pytest.mark.parametrize("name", site.STATIC)
def test_the_files_of_the_pages_are_in_the_package(cloud: LocalCloud, name: str):
    status, headers, text = ask(cloud, "GET", f"console/static/{name}")
    assert (status, headers["Content-Type"].partition(";")[0]) == (200, site.STATIC[name])
    assert len(text) > 500


@pytest.mark.parametrize("path", ["console/static/none.js", "console/static/..%2fsite.py", "console/updates/ghost"])
def test_what_is_not_there_is_not_found(cloud: LocalCloud, path: str):
    assert ask(cloud, "GET", path)[0] == 404


def test_a_stream_of_what_is_not_there_is_no_stream(cloud: LocalCloud):
    assert ask(cloud, "GET", "console/updates/ghost/live")[0] == 404


def test_a_form_without_this_starts_token_does_nothing(cloud: LocalCloud):  # A17
    for sent in (b"fault=drop", b"fault=drop&token=", b"fault=drop&token=guess", b"fault=drop&token=%ff"):
        status, _, text = ask(cloud, "POST", "console/faults", sent, FORM)
        assert (status, "of an earlier start" in text) == (403, True)
    assert "No fault is set." in ask(cloud, "GET", "console/faults")[2]


@pytest.mark.parametrize(
    "headers", [{"Origin": "http://evil.test"}, {"Sec-Fetch-Site": "cross-site"}, {"Host": "evil.test"}]
)
def test_a_page_of_another_site_is_refused_even_with_the_token(cloud: LocalCloud, headers: dict[str, str]):  # A17, A18
    sent = f"fault=drop&token={token(cloud)}".encode()
    assert ask(cloud, "POST", "console/faults", sent, {**FORM, **headers})[0] == 403
    assert ask(cloud, "GET", "console/faults", headers=headers)[0] == 403


def test_a_form_that_is_too_large_is_refused_before_it_is_read(cloud: LocalCloud):
    headers = {**FORM, "Content-Length": str(forms.FORM_MAX + 1)}
    with closing(http.client.HTTPConnection(cloud.http.removeprefix("http://"), timeout=PATIENCE)) as connection:
        connection.putrequest("POST", "/_ota/console/faults")
        for name, value in headers.items():
            connection.putheader(name, value)
        connection.endheaders()
        assert connection.getresponse().status == 413


def test_a_form_of_no_length_or_that_is_none_is_refused(cloud: LocalCloud):
    assert ask(cloud, "POST", "console/faults", b"--x--", {"Content-Type": "multipart/form-data; boundary=x"})[0] == 403
    assert ask(cloud, "POST", "console/faults", b"", {"Content-Type": "multipart/form-data"})[0] in {400, 403}
    with closing(http.client.HTTPConnection(cloud.http.removeprefix("http://"), timeout=PATIENCE)) as connection:
        connection.request("POST", "/_ota/console/faults", iter([b"fault=drop"]), FORM, encode_chunked=True)
        assert connection.getresponse().status == 413


def test_a_deed_about_what_is_gone_says_so(cloud: LocalCloud):
    sent = f"token={token(cloud)}".encode()
    status, _, text = ask(cloud, "POST", "console/updates/ghost/cancel", sent, FORM)
    assert (status, "no OTA update" in text) == (404, True)


def test_what_moves_comes_as_events_and_only_when_it_has_changed(cloud: LocalCloud):
    with looking(cloud, "updates") as answer:
        assert answer.headers["Content-Type"].startswith("text/event-stream")
        assert "No OTA update yet." in event(answer)
        update = cloud.create_update(image_bytes(1000), "dev1")
        text = ""
        while update.ota_update_id not in text or "IN_PROGRESS" not in text:
            text = event(answer)
        assert "<html" not in text


@pytest.fixture(scope="module")
def open_cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    with LocalCloud(tmp_path_factory.mktemp("open"), host="0.0.0.0", insecure=True) as made:  # noqa: S104 - on purpose
        yield made


@pytest.mark.parametrize("headers", [{}, {"Cookie": "ota-console=guess"}, {"Cookie": "ota-console="}])
def test_who_has_no_token_sees_nothing_where_other_machines_can_look(open_cloud: LocalCloud, headers: dict[str, str]):
    for path in ("", "console/updates", "console/updates.json", "console/updates/live", "console/updates?login=guess"):
        assert ask(open_cloud, "GET", path, headers=headers)[0] == 401
    assert ask(open_cloud, "POST", "console/faults", b"fault=drop", {**FORM, **headers})[0] == 401


def test_the_printed_token_is_changed_for_a_cookie(open_cloud: LocalCloud):
    address = serve.pages(open_cloud._simulator)
    login = address.partition("/_ota/")[2]
    status, headers, _ = ask(open_cloud, "GET", login)
    assert (status, headers["Location"]) == (303, "/_ota/")
    cookie, *rules = [part.strip() for part in headers["Set-Cookie"].split(";")]
    assert {"HttpOnly", "SameSite=strict"} <= set(rules)
    assert ask(open_cloud, "GET", "console/updates", headers={"Cookie": cookie})[0] == 200
    assert ask(open_cloud, "GET", f"console/updates.json{login}")[0] == 200, "a program keeps no cookie"


def test_this_machine_alone_needs_no_token(cloud: LocalCloud):
    assert serve.pages(cloud._simulator) == f"{cloud.http}/_ota/"


def event(answer: http.client.HTTPResponse) -> str:
    """Return the next picture."""
    lines: list[str] = []
    while not lines or lines[-1]:
        lines.append(answer.readline().decode().rstrip("\r\n"))
        if lines[0].startswith(":"):
            lines.clear()
    assert lines[0] == "event: picture"
    return "\n".join(line.removeprefix("data: ") for line in lines[1:-1])


def test_a_simulator_with_an_open_page_stops_at_once(tmp_path: Path):
    cloud = LocalCloud(tmp_path).start()
    with looking(cloud, "updates") as answer:
        event(answer)
        cloud.stop()
        wait_until(lambda: not answer.read(), "the end of the stream")


def test_the_head_of_a_stream_is_no_stream(cloud: LocalCloud):
    with closing(http.client.HTTPConnection(cloud.http.removeprefix("http://"), timeout=PATIENCE)) as connection:
        connection.request("HEAD", "/_ota/console/updates/live")
        assert connection.getresponse().read() == b""
        connection.request("GET", "/_ota/console/updates.json")
        assert connection.getresponse().status == 200


def test_what_only_looks_like_the_end_of_a_line_stays_as_it_was_said(cloud: LocalCloud):
    said = "one\u2028still one"
    with RawClient(cloud.mqtt) as client:
        client.connect(said)
        with looking(cloud, "things") as answer:
            assert said in event(answer)


async def test_a_looker_leaves_nothing_in_the_loop(tmp_path: Path):
    simulator = Simulator(Settings(mqtt_port=0, http_port=0, data_dir=str(tmp_path)))
    before = asyncio.all_tasks()
    await simulator.start()
    reader, writer = await asyncio.open_connection("127.0.0.1", simulator.http_port)
    async with asyncio.timeout(PATIENCE):
        writer.write(b"GET /_ota/console/updates/live HTTP/1.1\r\nHost: localhost\r\n\r\n")
        await reader.readuntil(b"event: picture")
        await simulator.stop()
        await reader.read()
    writer.close()
    await writer.wait_closed()
    assert asyncio.all_tasks() == before


def test_who_has_closed_a_page_makes_room_for_another(cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(live, "LOOKERS_MAX", 1)
    with looking(cloud, "updates") as answer:
        event(answer)
        assert ask(cloud, "GET", "console/things/live")[0] == 429

    def is_let_in() -> bool:
        with looking(cloud, "things") as answer:
            return answer.status == 200

    wait_until(is_let_in, "room")


def test_a_page_that_stands_still_gets_a_sign_now_and_then(cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(site, "SIGN_EVERY", 0.01)
    with looking(cloud, "updates") as answer:
        event(answer)
        assert answer.readline().startswith(b":")
