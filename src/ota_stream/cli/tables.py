"""What the command line shows of the cloud: columns for a person, JSON for a program."""

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from ota_stream.cli.logs import printable

AsJsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, in the shapes of the AWS API.")]


def rows(head: Sequence[str], body: Iterable[Sequence[object]]) -> None:
    """Print a table: a column is as wide as its widest cell, and nothing a terminal would obey gets through (A14)."""
    cells = [list(head), *([printable(str(cell)) for cell in row] for row in body)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(head))]
    for row in cells:
        typer.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def fields(given: Iterable[tuple[str, object]]) -> None:
    """Print names and values, a line each, without those that are None."""
    shown = [(name, printable(str(value))) for name, value in given if value is not None]
    width = max((len(name) for name, _ in shown), default=0)
    for name, value in shown:
        typer.echo(f"{name.ljust(width)}  {value}")


def as_json(content: Any) -> None:  # noqa: ANN401 - whatever JSON can say
    """Print JSON, indented."""
    typer.echo(json.dumps(content, indent=2))


def moment(seconds: float | None) -> str | None:
    """Write epoch seconds as people read them."""
    return None if seconds is None else f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S} UTC"
