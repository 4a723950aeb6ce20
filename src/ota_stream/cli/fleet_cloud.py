"""The simulator that a fleet talks to, asked over HTTP: faults for the time of a run, and what it found wrong."""

from collections.abc import Collection, Generator, Iterable
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from msgspec import Struct

from ota_device.fleet.report import FindingRow
from ota_stream.cli.control_client import CallError, ControlClient, connect
from ota_stream.cli.endpoints import EndpointError
from ota_stream.faults.fault import Fault

EXAMPLE_MAX: Final = 200  # characters of what was seen at one thing


class Cloud(Struct, frozen=True):
    """The simulator, and the faults that are to be there while the fleet runs."""

    client: ControlClient
    faults: tuple[Fault, ...] = ()

    @contextmanager
    def faulty(self) -> Generator[None]:
        """Set the faults, and take them away again, whatever happens.

        Raises CallError or EndpointError when they cannot be set.
        """
        names: list[str] = []
        try:
            for fault in self.faults:
                made = self.client.post("faults", body=fault.shown())
                names.append(made["name"])
            yield
        finally:
            with suppress(CallError, EndpointError):  # somebody else has removed it, or there is no simulator any more
                for name in names:
                    self.client.delete("faults", name)

    def last(self) -> int | None:
        """Return the number of the last finding so far, or None when nobody listens."""
        found = self._findings(0)
        return None if found is None else max((each["number"] for each in found), default=0)

    def found(self, since: int, things: Collection[str]) -> list[FindingRow] | None:
        """Return what was found at these things after that number, by kind, the most frequent first."""
        found = self._findings(since)
        return None if found is None else grouped(each for each in found if each["thing"] in things)

    def _findings(self, since: int) -> list[dict[str, Any]] | None:
        try:
            listed: list[dict[str, Any]] = self.client.get("diagnosis", since=since)["findings"]
        except (CallError, EndpointError):  # started with --diagnose 0; or it has died, which the things have told
            return None
        return listed


def beside(data_dir: Path, endpoint_url: str | None) -> Cloud | None:
    """Return the running simulator, or None when there is none that could be asked."""
    try:
        return Cloud(connect(data_dir, endpoint_url))
    except EndpointError:
        return None


def grouped(findings: Iterable[dict[str, Any]]) -> list[FindingRow]:
    """Return a row for each kind of finding, with its first thing for an example."""
    kinds: dict[str, list[dict[str, Any]]] = {}
    for each in findings:
        kinds.setdefault(each["kind"], []).append(each)
    rows = [
        FindingRow(
            kind=kind,
            rule=of[0]["rule"],
            wrong=of[0]["wrong"],
            remedy=of[0]["remedy"],
            things=len({each["thing"] for each in of}),
            times=sum(each["times"] for each in of),
            example=of[0]["thing"],
            seen=of[0]["seen"][:EXAMPLE_MAX],
        )
        for kind, of in kinds.items()
    ]
    return sorted(rows, key=lambda row: (-row.things, -row.times, row.kind))
