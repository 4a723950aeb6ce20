"""`ota-stream load` against the real front door: what it prints, writes and returns."""

import csv
import re
import signal
import socket
import subprocess
import threading
import urllib.request
from contextlib import ExitStack
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
import typer
from prometheus_client.parser import text_string_to_metric_families
from typer.testing import CliRunner

from fleet_world import IMAGE, SHELF
from images import image_bytes
from live import serving, wait_until
from ota_stream.cli.fleet_files import read
from ota_stream.cli.load import load
from ota_stream.errors import OtaStreamError
from processes import CLI, Process, cli

APP = typer.Typer()
APP.command()(load)


@pytest.fixture
def server():
    with serving(SHELF) as it:
        yield it


def run(*arguments: object, **changes):
    return CliRunner().invoke(APP, [str(argument) for argument in arguments], **changes)


def failure(*arguments: object) -> str:
    result = run(*arguments)
    assert isinstance(result.exception, OtaStreamError), result.output
    assert "\n" not in str(result.exception)
    return str(result.exception)


def test_a_load_is_summed_up_and_reported(server, tmp_path):
    folder = tmp_path / "out"
    result = run("--things", 20, "--stream", "fw", "--port", server.port, "--ramp", "1000/s", "--report", folder)
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert re.fullmatch(r"20 things in \d+\.\d s: 20 succeeded, 0 failed", lines[0])
    assert re.match(
        r"20 images verified, 200 blocks, [\d,]+ blocks/s, [\d.]+ MB/s, \d+ us of CPU a block here", lines[1]
    )
    assert re.fullmatch(r"block: p50 [\d.]+ m?s, p95 [\d.]+ m?s, p99 [\d.]+ m?s, longest [\d.]+ m?s", lines[2])
    assert sorted(path.name for path in folder.iterdir()) == [
        "junit.xml", "report.html", "report.json", "samples.csv", "things.csv"
    ]  # fmt: skip
    report = read(folder)
    assert (report.things, report.succeeded, report.blocks, report.bytes) == (20, 20, 200, 20 * len(IMAGE))
    assert report.met
    assert sum(sample.blocks for sample in report.samples) == 200
    rows = list(csv.DictReader((folder / "things.csv").read_text().splitlines()))
    assert [row["thing"] for row in rows] == [f"thing-{number}" for number in range(1, 21)]
    assert {(row["outcome"], row["as_expected"], row["blocks"]) for row in rows} == {("succeeded", "yes", "10")}
    samples = list(csv.DictReader((folder / "samples.csv").read_text().splitlines()))
    assert samples[-1]["succeeded"] == "20"
    suite = ET.parse(folder / "junit.xml").getroot()[0]  # noqa: S314 - our own file
    assert (suite.get("tests"), suite.get("failures"), len(suite)) == ("20", "0", 20)


@pytest.mark.parametrize("wire_format", ["json", "cbor"])
def test_every_option_reaches_the_wire(server, wire_format):
    options = ["--format", wire_format, "--block-size", 1000, "--window", 5, "--name", "door-", "--file-id", 0]
    result = run("--things", 2, "--stream", "fw", "--host", server.host, "--port", server.port, *options)
    assert result.exit_code == 0, result.output
    assert "80 blocks" in result.stdout
    assert {record.client_id for record in server.records} == {"door-1", "door-2"}
    assert server.records[-1].topic.endswith(f"/streams/fw/get/{wire_format}")


def test_a_failure_is_told_with_its_reason_and_exit_code_1(server, tmp_path):
    folder = tmp_path / "out"
    result = run("--things", 3, "--stream", "nowhere", "--port", server.port, "--report", folder)
    assert result.exit_code == 1
    assert result.stdout.splitlines()[-2:] == [
        "3 failed: ResourceNotFound: The requested stream was not found",
        "not as expected: 3 things ended otherwise than they should",
    ]
    assert not read(folder).met
    case = ET.parse(folder / "junit.xml").getroot()[0][0]  # noqa: S314 - our own file
    assert case[0].get("message") == "ResourceNotFound: The requested stream was not found"


def test_downloads_are_repeated_for_a_time(server):
    result = run("--things", 5, "--stream", "fw", "--port", server.port, "--duration", "300ms", "--ramp", "1000/s")
    assert result.exit_code == 0, result.output
    images = int(result.stdout.splitlines()[1].split()[0].replace(",", ""))
    assert images > 5


