"""`ota-stream fetch` against the real front door: what it prints, what it writes, and what it leaves behind."""

import hashlib
import re
import socket

import pytest
import typer
from typer.testing import CliRunner

from images import MemoryImage, image_bytes
from live import serving
from ota_device.device import DeviceError
from ota_device.link import LinkError
from ota_stream.cli.fetch import OutputError, fetch
from ota_stream.errors import OtaStreamError

IMAGE = image_bytes(100_000)
APP = typer.Typer()
APP.command()(fetch)


@pytest.fixture
def server():
    with serving({"fw": {0: MemoryImage(IMAGE), 1: MemoryImage(image_bytes(300))}}) as server:
        yield server


def run(*arguments: object, **changes):
    return CliRunner().invoke(APP, [str(argument) for argument in arguments], **changes)


def failure(*arguments: object) -> Exception:
    result = run(*arguments)
    assert isinstance(result.exception, OtaStreamError), result.output
    assert "\n" not in str(result.exception)
    return result.exception


def test_a_download_is_reported_with_its_rate_and_its_sha256(server):
    result = run("fw", "--port", server.port)
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0] == "stream fw version 1, file 0: 100000 bytes"
    assert re.fullmatch(r"25 blocks, 4 requests, \d+\.\d\d s, \d+\.\d\d MiB/s", lines[1])
    assert lines[2:] == [f"sha256 {hashlib.sha256(IMAGE).hexdigest()}"]
    assert result.stderr == ""  # no bar where there is no terminal


def test_on_a_terminal_a_bar_shows_the_progress(server):
    result = run("fw", "--port", server.port, env={"FORCE_COLOR": "1", "TERM": "xterm", "COLUMNS": "100"})
    assert result.exit_code == 0, result.output
    assert "97.7/97.7 KiB" in re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", result.stderr)
    assert result.stdout.splitlines()[2] == f"sha256 {hashlib.sha256(IMAGE).hexdigest()}"


def test_the_file_is_written_whole_and_nothing_else_is_left(server, tmp_path):
    target = tmp_path / "image.bin"
    result = run("fw", "--port", server.port, "--format", "cbor", "-o", target)
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines()[-1] == f"written to {target}"
    assert target.read_bytes() == IMAGE
    assert list(tmp_path.iterdir()) == [target]


def test_an_existing_file_is_replaced(server, tmp_path):
    target = tmp_path / "image.bin"
    target.write_bytes(b"older")
    assert run("fw", "--port", server.port, "--file-id", 1, "-o", target).exit_code == 0
    assert target.read_bytes() == image_bytes(300)


@pytest.mark.parametrize("wire_format", ["json", "cbor"])
def test_every_option_reaches_the_wire(server, wire_format):
    options = ["--thing", "door-7", "--host", server.host, "--port", server.port, "--format", wire_format]
    result = run("fw", *options, "--file-id", 0, "--block-size", 256, "--blocks", 100)
    assert result.exit_code == 0, result.output
    assert "391 blocks, 4 requests" in result.stdout
    assert {(record.client_id, record.failure) for record in server.records} == {("door-7", None)}
    assert server.records[-1].topic == f"$aws/things/door-7/streams/fw/get/{wire_format}"
    assert len({record.client_token for record in server.records}) == 1


def test_each_run_has_a_client_token_of_its_own(server):
    for _ in range(2):
        assert run("fw", "--port", server.port).exit_code == 0
    assert len({record.client_token for record in server.records}) == 2


def test_a_failed_download_leaves_the_old_file_alone(server, tmp_path):
    target = tmp_path / "image.bin"
    target.write_bytes(b"older")
    error = failure("fw", "--port", server.port, "--block-size", 255, "-o", target)
    assert str(error) == "stream fw, file 0: BlockSizeOutOfBounds: The block size is out of bounds"
    assert target.read_bytes() == b"older"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere"], "stream nowhere: ResourceNotFound: The requested stream was not found"),
        (["fw", "--file-id", 7], "stream fw has no file 7: choose one of its file ids (0, 1)"),
        (["fw", "--thing", "a b"], "thing name 'a b': use 1 to 128 of a-z A-Z 0-9 : _ -"),
        (["f/w"], "stream id 'f/w': use 1 to 128 of a-z A-Z 0-9 _ -"),
    ],
)
def test_what_cannot_be_had_is_one_line(server, arguments, message):
    error = failure(*arguments, "--port", server.port)
    assert isinstance(error, DeviceError)
    assert str(error) == message


def test_nobody_listening_says_how_to_start_the_simulator():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    error = failure("fw", "--port", port)
    assert isinstance(error, LinkError)
    assert str(error) == f"nobody listens on 127.0.0.1:{port}: start the simulator with `ota-stream serve FIRMWARE`"


def test_a_target_that_cannot_be_written_is_told_before_the_download(server, tmp_path):
    missing = tmp_path / "missing" / "image.bin"
    for target, message in [(missing, f"there is no folder {missing.parent}"), (tmp_path, "it is no ordinary file")]:
        error = failure("fw", "--port", server.port, "-o", target)
        assert isinstance(error, OutputError)
        assert message in str(error)
    assert server.records == []


@pytest.mark.parametrize("length", [250, 300])  # with what is put around it for a while, and by itself
def test_a_name_that_is_too_long_leaves_nothing_behind(server, tmp_path, length):
    error = failure("fw", "--port", server.port, "-o", tmp_path / ("n" * length))
    assert isinstance(error, OutputError)
    assert str(error).endswith(": File name too long")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "arguments",
    [["fw", "--format", "xml"], ["fw", "--port", "0"], ["fw", "--blocks", "0"], ["fw", "--block-size", "0"], []],
)
def test_a_wrong_command_line_is_a_usage_error(arguments):
    result = run(*arguments)
    assert result.exit_code == 2
    assert "Usage:" in result.output


def test_the_help_has_examples():
    result = run("--help", env={"COLUMNS": "120"})
    assert "Examples:" in result.stdout
    assert "ota-stream fetch firmware --thing door-lock-7 --format cbor -o image.bin" in result.stdout
