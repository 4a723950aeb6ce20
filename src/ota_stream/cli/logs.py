"""`ota-stream logs`: shows the log records a simulator has kept, to a person or to a program."""

import contextlib
import json
import os
import re
import select
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.console import Console
from rich.text import Text

from ota_stream.cli.logs_export import to_json_lines, to_parquet
from ota_stream.logs import groups
from ota_stream.logs.entries import Status
from ota_stream.logs.events import LogEvent
from ota_stream.logs.filters import Query, QueryError, action_of, seconds
from ota_stream.records import Action, JobEvent
from ota_stream.stores import log_streams
from ota_stream.stores.cursor import Cursor
from ota_stream.stores.datadir import DEFAULT
from ota_stream.stores.errors import StoreError

_IDS: Final = ("otaUpdateId", "awsJobId", "jobId", "streamId")

PAUSE: Final = 200  # milliseconds between two looks for new records

Layout = Callable[[LogEvent, Mapping[str, Any]], None]
"""Prints one record, given as stored and decoded."""

Test = Callable[[str, Mapping[str, Any]], bool]
"""Tells whether a record is wanted, given as its line and decoded."""


class Verb(StrEnum):
    """What `logs` does beside showing."""

    EXPORT = "export"


def logs(
    verb: Annotated[Verb | None, typer.Argument(help="Write a file instead of showing: --jsonl, --parquet.")] = None,
    data_dir: Annotated[Path, typer.Option(help="Where the simulator keeps its things.")] = DEFAULT,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Wait for more until Ctrl-C.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="JSON Lines as stored; the default into a pipe.")] = False,
    seed_style: Annotated[bool, typer.Option("--seed-style", help="The layout of the AWS documentation.")] = False,
    action: Annotated[
        str | None, typer.Option(metavar="NAME", help="Only this actionType or eventType, GetStream for one.")
    ] = None,
    status: Annotated[Status | None, typer.Option(case_sensitive=False, help="Only requests that ended so.")] = None,
    thing: Annotated[str | None, typer.Option(metavar="NAME", help="Only requests on this thing's topics.")] = None,
    since: Annotated[str | None, typer.Option(metavar="TIME", help="Only the last 30s, 5m, 2h or 1d.")] = None,
    pattern: Annotated[
        str | None, typer.Option(metavar="PATTERN", help="Only what a filter pattern of CloudWatch Logs finds.")
    ] = None,
    group: Annotated[str, typer.Option(metavar="NAME", help="The log group, in either spelling.")] = groups.REAL,
    jsonl: Annotated[Path | None, typer.Option(metavar="FILE", help="export: write JSON Lines as stored.")] = None,
    parquet: Annotated[Path | None, typer.Option(metavar="FILE", help="export: write a Parquet table.")] = None,
) -> None:
    """Show the log records of answered requests, oldest first, or write them to a file.

    Examples:
      ota-stream logs --follow --status failure   what goes wrong, as it happens
      ota-stream logs --thing thing-1 --since 5m  one device, lately
      ota-stream logs --json | jq -r .clientId    for programs
      ota-stream logs --seed-style                as AWS documents them
      ota-stream logs export --parquet all.parquet
    """
    if as_json and seed_style:
        raise QueryError("--json and --seed-style are two layouts: choose one")
    if (verb is Verb.EXPORT) != (jsonl is not None or parquet is not None):
        raise QueryError("write a file with `logs export --jsonl FILE`, or --parquet FILE, or both")
    if verb is Verb.EXPORT and follow:
        raise QueryError("an export ends when everything is written: leave --follow out")
    query = Query(_action(action), status, thing, None if since is None else max(0.0, time.time() - seconds(since)))
    test, equal = _asked(query, pattern)
    if not data_dir.is_dir():
        raise StoreError(f"there is no data directory {data_dir}: run `ota-stream serve`, or name it with --data-dir")

    def cursor() -> contextlib.closing[Cursor]:
        start = 0 if query.since is None else int(query.since * 1000)
        return contextlib.closing(Cursor(data_dir, group, since=start, equal=equal, warn=_warn))

    wanted = _Wanted(test)
    for path, write in ((jsonl, to_json_lines), (parquet, to_parquet)):
        if path is not None:
            wanted = _Wanted(test)
            with cursor() as events:
                typer.echo(f"{write(wanted.of(events.poll()), path)} records are in {path}", err=True)
    with cursor() as events:
        if verb is None:
            _print(events, wanted, _layout(as_json=as_json, seed_style=seed_style), follow=follow)
        if not follow:
            events.skip_torn_lines()
            _explain(wanted, events, data_dir, group)


def _action(name: str | None) -> str | None:
    """Return an action or event as it is spelt, whatever the case it was asked for in. Raises QueryError."""
    if name is None:
        return None
    known = {each.lower(): str(each) for each in (*Action, *JobEvent)}
    if name.lower() not in known:
        raise QueryError(f"--action {name}: use one of {', '.join(known.values())}")
    return known[name.lower()]


