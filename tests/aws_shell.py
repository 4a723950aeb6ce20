"""The command line of AWS (v1) in a process that forks another for each command: most of its time it takes to start."""

import json
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryFile
from typing import Self


class AwsShell:
    """Takes commands as a shell does, one after the other."""

    def __init__(self) -> None:
        others = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        self._popen = subprocess.Popen(
            [sys.executable, __file__], env=others, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._popen.communicate()

    def run(self, *arguments: str, env: dict[str, str], cwd: Path) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        assert self._popen.stdin is not None
        assert self._popen.stdout is not None
        self._popen.stdin.write(json.dumps([arguments, env, str(cwd)]) + "\n")
        self._popen.stdin.flush()
        return subprocess.CompletedProcess(arguments, *json.loads(self._popen.stdout.readline()))


def serve() -> None:
    """Run what is asked for on stdin; answer exit code, stdout and stderr."""
    from awscli import clidriver, handlers  # noqa: F401, PLC0415 - not where the class alone is asked for

    for line in sys.stdin:
        with TemporaryFile("w+") as out, TemporaryFile("w+") as err:
            if not (child := os.fork()):
                become(json.loads(line), out.fileno(), err.fileno())
                sys.exit(clidriver.main())
            code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            said = [(file.seek(0), file.read())[1] for file in (out, err)]
        sys.stdout.write(json.dumps([code, *said]) + "\n")
        sys.stdout.flush()


def become(asked: tuple[list[str], dict[str, str], str], out: int, err: int) -> None:
    """Make this process one that was started so: with a command line, an environment, in a folder, writing to files."""
    arguments, environment, folder = asked
    sys.argv[1:] = arguments
    os.environ.update(environment)
    os.chdir(folder)
    for inner, outer in enumerate((os.open(os.devnull, os.O_RDONLY), out, err)):
        os.dup2(outer, inner)


if __name__ == "__main__":
    serve()
