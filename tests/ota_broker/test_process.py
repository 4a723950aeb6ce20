"""The process as its users start, kill and stop it: `ota-stream serve`."""

import hashlib
import json
import os
import resource
import signal
import socket
from pathlib import Path
from typing import Any

import pytest

import live
from kept_logs import entries
from live import RawClient
from processes import CLI, Process, cli, serve

GET = "$aws/things/d/streams/fw/get/json"
ONE = b'{"f":0,"l":256,"n":1,"c":"%d"}'


def test_serve_says_as_json_what_it_serves_and_where(firmware: Path, tmp_path: Path):
    with serve(firmware, tmp_path / "data") as process:
        assert process.ready == {
            "mqtt": {"host": "127.0.0.1", "port": process.port},
            "http": {"host": "127.0.0.1", "port": process.ready["http"]["port"]},
            "streams": [
                {
                    "streamId": "fw",
                    "files": [
                        {"fileId": 0, "size": 100_000, "sha256": _sha256(firmware)},
                    ],
                }
            ],
            "dataDir": str(tmp_path / "data"),
        }
        assert process.stop(signal.SIGINT) == 0
        assert process.err == ""


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_several_images_are_files_of_one_stream_named_after_the_first(firmware: Path, tmp_path: Path):
    second = tmp_path / "boot loader.bin"
    second.write_bytes(b"boot")
    command = [*CLI, "serve", firmware, second, "--mqtt-port", "0", "--data-dir", tmp_path / "data", "--json"]
    with Process(*command) as process:
        (stream,) = process.ready["streams"]
        assert stream["streamId"] == "app"
        assert [(file["fileId"], file["size"]) for file in stream["files"]] == [(0, 100_000), (1, 4)]


def test_the_banner_can_be_copied(firmware: Path, tmp_path: Path):
    with Process(*CLI, "serve", firmware, "--mqtt-port", "0", "--data-dir", "my data", cwd=tmp_path) as process:
        assert f"127.0.0.1:{process.port}" in process.first_line
        assert process.popen.stdout is not None
        banner = ""
        while "--follow" not in banner:
            banner += process.popen.stdout.readline()
        assert _sha256(firmware) in banner
        assert f"ota-stream fetch app --port {process.port} -o copy.bin" in banner
        assert "ota-stream logs --data-dir 'my data' --follow" in banner
        assert (
            f"ota-stream device --thing device-1 --port {process.port} --data-dir 'my data'" in banner
        )  # has the signer
        assert process.stop() == 0


def test_the_banner_says_where_tls_is(firmware: Path, tmp_path: Path):
    ports = "--mqtt-port", "0", "--tls-port", "0", "--https-port", "0"
    with Process(*CLI, "serve", firmware, *ports, "--tls", "--data-dir", "d", cwd=tmp_path) as process:
        found = json.loads((tmp_path / "d" / "endpoints.json").read_text())
        assert f"by TLS on 127.0.0.1:{found['mqtts']['port']};" in process.first_line
        assert f"by TLS on 127.0.0.1:{found['https']['port']} " in process.first_line
        assert process.popen.stdout is not None
        banner = ""
        while "AWS_ENDPOINT_URL" not in banner:
            banner += process.popen.stdout.readline()
        assert "ota-stream certs thing device-1 --data-dir d " in banner
        assert process.stop() == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("times", [1, 2])
def test_a_signal_stops_it_cleanly_with_clients_connected(firmware: Path, tmp_path: Path, number: int, times: int):
    with serve(firmware, tmp_path / "data") as process:
        clients = [RawClient(process.address) for _ in range(20)]
        for index, client in enumerate(clients):
            client.connect(f"d{index}")
        clients[0].publish(GET, ONE % 0)
        clients[0].until_ping()
        for _ in range(times - 1):
            os.kill(process.popen.pid, number)
        assert process.stop(number) == 0
        assert process.err == ""
        for client in clients:
            assert client.is_closed()
            client.socket.close()
    assert len(entries(tmp_path / "data")) == 1


def test_the_last_of_a_flood_is_told_though_time_stands_still(firmware: Path, tmp_path: Path):  # A15
    with serve(firmware, tmp_path / "data", "--clock", "manual") as process:
        with RawClient(process.address) as client:
            client.connect("d")
            for topic in "abc":
                client.publish(f"$aws/things/d/shadow/{topic}", b"")
            client.until_ping()
        assert process.stop() == 0
        said = process.err.splitlines()
    assert said[0].endswith("no service: d published to $aws/things/d/shadow/a, which nothing answers")
    assert "/shadow/c" in said[-1]


