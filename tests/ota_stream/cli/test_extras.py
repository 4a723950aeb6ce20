"""Without its extras the command line is whole: who has not asked for a worker needs no database driver."""

import subprocess
import sys

EXTRAS = "asyncpg", "gmqtt", "nats", "obstore", "locust", "pyarrow"


def test_the_command_line_needs_no_extra():
    block = f"import sys; sys.modules.update(dict.fromkeys({EXTRAS}))"  # importing what is None fails
    command = [sys.executable, "-c", f"{block}; from ota_stream.cli import main; main()", "serve", "--help"]
    shown = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (shown.returncode, shown.stderr) == (0, "")
