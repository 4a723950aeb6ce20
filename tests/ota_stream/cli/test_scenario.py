"""`ota-stream scenario`: what it prints, its exit code, its files, and an agent that is started as a process."""

import json
import re
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from typer.testing import CliRunner

from docs.pages import ROOT
from ota_stream.cli import app
from ota_stream.errors import OtaStreamError
from ota_stream.scenarios import scenario as scenarios
from processes import cli_here

SAYS = f"{sys.executable} -c 'print(\"<b>here I am</b>\"); raise SystemExit(3)' {{thing}}"


def scenario(*arguments: str | Path) -> tuple[int, str]:
    """Run the command in this process; return its exit code and what it prints."""
    ended = CliRunner().invoke(app, ["scenario", *map(str, arguments)])
    if ended.exception is not None and not isinstance(ended.exception, SystemExit):
        raise ended.exception
    return ended.exit_code, ended.stdout


def test_all_are_listed_and_one_is_shown_as_it_is_written():
    _, said = scenario("list")
    assert [line.split()[0] for line in said.splitlines()[1:]] == scenarios.names()
    _, shown = scenario("show", "block-lost-once")
    assert scenarios.read(shown) == scenarios.find("block-lost-once")


def test_a_line_for_every_check_and_exit_code_0():
    code, said = scenario("run", "block-lost-once", "same-version")
    assert code == 0
    lines = said.splitlines()
    assert re.fullmatch(r"block-lost-once: A block is lost once \(\d+\.\d s\)", lines[0])
    assert lines[1:5] == [
        "  ok       update 1 is SUCCEEDED",
        "  ok       the image of update 1 runs",
        "  ok       GetStream: 2 or more times",
        "  ok       drop has happened",
    ]
    assert lines[-1] == "2 of 2 scenarios as they should be"


def test_an_agent_that_ends_is_told_with_its_code_and_its_words_in_every_file(tmp_path: Path):
    code, said = scenario("run", "greater-version", "--limit", 20, "--agent", SAYS, "--report", tmp_path / "out")
    assert code == 1
    assert "  FAILED   update 1 is SUCCEEDED: QUEUED; the agent gave up: exit code 3" in said.splitlines()
    assert "           | <b>here I am</b>" in said.splitlines()
    (result,) = json.loads((tmp_path / "out" / "scenarios.json").read_text())
    assert (result["name"], result["verdict"]) == ("greater-version", "missed")
    assert result["lines"] == ["<b>here I am</b>"]
    suite = ET.fromstring((tmp_path / "out" / "junit.xml").read_text())  # noqa: S314 - our own
    assert (suite.get("tests"), suite.get("failures")) == ("1", "1")
    page = (tmp_path / "out" / "report.html").read_text()
    assert "&lt;b&gt;here I am&lt;/b&gt;" in page
    assert "<b>" not in page
    assert '<b class="missed">missed</b>' in page
    assert '<p>Missed: <a href="#greater-version">' in page


def test_an_agent_that_speaks_tls_is_given_its_files():
    tests = " && ".join(f"test -s {{{name}}}" for name in ("ca", "cert", "key", "signer"))
    code, said = scenario("run", "greater-version", "--agent", f"sh -c '{tests} && exit 7'")
    assert code == 1
    assert "exit code 7" in said


def test_what_is_a_simulated_devices_own_is_skipped_for_another_agent_and_counts_as_neither(tmp_path: Path):
    code, said = scenario("run", "power-cut-in-download", "bad-flash", "--agent", "true", "--report", tmp_path)
    assert code == 0
    assert "  skipped  its fault is a simulated device's own" in said.splitlines()
    assert said.splitlines()[-1] == "0 of 2 scenarios as they should be, 2 skipped"
    assert [result["verdict"] for result in json.loads((tmp_path / "scenarios.json").read_text())] == ["skipped"] * 2
    suite = ET.fromstring((tmp_path / "junit.xml").read_text())  # noqa: S314 - our own
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == ("2", "0", "2")
    assert len(suite.findall("testcase/skipped")) == 2
    page = (tmp_path / "report.html").read_text()
    assert "<h1>0 of 2 scenarios as they should be, 2 skipped</h1>" in page
    assert page.count('<b class="skipped">skipped</b>') == 2, "in words: a colour alone is not seen by everybody"


@pytest.mark.parametrize(("more", "name"), [((), "presigned-url-expired"), (("--http",), "http-only")])
def test_what_is_for_other_data_protocols_is_skipped(more: tuple[str, ...], name: str):
    code, said = scenario("run", name, "--agent", "true", *more)
    assert code == 0
    assert "  skipped  it is for an agent that downloads by MQTT" in said
    assert said.splitlines()[-1] == "0 of 1 scenarios as they should be, 1 skipped"


def test_a_scenario_of_ones_own_as_on_the_page(tmp_path: Path):
    page = (ROOT / "docs" / "scenarios.md").read_text(encoding="utf-8")
    (own,) = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    (tmp_path / "own.yaml").write_text(own)
    code, said = scenario("run", tmp_path / "own.yaml")
    assert code == 0, said
    (tmp_path / "own.yaml").write_text("title: 1")
    with pytest.raises(OtaStreamError, match=r"scenario .*own\.yaml: "):
        scenario("run", tmp_path / "own.yaml")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("power-cut",), "did you mean power-cut-at-reboot or power-cut-at-a-write or power-cut-in-download?"),
        (("no-such",), "there is no scenario 'no-such': `ota-stream scenario list` shows them"),
        (("no-such.yaml",), "scenario no-such.yaml cannot be read"),
        (("greater-version", "--agent", "no-such-program {host}"), "agent 'no-such-program' cannot be started"),
        (("greater-version", "--agent", "agent {port"), "agent 'agent {port'"),
        (("greater-version", "--agent", "agent {colour}"), "what stands for something is {host}, {port}"),
    ],
)
def test_what_cannot_be_played_is_one_line_and_exit_code_1(arguments: tuple[str, ...], said: str):
    done = cli_here("scenario", "run", *arguments)
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


def test_an_agent_is_another_one_in_each_scenario():
    agent = f"{sys.executable} -c 'import sys; print(sys.argv[1][-5:]); raise SystemExit(4)' {{signer}}"
    code, said = scenario("run", "greater-version", "large-image", "--agent", agent)
    assert code == 1
    assert said.count("the agent gave up: exit code 4") == 2
    assert said.count("| r.pem") == 2
