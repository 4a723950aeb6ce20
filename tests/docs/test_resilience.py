"""docs/resilience.md: every number the code cites is on the page, every test it names is there and cites the number."""

import re

import pytest

from docs.pages import ROOT

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
