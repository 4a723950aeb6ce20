"""Whether an agent did right: checks, each with what was seen."""

from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from ota_device.reasons import words
from ota_stream.faults import span
from ota_stream.scenarios.scenario import Scenario

GONE = "gone"  # of a job execution that is not there any more


class Ended(Struct, frozen=True):
    """How the job execution of an update has ended: its status, or `gone`, and its reason."""

    status: str
    reason: str = ""


class Fared(Struct, frozen=True):
    """How a thing has fared. `runs` is the number of the update whose image runs, None when nobody can tell."""

    ended: Sequence[Ended]
    runs: int | None
    trouble: str = ""  # what its agent said last, when it gave up


class Seen(Struct, frozen=True):
    """What has become of a scenario: of each of its things, and in the log."""

    fared: Sequence[Fared]
    entries: Sequence[Mapping[str, Any]]
    findings: Sequence[str]


class Check(Struct, frozen=True):
    """One thing that has to be so, in words; `seen` is what was so instead."""

    what: str
    seen: str

    @property
    def is_met(self) -> bool:
        """Whether it is so."""
        return not self.seen


class Verdict(StrEnum):
    """What became of a scenario."""

    MET = "met"
    MISSED = "missed"
    SKIPPED = "skipped"  # it was not played, so it is neither


class Result(Struct, frozen=True):
    """The checks of one scenario, and how long it took (seconds); `skipped` is why it was not played."""

    name: str
    title: str
    checks: tuple[Check, ...]
    seconds: float
    lines: tuple[str, ...] = ()
    skipped: str = ""

    @property
    def verdict(self) -> Verdict:
        """Whether the agent did right, if it was put to it."""
        if self.skipped:
            return Verdict.SKIPPED
        return Verdict.MET if all(check.is_met for check in self.checks) else Verdict.MISSED


def summary(results: Sequence[Result]) -> str:
    """Return one line about all of them."""
    verdicts = [result.verdict for result in results]
    skipped = verdicts.count(Verdict.SKIPPED)
    more = f", {skipped} skipped" if skipped else ""
    return f"{verdicts.count(Verdict.MET)} of {len(results)} scenarios as they should be{more}"


def checks(scenario: Scenario, seen: Seen) -> Iterator[Check]:
    """Compare what should be with what is."""
    for number, fared in enumerate(seen.fared, start=1):
        of_thing = f", thing {number}" if len(seen.fared) > 1 else ""
        yield from (replace(check, what=check.what + of_thing) for check in _of_thing(scenario, fared))
    for name, wanted in scenario.requests.items():
        times = span.parse(wanted)
        many = sum(name in {entry.get("actionType"), entry.get("eventType")} for entry in seen.entries)
        yield Check(f"{name}: {times} times", "" if many in times else str(many))
    for fault in scenario.faults:
        kind = fault["fault"]
        has_hit = any(entry.get("kind") == kind for entry in seen.entries)
        yield Check(f"{kind} has happened", "" if has_hit else "it has not: the agent did not get that far")
    if not scenario.findings:
        yield Check("nothing is wrong with its requests", "; ".join(seen.findings))


def _of_thing(scenario: Scenario, fared: Fared) -> Iterator[Check]:
    trouble = f"; the agent gave up: {fared.trouble}" if fared.trouble else ""
    for number, (update, ended) in enumerate(zip(scenario.updates, fared.ended, strict=True), start=1):
        wanted = update.ends or (GONE,)
        said = words(ended.reason)
        is_so = ended.status in wanted
        because = f", {said}" if said else ""
        yield Check(f"update {number} is {' or '.join(wanted)}", "" if is_so else f"{ended.status}{because}{trouble}")
        if update.reason is not None:
            is_so = update.reason in said
            yield Check(f"update {number} says: {update.reason}", "" if is_so else said or "nothing")
    if fared.runs is not None:
        is_so = fared.runs == scenario.runs
        yield Check(f"{_image(scenario.runs)} runs", "" if is_so else _image(fared.runs))
    if scenario.gives_up is not None:
        is_so = scenario.gives_up in fared.trouble
        yield Check(f"it gives up: {scenario.gives_up}", "" if is_so else fared.trouble or "it does not")


def _image(number: int) -> str:
    return f"the image of update {number}" if number > 0 else "the old image" if not number else "no image of ours"
