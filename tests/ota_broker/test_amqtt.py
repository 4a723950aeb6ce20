"""The broker as a process that reads YAML: `python -m ota_broker`, and a stock amqtt with our plugin."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import live
from kept_logs import entries
from live import RawClient
from ota_broker import process as broker_process
from ota_broker.config import ConfigError
from processes import Process

GET = "$aws/things/d/streams/fw/get/json"
ONE = b'{"f":0,"l":256,"n":1,"c":"%d"}'
EXAMPLE = Path(__file__).parents[2] / "examples" / "broker.yaml"


@pytest.fixture
def config(firmware: Path, tmp_path: Path) -> Path:
    """The example YAML with a firmware, a data directory and a port of this test."""
    text = EXAMPLE.read_text()
    for old, new in {"app.bin": str(firmware), ".ota-stream": str(tmp_path / "data"), "1883": "0"}.items():
        assert old in text
        text = text.replace(old, new)
    path = tmp_path / "broker.yaml"
    path.write_text(text)
    return path


AMQTT = [sys.executable, "-u", "-m", "amqtt.scripts.broker_script", "-c"]


@pytest.fixture
def stock_amqtt(config: Path) -> Iterator[int]:
    """The port of our plugin in a plain amqtt."""
    with subprocess.Popen([*AMQTT, config], stderr=subprocess.PIPE, text=True) as popen:
        assert popen.stderr is not None
        deadline, port = time.monotonic() + live.PATIENCE, None
        while port is None and time.monotonic() < deadline:
            line = popen.stderr.readline()
            port = int(line.split()[-1]) if "ota-stream answers on" in line else None
        assert port is not None
        yield port
        try:
            popen.send_signal(signal.SIGINT)
            popen.communicate(timeout=live.PATIENCE)
        finally:
            popen.kill()


def canary(port: int) -> None:
    """Publish to `$aws` more than once on one connection, and to an ordinary topic: a broker must hear all of it."""
    with RawClient(("127.0.0.1", port)) as client:
        client.connect("d")
        client.subscribe("plain/t")
        for _ in range(3):
            client.publish(GET, ONE % 0)
            client.publish("plain/t", b"x")
            assert len(client.messages()) == 2


def test_stock_amqtt_runs_the_plugin_from_the_same_yaml(stock_amqtt: int, tmp_path: Path):
    canary(stock_amqtt)
    assert len(entries(tmp_path / "data")) == 3


def test_python_m_ota_broker_runs_the_yaml(config: Path, tmp_path: Path):
    with Process(sys.executable, "-m", "ota_broker", "-c", config) as process:
        canary(process.port)
        assert process.stop() == 0
        assert process.err == ""
    assert len(entries(tmp_path / "data")) == 3


def test_stock_amqtt_ends_when_the_plugin_cannot_start(config: Path, firmware: Path):
    firmware.unlink()
    for command in (AMQTT, [sys.executable, "-m", "ota_broker", "-c"]):
        result = subprocess.run([*command, config], capture_output=True, text=True, timeout=live.PATIENCE, check=False)
        assert result.returncode == 1
        assert "error: firmware" in result.stderr
        assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "not YAML"),
        ("plugins: {}", "ota_broker.plugin.OtaStreamPlugin"),
        ("[]", "ota_broker.plugin.OtaStreamPlugin"),
        (
            "listeners: {default: {type: external}}\nplugins: {ota_broker.plugin.OtaStreamPlugin: {nonsense: 1}}",
            "nonsense",
        ),
        ("listeners: {default: {type: external}}\nplugins: {ota_broker.plugin.OtaStreamPlugin: {host: 1}}", "host"),
        (
            "listeners: {default: {type: external}}\nplugins: {ota_broker.plugin.OtaStreamPlugin: {profile: x}}",
            "profile x",
        ),
        ("listeners: {x: {type: external}}\nplugins: {ota_broker.plugin.OtaStreamPlugin: }", "default"),
    ],
)
def test_a_bad_config_file_is_one_clear_line(tmp_path: Path, text: str, reason: str):
    path = tmp_path / "broker.yaml"
    path.write_text(text)
    command = [sys.executable, "-m", "ota_broker", "-c", path]
    result = subprocess.run(command, capture_output=True, text=True, timeout=live.PATIENCE, check=False)
    assert result.returncode == 1
    (line,) = result.stderr.splitlines()
    assert line.startswith("error: ")
    assert reason in line


def test_a_missing_config_file_is_one_clear_line(tmp_path: Path):
    command = [sys.executable, "-m", "ota_broker", "-c", tmp_path / "none.yaml"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=live.PATIENCE, check=False)
    assert (result.returncode, result.stderr.count("\n")) == (1, 1)


def test_another_amqtt_is_refused_at_start(monkeypatch: pytest.MonkeyPatch):
    broker_process.check_amqtt()
    monkeypatch.setattr("amqtt.__version__", "0.13.0")
    with pytest.raises(ConfigError, match=r"amqtt 0\.13\.0 is installed"):
        broker_process.check_amqtt()
