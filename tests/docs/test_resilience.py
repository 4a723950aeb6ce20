"""docs/resilience.md: every number the code cites is on the page, every test it names is there and cites the number."""

import re

import pytest

from docs.pages import ROOT, fenced

TRIED = {"scripts/crash": "bench/crash.py", "scripts/bench": "bench/storm.py", "scripts/fuzz": "tests/fuzz/run.py"}
PAGE = ROOT / "docs" / "resilience.md"
ROW = re.compile(r"^\| ([RA]\d+) \|.*\| `(tests/[^`]+)` \|$", re.MULTILINE)
CITED = re.compile(r"\b[RA]\d{1,2}\b(?!-)")
ROWS = dict(ROW.findall(PAGE.read_text()))


def test_every_number_in_the_code_is_on_the_page():
    cited = {
        number
        for folder in ("src", "broker", "device_sim")
        for file in (ROOT / folder).rglob("*.py")
        for number in CITED.findall(file.read_text())
    }
    assert cited <= ROWS.keys()


@pytest.mark.parametrize(("number", "test"), ROWS.items())
def test_the_test_a_row_names_is_there_and_cites_its_number(number: str, test: str):
    assert re.search(rf"\b{number}\b", (ROOT / test).read_text())


@pytest.mark.parametrize("command", "".join(fenced(PAGE.read_text(), "console")).splitlines())
def test_a_command_on_the_page_can_be_given(command: str):
    script, *arguments = command.removeprefix("$ ").split()
    assert (ROOT / script).stat().st_mode & 0o100
    program = (ROOT / TRIED[script]).read_text()
    assert all(word in program for word in arguments if word.startswith("--"))
    assert all(word in (ROOT / script).read_text() for word in arguments if word.isalpha())