def _asked(query: Query, pattern: str | None) -> tuple[Test, Mapping[str, str]]:
    """Return a test for what is asked, and texts that every wanted record has, for the store. Raises ControlError."""
    equal = {} if query.status is None else {"status": query.status}
    if pattern is None:
        return lambda _, entry: query.matches(entry), equal
    from ota_stream.logs import patterns  # noqa: PLC0415 - the grammar takes as long to load as all the rest

    compiled = patterns.compile(pattern)
    return (
        lambda line, entry: query.matches(entry) and compiled(line, entry),
        {**equal, **patterns.equalities(compiled)},
    )


class _Wanted:
    """The wanted ones of some events; counts them, and tells of the first damaged one."""

    def __init__(self, test: Test) -> None:
        self.count = self.damaged = 0
        self._test = test

    def of(self, events: Iterable[LogEvent]) -> Iterator[tuple[LogEvent, Mapping[str, Any]]]:
        for event in events:
            entry = event.entry()
            if entry is None:
                self.damaged += 1
                if self.damaged == 1:
                    _warn(f"log stream {event.log_stream} has a damaged line, skipped like any other there may be")
            elif self._test(event.message, entry):
                self.count += 1
                yield event, entry


def _print(events: Cursor, wanted: _Wanted, layout: Layout, *, follow: bool) -> None:
    """Print what there is and, to follow, what comes, until Ctrl-C or until nobody reads any more."""

    def show() -> None:
        for event, entry in wanted.of(events.poll()):
            layout(event, entry)
        sys.stdout.flush()

    try:
        show()
        if follow:
            reader = select.poll()
            reader.register(sys.stdout.fileno(), 0)  # no event but the ones that always come: the other end is gone
            while not reader.poll(PAUSE):
                show()
    except KeyboardInterrupt:
        return
    except BrokenPipeError:
        # `| head` has seen enough. What Python still holds goes nowhere, or it would complain at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _warn(text: str) -> None:
    typer.echo(f"warning: {text}", err=True)


def _explain(wanted: _Wanted, events: Cursor, data_dir: Path, group: str) -> None:
    """Say why there was nothing, when there was nothing."""
    if wanted.count:
        return
    if events.anything():
        typer.echo("none of the records is like that: ask for less", err=True)
        return
    others = [name for name in log_streams.found(data_dir) if name != groups.resolve(group)]
    there = f" (there is {', '.join(others)}: see --group)" if others else ""
    typer.echo(
        f"no records in log group {group} yet{there}: let a device ask for a stream, `ota-stream fetch` will do."
        " Records are DEBUG: a server with another --log-level writes none",  # LC-2
        err=True,
    )


# Layouts


def _layout(*, as_json: bool, seed_style: bool) -> Layout:
    if seed_style:
        return _seed_style
    if as_json or not sys.stdout.isatty():
        return _json_lines
    return _for_people(Console(file=sys.stdout, highlight=False))


def _json_lines(event: LogEvent, _: Mapping[str, Any]) -> None:
    sys.stdout.buffer.write(event.message.encode() + b"\n")


def _seed_style(_: LogEvent, entry: Mapping[str, Any]) -> None:
    """Print one property a line, indented by a tab, a blank behind each line but the last (docs/wire.md, E-6)."""
    properties = ", \n".join(
        f"\t{printable(json.dumps(name, ensure_ascii=False))}: {printable(json.dumps(value, ensure_ascii=False))}"
        for name, value in entry.items()
    )
    typer.echo(f"{{ \n{properties} \n}}")


def _for_people(console: Console) -> Layout:
    def show(_: LogEvent, entry: Mapping[str, Any]) -> None:
        def field(name: str) -> str:
            return printable(str(entry.get(name, "")))

        topic = field("topicName")
        token = f"token {field('clientToken')}" if "clientToken" in entry else ""
        text = Text.assemble(
            (field("timestamp"), "dim"),
            " ",
            (f"{field('status'):7}", "bold red" if entry.get("status") == Status.FAILURE else "green"),
            " ",
            (printable(action_of(entry) or ""), "bold"),
            *(("  ", (field("clientId"), "cyan")) if "clientId" in entry else ()),
            *(part for name in _IDS if field(name) not in topic for part in ("  ", field(name))),
            *(("  ", (topic, "dim")) if topic else ()),
            *(("  ", token) if token else ()),
            "  ",
            field("details"),
        )
        console.print(text, soft_wrap=True)

    return show


def printable(text: str) -> str:
    r"""Return the text with everything a terminal might obey as `\uxxxx`: controls, marks of direction (A14)."""
    return text if text.isprintable() else "".join(c if c.isprintable() else _code(c) for c in text)


def _code(character: str) -> str:
    units = character.encode("utf-16-be", "surrogatepass").hex()
    return re.sub("(....)", r"\\u\1", units)