def test_the_limit_begins_when_the_last_has_started(server):
    slowly = "--ramp", "2/s", "--limit", "200ms"
    result = run("--things", 2, "--stream", "fw", "--port", server.port, *slowly)
    assert result.exit_code == 0, result.output


def test_where_there_is_no_terminal_lines_tell_how_it_goes(server, monkeypatch):
    monkeypatch.setattr("ota_stream.cli.fleet_view.LINE_EVERY", 0.2)
    result = run("--things", 5, "--stream", "fw", "--port", server.port, "--duration", "1s", "--ramp", "1000/s")
    counts = r" +\d\.\d s  \d connected, \d downloading, \d+ verified, 0 rebooted, \d succeeded, 0 failed; "
    rates = r"[\d,]+ blocks/s, [\d.]+ MB/s, block p50 [\d.]+ m?s p95 [\d.]+ m?s p99 [\d.]+ m?s"
    assert re.fullmatch(counts + rates, result.stderr.splitlines()[-1])


def test_on_a_terminal_bars_show_how_it_goes(server):
    result = run(
        "--things", 5, "--stream", "fw", "--port", server.port, "--duration", "1s",
        env={"FORCE_COLOR": "1", "TERM": "xterm", "COLUMNS": "120"},
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    drawn = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", result.stderr)
    for word in ("connected", "downloading", "verified", "succeeded", "blocks/s", "p99", "5 of 5"):
        assert word in drawn


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "say what to load with: either --stream ID or --update FIRMWARE"),
        (["--stream", "fw", "--update", "app.bin"], "say what to load with: either --stream ID or --update FIRMWARE"),
        (["--stream", "f/w"], "stream id 'f/w': use 1 to 128 of a-z A-Z 0-9 _ -"),
        (["--stream", "fw", "--mqtt", "4"], "MQTT version '4': use 3.1.1 or 5"),
        (["--stream", "fw", "--ramp", "fast"], "--ramp: 'fast' is none: write a rate like 500/s, 30/m or 2/h"),
        (["--stream", "fw", "--ramp", "0/s"], "--ramp: with 0/s nothing ever happens: give more"),
        (["--stream", "fw", "--limit", "soon"], "--limit: 'soon' is none: write a time like 500ms, 30s, 10m or 2h"),
        (["--stream", "fw", "--name", "a b"], "--name 'a b': thing names have 1 to 128 of a-z A-Z 0-9 : _ -"),
        (["--update", "app.bin", "--duration", "5s"], "--duration, --sha256 and --format go with --stream"),
        (["--update", "nowhere.bin"], "nowhere.bin cannot be read: No such file or directory"),
    ],
)
def test_what_cannot_be_done_is_one_line(arguments, message):
    assert failure("--things", 1, *arguments).startswith(message)


def test_a_report_that_cannot_be_written_is_told_before_the_run(server, tmp_path):
    (tmp_path / "file").touch()
    said = failure("--things", 1, "--stream", "fw", "--port", server.port, "--report", tmp_path / "file")
    assert said == f"the report cannot be written to {tmp_path / 'file'}: File exists"
    assert server.records == []


def test_nobody_listening_says_how_to_start_the_simulator():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    said = failure("--things", 1, "--stream", "fw", "--port", port)
    assert said == f"nobody listens on 127.0.0.1:{port}: start the simulator with `ota-stream serve FIRMWARE`"


def test_a_fleet_that_is_interrupted_ends_in_a_report(server, tmp_path):
    folder = tmp_path / "out"
    arguments = ["--things", "5", "--stream", "fw", "--port", str(server.port), "--duration", "60s"]
    command = [*CLI, "load", *arguments, "--report", str(folder)]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as process:
        wait_until(lambda: len(server.records) > 50, "some requests")
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "5 failed: stopped by the user" in said
    assert said.splitlines()[-1] == "not as expected: stopped before its end"
    report = read(folder)
    assert report.interrupted
    assert report.blocks > 50


