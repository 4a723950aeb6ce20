"""`ota-stream logs`: shows the log records a simulator has kept, to a person or to a program."""

import json
import os
import re
import select
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.console import Console
from rich.text import Text

from ota_stream.logs import groups
from ota_stream.logs.entries import Status
from ota_stream.logs.filters import Query, QueryError, action_of, seconds
from ota_stream.records import Action, JobEvent
from ota_stream.stores import log_streams
from ota_stream.stores.cursor import Cursor, LogEvent, read
from ota_stream.stores.datadir import DEFAULT
from ota_stream.stores.errors import StoreError

_IDS: Final = ("otaUpdateId", "awsJobId", "jobId", "streamId")

PAUSE: Final = 200  # milliseconds between two looks for new records

Layout = Callable[[LogEvent, Mapping[str, Any]], None]
"""Prints one record, given as stored and decoded."""


def logs(
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
    group: Annotated[str, typer.Option(metavar="NAME", help="The log group, in either spelling.")] = groups.REAL,
) -> None:
    """Show the log records of answered requests, oldest first.

    Examples:
      ota-stream logs --follow --status failure   what goes wrong, as it happens
      ota-stream logs --thing thing-1 --since 5m  one device, lately
      ota-stream logs --json | jq -r .clientId    for programs
      ota-stream logs --seed-style                as AWS documents them
    """
    if as_json and seed_style:
        raise QueryError("--json and --seed-style are two layouts: choose one")
    query = Query(_action(action), status, thing, None if since is None else max(0.0, time.time() - seconds(since)))
    if not data_dir.is_dir():
        raise StoreError(f"there is no data directory {data_dir}: run `ota-stream serve`, or name it with --data-dir")
    show = _Show(query, _layout(as_json=as_json, seed_style=seed_style))
    try:
        if follow:
            _follow(Cursor(data_dir, group, since=query.since, warn=_warn), show)
        else:
            show(read(data_dir, group, since=query.since, warn=_warn))
            _explain(show, data_dir, group)
    except KeyboardInterrupt:
        return
    except BrokenPipeError:
        # `| head` has seen enough. What Python still holds goes nowhere, or it would complain at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _action(name: str | None) -> str | None:
    """Return an action or event as it is spelt, whatever the case it was asked for in. Raises QueryError."""
    if name is None:
        return None
    known = {each.lower(): str(each) for each in (*Action, *JobEvent)}
    if name.lower() not in known:
        raise QueryError(f"--action {name}: use one of {', '.join(known.values())}")
    return known[name.lower()]


class _Show:
    """Prints the wanted ones of some events, and counts."""

    def __init__(self, query: Query, layout: Layout) -> None:
        self.seen = self.shown = self.damaged = 0
        self._query = query
        self._layout = layout

    def __call__(self, events: Iterable[LogEvent]) -> None:
        for event in events:
            self.seen += 1
            entry = event.entry()
            if entry is None:
                self.damaged += 1
                if self.damaged == 1:
                    _warn(f"log stream {event.log_stream} has a damaged line, skipped like any other there may be")
            elif self._query.matches(entry):
                self.shown += 1
                self._layout(event, entry)
        sys.stdout.flush()


def _follow(cursor: Cursor, show: _Show) -> None:
    reader = select.poll()
    reader.register(sys.stdout.fileno(), 0)  # no event but the ones that always come: the other end is gone
    show(cursor.poll())
    while not reader.poll(PAUSE):
        show(cursor.poll())


def _warn(text: str) -> None:
    typer.echo(f"warning: {text}", err=True)


def _explain(show: _Show, data_dir: Path, group: str) -> None:
    """Say why nothing was printed, when nothing was."""
    if show.shown:
        return
    if show.seen:
        typer.echo(f"none of the {show.seen} records is like that: ask for less", err=True)
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
    sys.stdout.buffer.write(event.line + b"\n")


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
