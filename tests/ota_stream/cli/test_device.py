"""`ota-stream device`, its arguments and its exit codes; what it runs is tested in tests/ota_device."""

import importlib
import json
import subprocess
import sys

import pytest
import typer
from typer.testing import CliRunner

from device_world import STREAM, document, ecdsa, firmware
from images import MemoryImage
from live import serving, wait_until
from ota_device.errors import DeviceError
from ota_stream.cli.device import device
from ota_stream.testing import LocalCloud

device_module = importlib.import_module("ota_stream.cli.device")  # the package has the function under this name
NEW = firmware()


@pytest.fixture
def server():
    with serving({STREAM: {0: MemoryImage(NEW)}}) as it:
        yield it


@pytest.fixture
def certificate(tmp_path):
    path = tmp_path / "signer.pem"
    path.write_bytes(ecdsa().pem)
    return path


def run(server, *arguments: object):
    app = typer.Typer()
    app.command()(device)
    port = [] if server is None else ["--port", str(server.port)]
    return CliRunner().invoke(app, ["--thing", "dev1", *port, *map(str, arguments)])


def offer(server, doc=None) -> None:
    server.create_job("job-1", "dev1", document=json.dumps(doc or document(NEW)))


def test_one_job_ends_with_0_and_a_line_for_every_step(server, tmp_path, certificate):
    offer(server)
    result = run(server, "--ca", certificate, "--flash", tmp_path / "flash", "--version", "0.9.0", "--once")
    assert result.exit_code == 0, result
    assert result.stdout.splitlines()[-2:] == ["boots v0.9.1 from slot-b, on trial", "job job-1: SUCCEEDED, v0.9.1"]
    assert sorted(path.name for path in (tmp_path / "flash").iterdir()) == [
        "boot.json", "lock", "slot-a", "slot-b", "slot-b.blocks"
    ]  # fmt: skip


def test_a_failed_job_ends_with_1(server, tmp_path):
    offer(server)
    result = run(server, "--flash", tmp_path / "flash", "--data-dir", tmp_path, "--once")
    assert result.exit_code == 1
    assert f"no signer's certificate is in {tmp_path}: name the simulator's --data-dir" in result.stdout
    assert result.stdout.splitlines()[-1] == (
        "job job-1: FAILED, 0x000000e7: 0x00000000 (the device does not hold the signer's certificate)"
    )


@pytest.mark.parametrize("flavour", ["modular-json", "modular-cbor", "rustot"])
def test_other_flavours_can_be_played(server, tmp_path, certificate, flavour):
    offer(server)
    result = run(server, "--ca", certificate, "--flash", tmp_path / "f", "--once", "--flavour", flavour)
    assert result.exit_code == 0, result


@pytest.mark.parametrize(
    ("protocols", "offered", "said"),
    [
        (["http"], "HTTP", f"{len(NEW)} bytes by HTTP"),
        (["mqtt", "http"], ("HTTP", "MQTT"), f"{len(NEW)} bytes of stream"),
        (["http", "mqtt"], ("MQTT", "HTTP"), f"{len(NEW)} bytes by HTTP"),
        ([], "HTTP", "no data protocol the device speaks"),
        (["http"], "MQTT", "no data protocol the device speaks"),
    ],
)
def test_it_downloads_by_the_first_of_its_protocols_that_is_offered(tmp_path, protocols, offered, said):
    with LocalCloud(tmp_path / "data") as cloud:
        update = cloud.create_update(NEW, "dev1", protocol=offered)
        chosen = [word for protocol in protocols for word in ("--protocol", protocol)]
        places = ["--data-dir", tmp_path / "data", "--flash", tmp_path / "flash"]
        result = run(None, *places, *chosen, "--once")
        assert said in result.output
        is_done = said.startswith(str(len(NEW)))
        assert (result.exit_code, update.status("dev1")) == ((0, "SUCCEEDED") if is_done else (1, "FAILED"))


def test_the_flash_is_kept_by_thing_and_goes_on_with_its_image(server, tmp_path, certificate, monkeypatch):
    monkeypatch.chdir(tmp_path)
    offer(server)
    assert run(server, "--ca", certificate, "--once").exit_code == 0
    assert (tmp_path / ".ota-stream" / "devices" / "dev1" / "boot.json").is_file()
    newer = firmware("0.9.2")
    server.run(lambda: server.catalog.put("newer", {0: MemoryImage(newer)}))
    server.create_job("job-2", "dev1", document=json.dumps(document(newer, ota={"streamname": "newer"})))
    result = run(server, "--ca", certificate, "--once")
    assert result.stdout.splitlines()[0] == "boots v0.9.1 from slot-b"
    assert result.exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--version", "1.2"), r"^version '1\.2': use X\.Y\.Z, up to 255\.255\.65535$"),
        (("--ca", "nowhere.pem"), r"^certificate nowhere\.pem cannot be read: No such file or directory$"),
        (("--thing", "a/b"), r"^thing name 'a/b': use 1 to 128 of a-z"),
    ],
)
def test_what_cannot_be_used_is_one_line(server, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    result = run(server, *arguments)
    assert isinstance(result.exception, DeviceError)
    with pytest.raises(DeviceError, match=message):
        raise result.exception
    assert list(tmp_path.iterdir()) == []


def test_a_file_without_a_certificate_is_said(server, tmp_path):
    (tmp_path / "key.pem").write_bytes(b"-----BEGIN PRIVATE KEY-----")
    result = run(server, "--ca", tmp_path / "key.pem", "--flash", tmp_path / "flash")
    assert "holds no certificate: name a PEM file that begins with" in str(result.exception)


def test_a_flash_that_is_in_use_is_said(server, tmp_path):
    with device_module.in_use(tmp_path / "flash"):
        result = run(server, "--flash", tmp_path / "flash")
    assert "another device runs with the flash" in str(result.exception)


def test_on_a_terminal_a_bar_shows_the_download(server, tmp_path, certificate, monkeypatch):
    drawn: list[tuple[int, int]] = []

    class Bar:
        def __enter__(self):
            return lambda *progress: drawn.append(progress)

        def __exit__(self, *_):
            drawn.append((-1, -1))

    monkeypatch.setattr(device_module, "progress_bar", lambda _name: Bar())
    offer(server)
    assert run(server, "--ca", certificate, "--flash", tmp_path / "flash", "--once").exit_code == 0
    assert (drawn[0], drawn[-2:]) == ((4096, 60_000), [(60_000, 60_000), (-1, -1)])


def test_a_device_that_is_killed_in_mid_download_goes_on_at_the_next_start(tmp_path, certificate):
    image = firmware(size=1024 * 4096)  # the most its bitmap takes
    code = "import typer; from ota_stream.cli.device import device; typer.run(device)"
    with serving({STREAM: {0: MemoryImage(image)}}) as server:
        server.create_job("job-1", "dev1", document=json.dumps(document(image)))
        arguments = ["--thing", "dev1", "--port", str(server.port), "--flash", str(tmp_path / "flash"), "--once"]
        command = [sys.executable, "-c", code, *arguments, "--ca", str(certificate)]
        marks = tmp_path / "flash" / "slot-b.blocks"
        with subprocess.Popen(command, stdout=subprocess.DEVNULL) as killed:
            wait_until(lambda: marks.is_file() and any(marks.read_bytes()), "the first blocks")
            killed.kill()
        ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 0, ended.stderr
    assert "blocks are here from before" in ended.stdout
    assert ended.stdout.splitlines()[-1] == "job job-1: SUCCEEDED, v0.9.1"