def test_a_broker_that_dies_in_mid_run_leaves_a_report(tmp_path, monkeypatch):
    monkeypatch.setattr("ota_device.fleet.thing.PATIENCE", 0.5)
    dying = ExitStack()
    server = dying.enter_context(serving(SHELF))

    def all_at_work() -> bool:
        made = list(server.records)
        return len(made) > 50 and len({record.client_id for record in made}) == 5

    def die() -> None:
        wait_until(all_at_work, "requests of every thing")
        dying.close()

    killer = threading.Thread(target=die)
    killer.start()
    load = ["--things", 5, "--stream", "fw", "--port", server.port, "--duration", "60s"]
    result = run(*load, "--report", tmp_path / "out")
    killer.join(10)
    assert result.exit_code == 1
    assert "5 failed: no connection: connection refused" in result.stdout
    report = read(tmp_path / "out")
    assert (report.failed, report.lost_connections) == (5, 5)
    assert report.blocks > 50


def test_prometheus_can_read_the_fleet_while_it_runs(server, tmp_path):
    arguments = ["--things", "5", "--stream", "fw", "--port", str(server.port), "--duration", "60s"]
    command = [*CLI, "load", *arguments, "--metrics-port", "0"]
    with subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        url = process.stderr.readline().removeprefix("metrics: ").strip()
        wait_until(lambda: len({record.client_id for record in server.records}) == 5, "every thing")
        with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310 - the URL that was printed
            text = answer.read().decode()
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
    assert process.returncode == 130
    families = {family.name: family for family in text_string_to_metric_families(text)}
    assert families["ota_fleet_connected_things"].samples[0].value == 5
    assert families["ota_fleet_blocks"].samples[0].value > 0


def test_a_metrics_port_that_is_taken_is_told(server):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = failure("--things", 1, "--stream", "fw", "--port", server.port, "--metrics-port", port)
    assert said == f"metrics cannot be served on 127.0.0.1:{port}: Address already in use"


def test_an_update_is_made_and_carried_out_by_every_thing(tmp_path: Path):
    (tmp_path / "app.bin").write_bytes(image_bytes(30_000))
    serve = ["serve", "--mqtt-port", "0", "--http-port", "0", "--json"]
    with Process(*CLI, *serve, cwd=tmp_path) as simulator:
        assert simulator.port
        arguments = ["--update", "app.bin", "--flavour", "modular-json", "--window", "4", "--report", "out"]
        done = cli("load", "--things", "10", *arguments, cwd=tmp_path)
        assert done.returncode == 0, done.stdout + done.stderr
        job = re.search(r"^job +(\S+)$", done.stdout, re.MULTILINE)
        assert job
        shown = cli("jobs", "show", job[1], "--json", cwd=tmp_path)
    assert shown.returncode == 0, shown.stderr
    assert shown.stdout.count('"SUCCEEDED"') >= 10
    report = read(tmp_path / "out")
    assert (report.succeeded, report.verified, report.rebooted, report.blocks) == (10, 10, 10, 80)


def test_a_fleet_speaks_tls_with_a_certificate_for_each_thing_and_mqtt_5(tmp_path: Path):
    (tmp_path / "app.bin").write_bytes(image_bytes(30_000))
    serve = ["serve", "app.bin", "--tls", "--tls-port", "0", "--mqtt-port", "0", "--http-port", "0", "--json"]
    with Process(*CLI, *serve, cwd=tmp_path) as simulator:
        assert simulator.port
        made = cli("certs", "thing", "--count", "6", "--prefix", "thing-", "-o", "certs", cwd=tmp_path)
        assert made.returncode == 0, made.stderr
        loads = ["load", "--things", "6", "--stream", "app"]
        done = cli(*loads, "--certs", "certs", "--mqtt", "5", "--report", "out", cwd=tmp_path)
        assert done.returncode == 0, done.stdout + done.stderr
        assert read(tmp_path / "out").succeeded == 6
        more = cli("load", "--things", "7", "--stream", "app", "--certs", "certs", cwd=tmp_path)
        assert more.stderr.startswith(
            "error: 1 of 7 things have no certificate in certs, the first is thing-7.cert.pem"
        )
        port = simulator.ready["mqtts"]["port"]
        tls = "tls: {certificates: certs}"
        (tmp_path / "fleet.yaml").write_text(
            f"target: {{host: localhost, port: {port}, mqtt: '5', {tls}}}\n"
            "work: {do: update, firmware: app.bin}\n"
            "classes: [{name: doors, count: 6}]\n"
        )
        done = cli("fleet", "fleet.yaml", cwd=tmp_path)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "6 succeeded, 0 failed" in done.stdout
