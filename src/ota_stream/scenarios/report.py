"""What came of scenarios, in files: JSON, JUnit and one HTML page that needs nothing else."""

from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Final
from xml.etree import ElementTree as ET

import msgspec

from ota_stream.errors import OtaStreamError
from ota_stream.scenarios.verdict import Result, Verdict, summary

JSON: Final = "scenarios.json"
JUNIT: Final = "junit.xml"
PAGE: Final = "report.html"
_STYLE: Final = """
body{font:15px/1.5 system-ui,sans-serif;max-width:860px;margin:2em auto;padding:0 1em;color:#111;background:#fff}
ul{list-style:none;padding:0}li{margin:.2em 0}
b{display:inline-block;min-width:5em;font-size:12px;text-transform:uppercase}
b.met{color:#15803d}b.missed{color:#b91c1c}b.skipped{color:#6b7280}pre{font-size:12px;overflow:auto}
h2{font-size:1.1em;margin:1.6em 0 .2em;border-top:1px solid #8884;padding-top:.8em}p{margin:.2em 0}
@media(prefers-color-scheme:dark){body{color:#eee;background:#111}b.met{color:#4ade80}b.missed{color:#f87171}b.skipped{color:#9ca3af}}
"""


class ResultsError(OtaStreamError):
    """The results cannot be written."""


def write(folder: Path, results: Sequence[Result]) -> None:
    """Write every file. Raises ResultsError."""
    told = [{**msgspec.to_builtins(result), "verdict": result.verdict} for result in results]
    written = {JSON: msgspec.json.format(msgspec.json.encode(told)), JUNIT: junit(results), PAGE: page(results)}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in written.items():
            (folder / name).write_bytes(content)
    except OSError as error:
        raise ResultsError(f"the results cannot be written to {folder}: {error.strerror}") from error


def junit(results: Sequence[Result]) -> bytes:
    """Return a test suite with a case for each scenario."""
    verdicts = [result.verdict for result in results]
    missed, skipped = (str(verdicts.count(each)) for each in (Verdict.MISSED, Verdict.SKIPPED))
    counts = {"tests": str(len(results)), "failures": missed, "errors": "0", "skipped": skipped}
    root = ET.Element("testsuite", {"name": "scenarios", **counts})
    for result in results:
        case = ET.SubElement(root, "testcase", classname="scenarios", name=result.name, time=str(result.seconds))
        if result.skipped:
            ET.SubElement(case, "skipped", message=result.skipped)
        told = [f"{check.what}: {check.seen}" for check in result.checks if not check.is_met]
        if told:
            failure = ET.SubElement(case, "failure", message=_plain(told[0]))
            failure.text = _plain("\n".join((*told, "", *result.lines)))
    ET.indent(root, " ")
    return f"<?xml version='1.0' encoding='utf-8'?>\n{ET.tostring(root, encoding='unicode')}\n".encode()


def page(results: Sequence[Result]) -> bytes:
    """Return the page."""
    missed = [result.name for result in results if result.verdict is Verdict.MISSED]
    links = ", ".join(f'<a href="#{escape(name)}">{escape(name)}</a>' for name in missed)
    parts = [f"<h1>{summary(results)}</h1>", f"<p>Missed: {links}</p>" if missed else "", *map(_section, results)]
    head = f'<meta charset="utf-8"><title>{summary(results)}</title><style>{_STYLE}</style>'
    return f'<!doctype html><html lang="en"><head>{head}</head><body>{"".join(parts)}</body></html>\n'.encode()


def _section(result: Result) -> str:
    checks = "".join(
        f"<li>{_mark(Verdict.MET)}{escape(check.what)}</li>"
        if check.is_met
        else f"<li>{_mark(Verdict.MISSED)}{escape(check.what)}: {escape(check.seen)}</li>"
        for check in result.checks
    )
    lines = escape("\n".join(result.lines))
    said = f"<pre>{lines}</pre>" if result.verdict is Verdict.MISSED else ""
    name = f'<h2 id="{escape(result.name)}">{_mark(result.verdict)}{escape(result.name)}</h2>'
    return f"{name}<p>{escape(result.title)}, {result.seconds:g} s</p><ul>{checks or escape(result.skipped)}</ul>{said}"


def _mark(verdict: Verdict) -> str:
    return f'<b class="{verdict}">{verdict}</b>'


def _plain(text: str) -> str:
    """Return text without what XML does not allow."""
    return "".join(letter if letter >= " " or letter in "\n\t" else "?" for letter in text)
