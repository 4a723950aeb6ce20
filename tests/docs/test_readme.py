"""The README and the pages in docs/ are true: their commands run, and every option has its row."""

import json
import re
import shlex
import signal
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from docs.pages import ROOT, fenced, rows, section
from images import image_bytes
from ota_stream.cli import app
from processes import CLI, Process, cli

README = (ROOT / "README.md").read_text(encoding="utf-8")
CLI_PAGE = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
PAGES = {
    path.relative_to(ROOT).as_posix(): path
    for path in [ROOT / "README.md", ROOT / "examples" / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
}
PROGRAM = "ota-stream"
SHELL = {"|", "||", "&", "&&", ";", ">", ">>", "<"}  # where a command ends
OPTION = re.compile(r"--?[A-Za-z][\w-]*")


def paths() -> Iterator[str]:
    """Give every command there is, with the group it is in."""
    program: Any = typer.main.get_command(app)
    for name in program.list_commands(None):
        group = program.get_command(None, name)
        if hasattr(group, "list_commands"):
            yield from (f"{name} {command}" for command in group.list_commands(None))
        else:
            yield name


COMMANDS = tuple(paths())


def commands(text: str) -> list[list[str]]:
    """Return the command lines of a page's console and shell blocks as words, up to the first pipe."""
    found = []
    for line in "\n".join(fenced(text, "console", "sh")).splitlines():
        words = shlex.split(line.strip().removeprefix("$ "), comments=True)
        if words and (words[0] == PROGRAM or words[0].startswith("scripts/")):
            end = next((place for place, word in enumerate(words) if word in SHELL), len(words))
            found.append(words[:end])
    return found


@cache
def options_of(command: str) -> frozenset[str]:
    """Return what `ota-stream COMMAND --help` lists, `--help` itself aside."""
    # An environment of our own: colours and line breaks depend on it. A process for each would take a second to start.
    helped = CliRunner().invoke(app, [*command.split(), "--help"], env={"COLUMNS": "200", "NO_COLOR": "1"})
    assert helped.exit_code == 0, helped.output
    listed = set()
    for line in helped.stdout.splitlines():
        for word in line.strip("│ ").removeprefix("*").split():
            if not OPTION.fullmatch(word.rstrip(",")):
                break
            listed.add(word.rstrip(","))
    return frozenset(listed - {"--help"})


def documented(command: str) -> set[str]:
    """Return the options in the command's table on the page."""
    return {name for row in rows(section(CLI_PAGE, command)) for name in OPTION.findall(row["option"])}


WRITTEN = [(page, words) for page, path in PAGES.items() for words in commands(path.read_text(encoding="utf-8"))]
OURS = [(page, words[1:]) for page, words in WRITTEN if words[0] == PROGRAM]
SCRIPTS = [(page, words[0]) for page, words in WRITTEN if words[0] != PROGRAM]


def test_there_are_commands_to_prove():
    assert {"README.md", "docs/cli.md", "docs/wire.md"} <= {page for page, _ in OURS}
    assert SCRIPTS


@pytest.mark.parametrize(("page", "arguments"), OURS, ids=[f"{page}: {' '.join(words)}" for page, words in OURS])
def test_a_command_on_a_page_parses(page: str, arguments: list[str]):
    assert any(" ".join(arguments).startswith(command) for command in COMMANDS), page
    found, context, rest = typer.main.get_command(app), None, arguments
    while hasattr(found, "resolve_command"):  # a group: the next word is a command of it
        context = found.make_context(PROGRAM, rest, parent=context)
        _, found, rest = found.resolve_command(context, rest)
    found.make_context(PROGRAM, rest, parent=context)  # raises what the command line would


@pytest.mark.parametrize(("page", "script"), SCRIPTS)
def test_a_script_on_a_page_is_there_and_can_be_run(page: str, script: str):
    assert (ROOT / script).stat().st_mode & 0o100, page


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_is_documented_and_no_other(command: str):
    assert documented(command) == options_of(command)


def test_the_page_has_every_command():
    assert re.findall(r"^## (.+)$", CLI_PAGE, re.MULTILINE) == list(COMMANDS)


@pytest.mark.parametrize(("page", "path"), PAGES.items())
def test_links_between_pages_lead_somewhere(page: str, path: Path):
    targets = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", path.read_text(encoding="utf-8"))
    ours = [target for target in targets if "://" not in target]
    assert [target for target in ours if not (path.parent / target).exists()] == [], page


def test_the_session_in_two_terminals_runs_as_written(tmp_path: Path):
    serve, fetch, logs, device, update = (words[1:] for words in commands(section(README, "In two terminals")))
    assert [words[0] for words in (serve, fetch, logs, device, update)] == [
        "serve",
        "fetch",
        "logs",
        "device",
        "update",
    ]
    image = tmp_path / serve[1]
    image.parent.mkdir(parents=True)
    image.write_bytes(image_bytes(300_000))
    with Process(*CLI, *serve, "--mqtt-port", "0", cwd=tmp_path) as server:
        fetched = cli(*fetch, "--port", str(server.port), cwd=tmp_path)
        assert fetched.returncode == 0, fetched.stderr
        copy = tmp_path / fetch[fetch.index("-o") + 1]
        assert copy.read_bytes() == image.read_bytes()
        asked = int(re.findall(r"(\d+) requests", fetched.stdout)[0])
        kept = cli(*(word for word in logs if word != "--follow"), cwd=tmp_path).stdout.splitlines()
        with Process(*CLI, *logs, cwd=tmp_path) as reader:
            assert reader.first_line.splitlines() == kept[:1]
            assert reader.stop(signal.SIGINT) == 0
        with Process(*CLI, *device, cwd=tmp_path) as agent:  # finds the simulator by the data directory
            updated = cli(*update, cwd=tmp_path)
            assert updated.returncode == 0, updated.stderr
            agent.end()
            assert agent.popen.returncode == 0
        assert server.stop() == 0
    records = [json.loads(line) for line in kept]
    assert [record["actionType"] for record in records] == ["DescribeStream", *["GetStream"] * asked]
    assert {record["status"] for record in records} == {"Success"}
    (shown,) = fenced(section(README, "In two terminals"), "json")
    assert list(json.loads(shown)) == list(records[-1]), "the README shows a record as it is printed"
