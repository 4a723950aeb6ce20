"""docs/testing.md is true: its Python runs, and its table has every public name."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import ota_stream.testing
from docs.pages import ROOT, code, fenced, section, table
from ota_stream.testing import Clock, Device, Faults, LocalCloud, LossyWire, MemoryCloud, Update

PAGE = (ROOT / "docs" / "testing.md").read_text(encoding="utf-8")


PROGRAMS = [block for block in fenced(PAGE, "python") if "print(" in block]
SAID = re.findall(r"^prints `(.+)`\.$", PAGE, re.MULTILINE)


@pytest.mark.parametrize(("program", "said"), list(zip(PROGRAMS, SAID, strict=True)))
def test_a_program_on_the_page_runs_as_written(program: str, said: str, tmp_path: Path):
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == said


def test_the_page_has_every_fixture_and_the_example_as_it_is():
    plugin = (ROOT / "src" / "ota_stream" / "pytest_plugin.py").read_text(encoding="utf-8")
    fixtures = re.findall(r"@pytest.fixture.*\ndef (\w+)", plugin)
    assert {name for row in table(PAGE, "fixture") for name in code(row["fixture"])} == set(fixtures)
    for name in ("test_update.py", "test_lost_block.py"):
        example = (ROOT / "examples" / name).read_text(encoding="utf-8")
        assert any(example.endswith(block) for block in fenced(PAGE, "python")), name
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (ten_lines,) = fenced(section(readme, "In a test"), "python")
    assert (ROOT / "examples" / "test_update.py").read_text(encoding="utf-8").endswith(ten_lines)


def test_the_page_names_everything_that_is_public():
    named = " ".join(" ".join(code(row["name"]) + code(row["what it is"])) for row in table(PAGE, "name", "what it is"))
    for kind in (LocalCloud, Update, Device, Clock, Faults, MemoryCloud, LossyWire):
        for name in vars(kind):
            if not name.startswith("_") and name not in {"say", "progress", "keep", "published"}:
                assert re.search(rf"\b{name}\b", named), f"{kind.__name__}.{name}"
    public = set(ota_stream.testing.__all__)
    assert {name for name in public if not re.search(rf"\b{name}\b", PAGE)} == set()
    assert public >= {"Clock", "CloudError", "Device", "Faults", "LocalCloud", "Outcome", "Update", "assert_records"}
