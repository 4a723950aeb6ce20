"""How a running simulator is found, and what is said when there is none."""

import json
import os
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager

import pytest

from http_cloud import serving_http
from ota_broker.endpoints import EndpointsFile
from ota_stream.cli import control_client
from ota_stream.cli.control_client import CallError, ControlClient, connect
from ota_stream.cli.endpoints import Endpoint, EndpointError, find
from ota_stream.stores.datadir import DEFAULT


def test_the_data_directory_names_the_simulator(tmp_path):
    with serving_http(tmp_path) as cloud:
        EndpointsFile(tmp_path, {"http": {"host": cloud.host, "port": cloud.port}})
        assert find(tmp_path, None) == (cloud.host, cloud.port)
        assert connect(tmp_path, None).get("jobs") == {"jobs": []}


@pytest.mark.parametrize(
    ("url", "endpoint", "text"),
    [
        ("http://127.0.0.1:4566", ("127.0.0.1", 4566), "http://127.0.0.1:4566"),
        ("http://localhost:1/", ("localhost", 1), "http://localhost:1"),
        ("http://[::1]:4566", ("::1", 4566), "http://[::1]:4566"),
        ("http://sim.test", ("sim.test", 80), "http://sim.test:80"),
    ],
)
def test_a_url_names_it_too(url: str, endpoint: tuple[str, int], text: str):
    found = find(DEFAULT, url)
    assert found == endpoint
    assert str(found) == text


@pytest.mark.parametrize(
    "url",
    [
        "",
        "localhost",
        "localhost:4566",
        "https://x",
        "http://",
        "http://x:y",
        "http://x:99999",
        "http://[x",
        "http://x/a",
    ],
)
def test_a_url_that_is_none_is_one_line(url: str):
    with pytest.raises(EndpointError, match=r"write it like http://127\.0\.0\.1:4566$"):
        find(DEFAULT, url)


def test_no_simulator_is_one_line(tmp_path):
    with pytest.raises(EndpointError, match=r"no simulator runs over .*: start `ota-stream serve`"):
        find(tmp_path, None)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "{}",
        '{"http": {}}',
        '{"http": 1, "pid": 1}',
        '{"http": {"host": "h", "port": "x"}, "pid": 1}',
        "\xff",
    ],
)
def test_a_damaged_file_is_one_line(tmp_path, text: str):
    (tmp_path / "endpoints.json").write_text(text, encoding="latin-1")
    with pytest.raises(EndpointError, match="is damaged"):
        find(tmp_path, None)


def test_a_file_that_cannot_be_read_is_one_line(tmp_path):
    (tmp_path / "endpoints.json").mkdir()
    with pytest.raises(EndpointError, match="cannot be read: Is a directory"):
        find(tmp_path, None)


def test_a_dead_simulator_is_one_line(tmp_path):
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    for pid in (dead.pid, 0, -1, 10**30):
        written = {"http": {"host": "127.0.0.1", "port": 1}, "pid": pid}
        (tmp_path / "endpoints.json").write_text(json.dumps(written))
        with pytest.raises(EndpointError, match=f"process {pid}, has died: start `ota-stream serve` again"):
            find(tmp_path, None)


def test_somebody_elses_process_counts_as_alive(tmp_path, monkeypatch: pytest.MonkeyPatch):
    def kill(_pid: int, _signal: int) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "kill", kill)
    (tmp_path / "endpoints.json").write_text('{"http": {"host": "h", "port": 1}, "pid": 1}')
    assert find(tmp_path, None) == ("h", 1)


@contextmanager
def answering(said: bytes):
    """Answer one connection with these bytes, whatever it asks."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def answer() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(said)

        thread = threading.Thread(target=answer)
        thread.start()
        yield ControlClient(Endpoint("127.0.0.1", listening.getsockname()[1]))
        thread.join()


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (b"\x20\x02\x00\x01", "is no simulator's HTTP address"),  # an MQTT port
        (b"", "is no simulator's HTTP address|hung up|without response|cannot be asked"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "is no simulator: its answer is not JSON"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]", "is no simulator: its answer is not JSON"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{", "is no simulator's HTTP address"),
    ],
)
def test_an_address_of_something_else_is_one_line(said: bytes, why: str):
    with answering(said) as client, pytest.raises(EndpointError, match=why) as raised:
        client.get("jobs")
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (b"HTTP/1.1 403 Forbidden\r\nContent-Length: 8\r\n\r\nno\nmore\n", "answered 403: no$"),
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "answered 404: Not Found$"),
        (b"HTTP/1.1 500 E\r\nContent-Length: 2\r\n\r\n[]", r"answered 500: \[\]$"),
    ],
)
def test_a_refusal_of_something_else_is_one_line(said: bytes, why: str):
    with answering(said) as client, pytest.raises(CallError, match=why):
        client.get("jobs")


def test_a_port_where_nobody_listens_is_one_line():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    with pytest.raises(EndpointError, match=f"no simulator listens at http://127.0.0.1:{port}: start"):
        ControlClient(Endpoint("127.0.0.1", port)).get("jobs")


def test_a_name_that_leads_nowhere_is_one_line():
    with pytest.raises(EndpointError, match="cannot be asked: "):
        ControlClient(Endpoint("256.256.256.256", 1)).get("jobs")


def test_a_silent_address_is_not_waited_for_without_end(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(control_client, "PATIENCE", 0.01)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        with pytest.raises(EndpointError, match=r"did not answer in 0\.01 s"):
            ControlClient(Endpoint("127.0.0.1", port)).get("jobs")
