import importlib
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from kept_logs import DESCRIBE_STREAM, GET_STREAM, HOSTILE, Kept
from ota_stream.cli.logs import logs

command = importlib.import_module("ota_stream.cli.logs")  # the package's attribute of this name is the function


@pytest.fixture
def kept(tmp_path: Path):
    kept = Kept(tmp_path / "data")
    yield kept
    kept.close()


def test_following_shows_what_comes_until_ctrl_c(kept, capfdbinary, monkeypatch):
    kept.add(GET_STREAM)
    arrivals = [(DESCRIBE_STREAM,), (), (HOSTILE, GET_STREAM)]

    class Waiting:
        def register(self, *_: int) -> None: ...

        def poll(self, milliseconds: int) -> list[int]:
            assert milliseconds == command.PAUSE
            if not arrivals:
                raise KeyboardInterrupt
            kept.add(*arrivals.pop(0))
            return []

    monkeypatch.setattr(command.select, "poll", Waiting)
    logs(data_dir=kept.data_dir, follow=True)
    assert capfdbinary.readouterr().out.splitlines() == kept.lines
    assert len(kept.lines) == 4


def test_following_ends_when_nobody_reads_any_more(kept, monkeypatch):
    kept.add(GET_STREAM)
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as reader, os.fdopen(writing, "w") as stdout:
        monkeypatch.setattr(sys, "stdout", stdout)
        show = command._json_lines

        def show_and_leave(*arguments: Any) -> None:
            show(*arguments)
            stdout.flush()
            assert reader.readline() == kept.lines[0] + b"\n"
            reader.close()

        monkeypatch.setattr(command, "_json_lines", show_and_leave)
        logs(data_dir=kept.data_dir, follow=True)


def test_a_pipe_closed_while_printing_is_no_error(kept, monkeypatch):
    kept.add(*[GET_STREAM] * 1000)
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as stdout:
        monkeypatch.setattr(sys, "stdout", stdout)
        logs(data_dir=kept.data_dir)


SCRIPT = """
import signal, typer
from ota_stream.cli.logs import logs
signal.signal(signal.SIGINT, signal.default_int_handler)
app = typer.Typer(pretty_exceptions_enable=False)
app.command()(logs)
app()
"""


@pytest.fixture
def process(kept: Kept):
    with subprocess.Popen(
        [sys.executable, "-c", SCRIPT, "--data-dir", kept.data_dir, "--follow"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        yield process
        process.kill()


def test_the_real_command_follows_and_ends_at_ctrl_c(kept, process):
    kept.add(GET_STREAM)
    assert process.stdout.readline() == kept.lines[0] + b"\n"
    kept.add(HOSTILE)
    assert process.stdout.readline() == kept.lines[1] + b"\n"
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=30) == (b"", b"")
    assert process.returncode == 0


def test_the_real_command_ends_when_its_pipe_is_closed(kept, process):
    kept.add(GET_STREAM)
    assert process.stdout.readline() == kept.lines[0] + b"\n"
    process.stdout.close()
    assert process.wait(timeout=30) == 0
    assert process.stderr.read() == b""
