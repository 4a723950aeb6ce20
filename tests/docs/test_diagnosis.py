"""docs/diagnosis.md: every kind of finding is on it with a rule that some page has; its limits are the code's."""

import re

from clinic import Clinic
from docs.pages import ROOT, RULES, code, fenced, rows, table
from ota_stream.cli.diagnose import lines
from ota_stream.diagnosis import jobs, service, streams
from ota_stream.diagnosis.kinds import TABLE, Finding

PAGE = (ROOT / "docs" / "diagnosis.md").read_text(encoding="utf-8")
STANDARD = "MQTT 5, "


def test_the_page_has_every_finding_as_it_is_told():
    said = [
        (code(row["finding"])[0], row["rule"], row["what is wrong"], row["what to do"])
        for row in table(PAGE, "finding")
    ]
    assert said == [(kind.name, kind.rule, kind.wrong, kind.remedy) for kind in TABLE]


def test_every_rule_of_a_finding_is_on_a_page_of_rules():
    known = {row["id"] for page in RULES for row in rows(page.read_text(encoding="utf-8")) if "id" in row}
    assert {kind.rule for kind in TABLE if not kind.rule.startswith(STANDARD)} <= known


def test_the_example_is_what_is_printed():
    clinic = Clinic()
    for _ in range(3):
        clinic.get(o=15, n=1)
    (finding,) = clinic.diagnosis.findings()
    shown = {name: getattr(finding, name) for name in Finding.__struct_fields__} | {"thing": "door-lock-7"}
    assert fenced(PAGE, "")[0] == f"{lines(shown)}\n"


def test_a_line_has_the_members_the_page_names():
    (paragraph,) = re.findall(r"With `--json` it is one line: (.*?)\. The same", PAGE, re.DOTALL)
    assert code(paragraph) == list(Finding.__struct_fields__)


def test_the_limits_are_the_codes():
    assert (streams.REPEATS_MAX + 1, streams.STORM, streams.STORM_TIME, jobs.WAIT_MAX) == (4, 20, 10.0, 60.0)
    assert service.THINGS_MAX == service.FINDINGS_MAX == 10_000
    assert f"silent for {service.SILENT:.0f} s" in PAGE
    for words in ("four times in a row", "more than twenty\n  within ten seconds", "after a minute", "10,000 things"):
        assert words in PAGE