def test_a_request_that_was_answered_has_its_record_after_sigkill(firmware: Path, tmp_path: Path):  # R2
    """In many lives: whatever was answered up to the kill is in the log, and nothing stands there twice or torn."""
    data_dir, answered = tmp_path / "data", 0
    for life in range(8):
        with serve(firmware, data_dir) as process, RawClient(process.address) as client:
            client.connect("d")
            for number in range(life * 40 + 1):
                client.publish(GET, ONE % (1000 * life + number))
                client.receive()
                answered += 1
            process.kill()  # right after the answer: no time to tidy up
        tokens = [entry["clientToken"] for entry in entries(data_dir)]
        assert len(tokens) == len(set(tokens)) == answered


def test_a_kill_in_the_middle_of_many_transfers_loses_no_answered_record(firmware: Path, tmp_path: Path):  # R1, R2
    data_dir, answered = tmp_path / "data", set[str]()
    with serve(firmware, data_dir) as process:
        clients = [RawClient(process.address) for _ in range(50)]
        for index, client in enumerate(clients):
            client.connect(f"d{index}")
            client.send(b"".join(live.packet(0x30, live.text(GET) + ONE % (index * 1000 + n)) for n in range(100)))
        clients[25].receive()
        process.kill()
        for client in clients:
            try:
                while True:
                    first, body = client.receive()
                    answered.add(json.loads(live.message(first, body)[1])["c"])
            except (ConnectionError, TimeoutError):
                client.socket.close()
    answered.add("25000")
    assert answered <= {entry["clientToken"] for entry in entries(data_dir)}
    with serve(firmware, data_dir) as process, RawClient(process.address) as client:  # and it serves again
        client.connect("d")
        client.publish(GET, ONE % 1)
        assert len(client.messages()) == 1


@pytest.mark.parametrize(("level", "count"), [("debug", 2), ("DEBUG", 2), ("info", 0), ("error", 0), ("disabled", 0)])
def test_records_of_requests_appear_only_at_level_debug(firmware: Path, tmp_path: Path, level: str, count: int):  # LC-2
    with serve(firmware, tmp_path / "data", "--log-level", level) as process, RawClient(process.address) as client:
        client.connect("d")
        client.publish(GET, ONE % 0)
        client.publish(GET, b"rejected")
        assert len(client.messages()) == 2
        assert [entry["status"] for entry in entries(tmp_path / "data")] == ["Success", "Failure"][:count]


def test_firmware_that_changes_while_it_is_served_is_refused_and_said(firmware: Path, tmp_path: Path):  # R16, R26
    original = firmware.read_bytes()
    with serve(firmware, tmp_path / "data") as process, RawClient(process.address) as client:
        client.connect("d")

        def answer() -> dict[str, Any]:
            client.publish(GET, ONE % 0)
            ((_, payload),) = client.messages()
            return json.loads(payload)

        assert "p" in answer()
        firmware.write_bytes(original[:50_000] + b"!" + original[50_001:])
        live.wait_until(lambda: answer().get("code") == "ETagMismatch", "refused")
        os.truncate(firmware, 100)
        assert answer().get("code") == "ETagMismatch"
        firmware.unlink()
        live.wait_until(lambda: answer().get("code") == "ResourceNotFound", "gone")
        firmware.write_bytes(original)
        live.wait_until(lambda: "p" in answer(), "served again")
        assert process.stop() == 0
    lines = process.err.splitlines()
    assert any("has changed: requests are refused with ETagMismatch" in line for line in lines)
    assert any("is as it was" in line for line in lines)
    assert all("Traceback" not in line for line in lines)


# What does not start says why in one line


def one_line_error(*arguments: str | Path) -> str:
    result = cli(*arguments)
    assert result.returncode != 0
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.startswith("error: ")
    return line


