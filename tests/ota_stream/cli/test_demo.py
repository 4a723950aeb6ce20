"""`ota-stream demo` is the first thing a newcomer sees, so it is run as one."""

import hashlib
import json
from pathlib import Path

import pytest

from images import image_bytes
from processes import cli


def records(out: str) -> list[dict[str, str]]:
    return [json.loads(line) for line in out.splitlines() if line.startswith("{")]


def test_the_demo_downloads_a_real_binary_of_this_machine_and_shows_its_records():
    result = cli("demo")
    assert (result.returncode, result.stderr) == (0, "")
    made = records(result.stdout)
    assert [record["actionType"] for record in made[:2]] == ["DescribeStream", "GetStream"]
    assert all(record["status"] == "Success" for record in made)
    size = int(result.stdout.split("verified ")[1].split()[0])
    assert size >= 1024 * 1024


def test_the_demo_takes_the_newcomers_own_image(tmp_path: Path):
    image = tmp_path / "app.bin"
    image.write_bytes(image_bytes(300_000))
    result = cli("demo", image)
    assert result.returncode == 0
    assert hashlib.sha256(image.read_bytes()).hexdigest() in result.stdout
    assert len(records(result.stdout)) == 1 + 3  # 128 KiB a request


@pytest.mark.parametrize(("content", "reason"), [(None, "No such file"), (b"", "is empty")])
def test_a_bad_image_is_one_line(tmp_path: Path, content: bytes | None, reason: str):
    image = tmp_path / "app.bin"
    if content is not None:
        image.write_bytes(content)
    result = cli("demo", image)
    assert result.returncode == 1
    (line,) = result.stderr.splitlines()
    assert line.startswith("error: ")
    assert reason in line
