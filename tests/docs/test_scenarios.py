"""docs/scenarios.md: every row names a test that is there and says it plays it; no scenario test is missing."""

import ast
from pathlib import Path

import pytest

from docs.pages import ROOT, Row, code, table
from ota_stream.scenarios import scenario as scenarios
from ota_stream.scenarios.agents import PLACEHOLDERS

PAGE = (ROOT / "docs" / "scenarios.md").read_text(encoding="utf-8")
HOME = ROOT / "tests" / "scenarios"
ROWS = table(PAGE, "scenario", "test")

CATALOGUE = """
GreaterVersion
GreaterVersion, 128 blocks per request
GreaterVersion, 1 block per request
BackToBackDownloads
2UpdatesCancel1st
CancelThenUpdate
DisconnectResume
DisconnectCancelUpdate
PresignedUrlExpired (HTTP)
BackToBackSwitchProtocol
DefaultDataProtocol
SameVersion
PreviousVersion
UnsignedImage
UntrustedCertificate
IncorrectSigningAlgorithm
IncorrectPlatform
CorruptSignature
CorruptImageAfterSigning
CorruptImageBeforeSigning
SingleByteImage
MissingFilename
RollbackIfUnableToConnectAfterUpdate
IncorrectWifiPassword
ImageCrashed
""".strip().splitlines()
"""What a device is qualified with."""


def docstrings(path: Path) -> dict[str, str]:
    """Return the tests of a file, each with its docstring."""
    return {
        node.name: ast.get_docstring(node) or ""
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }


def place(row: Row) -> tuple[Path, str]:
    """Return the file and the name of a row's test."""
    ((file, _, name),) = [text.partition("::") for text in code(row["test"])]
    return (ROOT / file if "/" in file else HOME / file), name


def test_the_page_has_every_scenario_that_has_a_name():
    said = [
        (code(row["name"])[0], row["what happens"], row["where it comes from"])
        for row in table(PAGE, "name", "what happens", "where it comes from")
    ]
    found = {name: scenarios.find(name) for name in scenarios.names()}
    assert said == [(name, each.title, each.why) for name, each in found.items()]


def test_the_page_has_everything_that_stands_for_something_in_a_command():
    said = [name for row in table(PAGE, "placeholder") for name in code(row["placeholder"])]
    assert {name.strip("{}") for name in said} >= set(PLACEHOLDERS)


def test_the_page_has_every_scenario_of_the_catalogue():
    assert [name for name in CATALOGUE if name not in {row["scenario"] for row in ROWS}] == []


def test_no_scenario_stands_twice():
    names = [row["scenario"] for row in ROWS]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["scenario"])
def test_the_test_a_row_names_is_there_and_says_what_it_plays(row: Row):
    path, name = place(row)
    docstring = docstrings(path)[name]
    said = row["scenario"].removesuffix(" (HTTP)").partition(",")[0].partition(" on the wire")[0]
    assert path.parent != HOME or said in docstring


def test_no_scenario_test_is_missing_from_the_page():
    there = {(path, name) for path in HOME.glob("test_*.py") for name in docstrings(path)}
    assert there == {place(row) for row in ROWS if place(row)[0].parent == HOME}