def test_bad_firmware_is_one_clear_line(tmp_path: Path):  # R7, R17
    (tmp_path / "empty").touch()
    with (tmp_path / "big").open("wb") as big:
        big.truncate(25_165_825)
    os.mkfifo(tmp_path / "fifo")
    for name, reason in {
        "missing": "No such file",
        "empty": "is empty",
        "big": "larger than 25165824 bytes",
        "fifo": "Not a regular file",
        ".": "Is a directory",
    }.items():
        assert reason in one_line_error("serve", tmp_path / name, "--mqtt-port", "0", "--data-dir", tmp_path / "data")


def test_bad_options_are_one_clear_line(firmware: Path, tmp_path: Path):
    for arguments, reason in {
        ("--stream-id", "a b"): "stream id 'a b'",
        ("--mqtt-port", "70000"): "mqtt_port 70000",
        ("--http-port", "-2"): "http_port -2",
        ("--mqtt-port", "x"): "--mqtt-port",
        ("--log-level", "loud"): "log_level loud",
        ("--profile", "acme"): "profile acme",
        ("-O", "out_of_range"): "NAME=VALUE",
        ("-O", "out_of_range=maybe"): "out_of_range",
        ("-O", "colour=red"): "colour",
        ("--nonsense",): "--nonsense",
    }.items():
        assert reason in one_line_error("serve", firmware, "--data-dir", tmp_path / "data", *arguments)
    assert "nonsense" in one_line_error("nonsense")


def test_a_taken_port_a_held_directory_and_a_read_only_place_are_one_clear_line(
    firmware: Path, tmp_path: Path
):  # R6, R7
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        assert f"port {port}" in one_line_error("serve", firmware, "--mqtt-port", port, "--data-dir", tmp_path / "x")
    with serve(firmware, tmp_path / "data") as process:
        line = one_line_error("serve", firmware, "--mqtt-port", "0", "--data-dir", tmp_path / "data")
        assert f"process {process.popen.pid}" in line
    assert "data directory" in one_line_error("serve", firmware, "--mqtt-port", "0", "--data-dir", firmware)


EVERYWHERE = "0.0.0.0"  # noqa: S104 - what is tested


def test_an_address_others_can_reach_is_opened_by_insecure_alone(firmware: Path, tmp_path: Path):  # A16
    line = one_line_error("serve", firmware, "--host", EVERYWHERE, "--data-dir", tmp_path / "d")
    assert "use --tls" in line
    options = ("--insecure", "--mqtt-port", "0", "--http-port", "0", "--json", "--data-dir", tmp_path / "d")
    for _ in range(2):  # at every start
        with Process(*CLI, "serve", firmware, "--host", EVERYWHERE, *options) as process:
            assert {process.ready[door]["host"] for door in ("mqtt", "http")} == {EVERYWHERE}
            assert process.stop() == 0
        assert f"whoever reaches {EVERYWHERE} may do everything, by MQTT and by HTTP" in process.err


def test_by_tls_alone_an_address_is_open_to_others(firmware: Path, tmp_path: Path):  # MS-5
    options = (
        "--tls",
        "--tls-port",
        "0",
        "--mqtt-port",
        "0",
        "--http-port",
        "0",
        "--json",
        "--data-dir",
        tmp_path / "d",
    )
    with Process(*CLI, "serve", firmware, "--host", EVERYWHERE, *options) as process:
        assert process.ready["mqtts"]["host"] == EVERYWHERE
        assert {process.ready[door]["host"] for door in ("mqtt", "http", "https")} == {"127.0.0.1"}
        assert process.stop() == 0
    assert process.err == ""


def test_a_full_disk_stops_the_log_not_the_service_and_loses_no_record(firmware: Path, tmp_path: Path):  # R8
    with serve(firmware, tmp_path / "data") as process, RawClient(process.address) as client:
        client.connect("d")
        _, hard = resource.prlimit(process.popen.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(process.popen.pid, resource.RLIMIT_FSIZE, (1000, hard))  # no file may grow beyond
        for number in range(20):
            client.publish(GET, ONE % number)
            assert len(client.messages()) == 1
        assert len(entries(tmp_path / "data")) < 20
        resource.prlimit(process.popen.pid, resource.RLIMIT_FSIZE, (hard, hard))
        live.wait_until(lambda: len(entries(tmp_path / "data")) == 20, "written when there is room again")
        assert process.stop() == 0
    assert "log records cannot be written" in process.err
    assert "Traceback" not in process.err
    assert [entry["clientToken"] for entry in entries(tmp_path / "data")] == [str(number) for number in range(20)]
