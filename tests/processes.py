"""Real processes for tests: started with port 0, stopped by their own pid."""

import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, Self
from unittest.mock import patch

import pytest

from ota_stream.cli import main

PATIENCE = 40.0  # seconds

CLI = [sys.executable, "-m", "ota_stream"]


def cli(*arguments: str | Path, **how: Any) -> subprocess.CompletedProcess[str]:
    """Run `ota-stream` to its end."""
    return subprocess.run([*CLI, *map(str, arguments)], capture_output=True, text=True, timeout=100, check=False, **how)


def cli_here(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Do the same in this process, for what has no state: to start another takes a second."""
    out, err = io.StringIO(), io.StringIO()
    words = ["ota-stream", *map(str, arguments)]
    with (
        patch.object(sys, "argv", words),
        redirect_stdout(out),
        redirect_stderr(err),
        pytest.raises(SystemExit) as ended,
    ):
        main()
    code = ended.value.code
    if isinstance(code, str):  # as Python does it at the end of a process
        err.write(f"{code}\n")
        code = 1
    return subprocess.CompletedProcess(words, int(code or 0), out.getvalue(), err.getvalue())


class Process:
    """A running broker process that has said it is ready."""

    def __init__(self, *command: str | Path, cwd: Path | None = None) -> None:
        self.popen = subprocess.Popen(
            list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=cwd
        )
        assert self.popen.stdout is not None
        self.first_line = self.popen.stdout.readline()
        self.err = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.popen.poll() is None:
            self.popen.kill()
        self.end()

    @property
    def port(self) -> int:
        if self.first_line.startswith("{"):
            return int(self.ready["mqtt"]["port"])
        match = re.search(r"(?:port |127\.0\.0\.1:)(\d+)", self.first_line)
        assert match, self.first_line + self.end_of_errors()
        return int(match[1])

    @property
    def ready(self) -> Any:
        return json.loads(self.first_line)

    @property
    def address(self) -> tuple[str, int]:
        return "127.0.0.1", self.port

    def kill(self) -> None:
        """SIGKILL: no last words."""
        self.popen.kill()
        self.popen.wait(PATIENCE)

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Ask it to stop and return its exit code."""
        os.kill(self.popen.pid, number)
        self.end()
        return self.popen.returncode

    def end(self) -> None:
        """Wait for the end and keep what was written to stderr."""
        _, err = self.popen.communicate(timeout=PATIENCE)
        self.err += err or ""

    def end_of_errors(self) -> str:
        self.end()
        return self.err


@contextmanager
def serve(firmware: Path, data_dir: Path, *more: str) -> Iterator[Process]:
    """Run `ota-stream serve FIRMWARE --stream-id fw --json` on free ports; tests are faster than quotas allow."""
    fixed = [
        "--stream-id",
        "fw",
        "--mqtt-port",
        "0",
        "--http-port",
        "0",
        "--https-port",
        "0",
        "--json",
        "--quotas",
        "off",
    ]
    with Process(*CLI, "serve", firmware, "--data-dir", data_dir, *fixed, *more) as process:
        yield process


def tool(name: str) -> str:
    """Return a program from the machine. Missing ones are a failure in CI, and a reason to skip elsewhere."""
    path = shutil.which(name)
    if path is None:
        if os.environ.get("CI"):
            pytest.fail(f"{name} is missing; .ci/run installs it")
        pytest.skip(f"{name} is not installed")
    return path
