"""Reads Markdown pages for tests: the rows of tables, fenced blocks, sections."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
_NAMES = (
    "wire.md",
    "mqtt.md",
    "policies.md",
    "tls.md",
    "quotas.md",
    "jobs.md",
    "updates.md",
    "aws.md",
    "cloudwatch-logs.md",
)
RULES = tuple(ROOT / "docs" / name for name in _NAMES)
"""The pages with the numbered rules."""

Row = dict[str, str]
"""A row of a table: column heading -> cell."""

_CODE = re.compile(r"`([^`]+)`")
_FENCE = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)


def fenced(text: str, *languages: str) -> list[str]:
    """Return the fenced blocks in these languages."""
    return [body for language, body in _FENCE.findall(text) if language in languages]


def section(text: str, heading: str) -> str:
    """Return what stands under a heading of the second level, up to the next."""
    found = re.search(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    assert found, f"there is no heading {heading!r}"
    return found[1]


def rows(text: str) -> list[Row]:
    """Return the rows of all tables, in order."""
    found: list[Row] = []
    columns: list[str] = []
    for line in _FENCE.sub("", text).splitlines():
        if not line.startswith("|"):
            columns = []
            continue
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if not columns:
            columns = cells
        elif set(line) - set("|-: "):
            assert len(cells) == len(columns), line
            found.append(dict(zip(columns, cells, strict=True)))
    return found


def table(text: str, *columns: str) -> list[Row]:
    """Return the rows of the tables that have all these columns."""
    found = [row for row in rows(text) if set(columns) <= row.keys()]
    assert found, f"no table has the columns {columns}"
    return found


def code(cell: str) -> list[str]:
    """Return what stands in code type."""
    return _CODE.findall(cell)
