"""`ota-stream top`: what the console's pages show, in a terminal; plain lines where there is none."""

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Annotated, Any, Final

import typer
from msgspec import Struct
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from ota_stream.cli.control_client import CallError, ControlClient, connect
from ota_stream.cli.endpoints import DataDirOption, EndpointUrlOption
from ota_stream.cli.logs import printable
from ota_stream.stores.datadir import DEFAULT

MAP_CELLS: Final = 48  # of a block map on the screen
LINES_EVERY: Final = 5.0  # seconds between two lines where there is no terminal, unless told otherwise
SCREEN_EVERY: Final = 0.5
MAPS_MAX: Final = 20
UPDATES_MAX: Final = 10
_MARKS: Final = {"missing": "·", "part": "▒", "sent": "█", "repeated": "▓"}
_STYLES: Final = {"missing": "dim", "part": "blue", "sent": "blue", "repeated": "yellow"}
_ORDER: Final = ("missing", "part", "sent", "repeated")  # of states that share a cell the last one shows
_MIB: Final = 1024 * 1024

Json = dict[str, Any]
Show = Callable[["View"], None]


class View(Struct, frozen=True):
    """What there is to see at a moment, as the pages' JSON has it; `downloads` are those that began last."""

    connected: int
    streams: list[Json]
    updates: list[Json]
    downloads: list[Json]

    @property
    def requests_per_second(self) -> float:
        """How often streams are asked about, all together."""
        return sum(float(stream["requestsPerSecond"]) for stream in self.streams)

    @property
    def bytes_per_second(self) -> float:
        """How fast the blocks of the downloads that are seen go out."""
        return sum(float(download["bytesPerSecond"]) for download in self.downloads)


def top(
    once: Annotated[bool, typer.Option("--once", help="Print a moment and end.")] = False,
    interval: Annotated[
        float | None,
        typer.Option(min=0.1, help="Seconds between two looks.  [default: 0.5 on a terminal, 5 elsewhere]"),
    ] = None,
    login: Annotated[
        str | None, typer.Option(metavar="TOKEN", help="What `serve` has printed, where it listens to other machines.")
    ] = None,
    data_dir: DataDirOption = DEFAULT,
    endpoint_url: EndpointUrlOption = None,
) -> None:
    """Show connections, requests, OTA updates and block maps of a running simulator, live.

    Block maps begin with the first look, of this command or of the console.

    Examples:
      ota-stream top

      ota-stream top --once
    """
    client, console = connect(data_dir, endpoint_url), Console(highlight=False)
    is_screen = console.is_terminal and not once
    pause = interval or (SCREEN_EVERY if is_screen else LINES_EVERY)
    with _screen(console) if is_screen else _lines() as show:
        while True:
            show(look(client, login))
            if once:
                return
            time.sleep(pause)


def look(client: ControlClient, login: str | None = None) -> View:
    """Read what there is to see. Raises CallError, EndpointError."""

    def read(*path: str) -> Json:
        return client.get("console", *path[:-1], f"{path[-1]}.json", **({} if login is None else {"login": login}))

    streams: list[Json] = read("streams")["streams"]
    asked = [stream for stream in streams if stream["downloads"]]
    downloads: list[Json] = []
    for stream in asked[:MAPS_MAX]:
        try:
            downloads += read("streams", stream["streamId"])["newest"]
        except CallError:  # it was deleted since
            continue
    return View(
        connected=read("things")["connected"],
        streams=streams,
        updates=read("updates")["otaUpdates"][:UPDATES_MAX],
        downloads=downloads[:MAPS_MAX],
    )


@contextmanager
def _screen(console: Console) -> Generator[Show]:
    with Live(console=console, auto_refresh=False, screen=True) as live:
        yield lambda view: live.update(picture(view), refresh=True)


@contextmanager
def _lines() -> Generator[Show]:
    yield lambda view: typer.echo("\n".join(lines(view)))


def lines(view: View) -> list[str]:
    """Return a moment in lines: one for all, one an update, one a download."""
    speed = f"{view.requests_per_second:,.1f} requests/s, {view.bytes_per_second / _MIB:,.2f} MiB/s"
    found = [f"{view.connected} connected, {len(view.streams)} streams, {speed}"]
    found += [f"update {each['otaUpdateId']}: {each['otaUpdateStatus']}{_counts(each)}" for each in view.updates]
    found += [
        f"{each['thingName']}: {each['sent']} of {each['blocks']} blocks of {each['streamId']}"
        f" file {each['fileId']}, {each['repeated']} again {''.join(_MARKS[state] for state in cells(each))}"
        for each in view.downloads
    ]
    return [printable(line) for line in found]


def _counts(update: Json) -> str:
    counts = update["counts"]
    if counts is None:
        return ""
    under_way = counts["numberOfQueuedThings"] + counts["numberOfInProgressThings"]
    well, all_things = counts["numberOfSucceededThings"], sum(counts.values())
    return f", {well} of {all_things} succeeded, {under_way} under way"


def cells(download: Json) -> list[str]:
    """Return the map's cells, at most `MAP_CELLS`: what several have in common, the more telling one first."""
    states = [state for state, many in download["map"] for _ in range(many)]
    wide = -(-len(states) // MAP_CELLS) or 1
    return [_common(states[first : first + wide]) for first in range(0, len(states), wide)]


def _common(states: list[str]) -> str:
    most = max(states, key=_ORDER.index)
    return "part" if most == "sent" and "missing" in states else most


def picture(view: View) -> Group:
    """Draw a moment for a terminal."""
    head = Text(lines(View(view.connected, view.streams, [], view.downloads))[0], style="bold")
    updates = Table("OTA update", "status", box=None, padding=(0, 2))
    for each in view.updates:
        updates.add_row(_text(each["otaUpdateId"]), _text(each["otaUpdateStatus"] + _counts(each)))
    downloads = Table("thing", "blocks", "", "again", "rate", box=None, padding=(0, 2))
    for each in view.downloads:
        bar = Text()
        for state in cells(each):
            bar.append(_MARKS[state], style=_STYLES[state])
        rate = f"{each['bytesPerSecond'] / _MIB:,.2f} MiB/s"
        downloads.add_row(
            _text(each["thingName"]), bar, f"{each['sent']}/{each['blocks']}", str(each["repeated"]), rate
        )
    return Group(head, Text(), updates, Text(), downloads, Text("Ctrl-C ends it", style="dim"))


def _text(text: str) -> Text:
    return Text(printable(text))  # what a device says is no markup
