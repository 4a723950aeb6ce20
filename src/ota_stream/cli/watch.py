"""Watches a job until all its executions have ended: a bar a thing on a terminal, a line a step elsewhere."""

import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from typing import Final

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from ota_stream.cli.control_client import ControlClient
from ota_stream.cli.executions import SUCCEEDED, Execution, execution
from ota_stream.cli.logs import printable
from ota_stream.errors import OtaStreamError

PAUSE: Final = 0.2  # seconds between two looks
BARS_MAX: Final = 20  # things with a bar of their own
_IN_PROGRESS: Final = "IN_PROGRESS"
_GOING: Final = "DELETION_IN_PROGRESS"

Show = Callable[[Sequence[Execution]], None]


class JobGone(OtaStreamError):
    """A job was deleted while somebody waited for it."""


def until_ended(client: ControlClient, job_id: str) -> list[Execution]:
    """Wait for every thing of a job, and show how far they are on standard error.

    Raises:
        JobGone: somebody deletes the job.
        OtaStreamError: the simulator is gone.
    """
    console = Console(stderr=True, highlight=False)
    with _bars(console) if console.is_terminal else _lines() as show:
        while True:
            found = client.pages("jobs", job_id, member="executions")
            status = found["job"]["status"]
            if status == _GOING:
                raise JobGone(f"job {job_id} is being deleted: nobody will tell how its devices end")
            # a thing that got another try is shown by the last one
            executions = list({one["thingName"]: execution(one) for one in found["executions"]}.values())
            show(executions)
            if status != _IN_PROGRESS and all(one.ended for one in executions):
                return executions
            time.sleep(PAUSE)


@contextmanager
def _bars(console: Console) -> Generator[Show]:
    tasks: dict[str, TaskID] = {}
    columns = _text("{task.description}"), BarColumn(), _text("{task.fields[state]}")
    with Progress(*columns, console=console) as bars:

        def draw(name: str, done: int | None, total: int | None, state: str) -> None:
            if name not in tasks:
                tasks[name] = bars.add_task(name, total=None, state="")
            bars.update(tasks[name], completed=done, total=total, state=state)

        def show(executions: Sequence[Execution]) -> None:
            for one in executions[:BARS_MAX]:
                done, total = (1, 1) if one.status == SUCCEEDED else one.received or (None, None)
                draw(one.thing, done, total, printable(f"{one.status} {one.remark}"))
            if len(executions) > BARS_MAX:
                ended = sum(one.ended for one in executions)
                draw("all things", ended, len(executions), f"{ended} of {len(executions)} have ended")

        yield show


def _text(template: str) -> TextColumn:
    return TextColumn(template, markup=False)  # what a device says is no markup


@contextmanager
def _lines() -> Generator[Show]:
    said: dict[str, str] = {}

    def show(executions: Sequence[Execution]) -> None:
        for one in executions:
            tenths = "" if one.received is None else f" {10 * one.received[0] // one.received[1]}0%"
            line = printable(f"{one.thing}: {one.status}{'' if one.ended else tenths} {one.remark}".rstrip())
            if said.get(one.thing) != line:
                said[one.thing] = line
                typer.echo(line, err=True)

    yield show
