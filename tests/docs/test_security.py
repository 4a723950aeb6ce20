"""SECURITY.md: the tests it names are there, its links lead somewhere, and its figures are those of the code."""

import re

import pytest

from docs.pages import ROOT, code, table
from ota_broker.front import limits

PAGE = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
LINKS = re.findall(r"\]\(([^)#]+)(?:#([a-z0-9-]+))?\)", PAGE)
FIGURES = {
    f"{limits.CONNECTIONS_MAX:,} connections",
    f"{limits.SESSIONS_MAX:,} sessions",
    f"{limits.RETAINED_MAX:,} retained messages",
}


@pytest.mark.parametrize("row", table(PAGE, "against", "test"), ids=lambda row: row["against"][:50])
def test_what_is_defended_has_its_test(row: dict[str, str]):
    (name,) = code(row["test"])
    assert "def test_" in (ROOT / name).read_text(encoding="utf-8")


@pytest.mark.parametrize(("page", "heading"), LINKS)
def test_every_link_leads_somewhere(page: str, heading: str):
    text = (ROOT / page).read_text(encoding="utf-8")
    headings = {
        re.sub(r"[^a-z0-9 -]", "", line[3:].lower()).replace(" ", "-")
        for line in text.splitlines()
        if line[:3] == "## "
    }
    assert not heading or heading in headings


@pytest.mark.parametrize("figure", FIGURES)
def test_its_figures_are_the_codes(figure: str):
    assert figure in PAGE
