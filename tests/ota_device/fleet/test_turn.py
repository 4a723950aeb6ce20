"""A busy fleet lets others have the loop: work waits in order, and nothing of it gets lost."""

import asyncio
from time import monotonic

import pytest

from fleet_world import SHELF, downloads, run, traits
from live import serving
from ota_device.download import DownloadOptions
from ota_device.fleet import agenda, turn
from ota_device.fleet.agenda import Agenda
from ota_device.fleet.tally import Stage
from ota_device.fleet.turn import Turn


class Worker:
    def __init__(self, name: str, log: list[str]) -> None:
        self.name, self.log = name, log

    def on_turn(self, now: float) -> None:
        assert now <= monotonic()
        self.log.append(self.name)


async def test_what_is_beyond_the_budget_waits_for_turns_in_which_others_have_theirs(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(turn, "BUDGET", 0.0)
    shared, log = Turn(asyncio.get_running_loop()), list[str]()
    first, second = Worker("first", log), Worker("second", log)
    for worker in (first, second, first):
        assert shared.is_over(monotonic())
        shared.wait(worker)
    for _ in range(3):
        await asyncio.sleep(0)
        log.append("another")
    assert log == ["first", "another", "second", "another", "another"]


async def test_within_the_budget_all_that_waits_is_done_in_one_turn(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(turn, "BUDGET", 3600.0)
    shared, log = Turn(asyncio.get_running_loop()), list[str]()
    for name in "abc":
        shared.wait(Worker(name, log))
    await asyncio.sleep(0)
    assert log == ["a", "b", "c"]
    assert not shared.is_over(monotonic()), "who comes now works at once"


async def test_only_so_many_are_called_in_one_turn(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(turn, "CALLED_MAX", 2)
    shared, log = Turn(asyncio.get_running_loop()), list[str]()
    for name in "abc":
        shared.wait(Worker(name, log))
    await asyncio.sleep(0)
    assert log == ["a", "b"]
    await asyncio.sleep(0)
    assert log == ["a", "b", "c"]


async def test_a_fleet_that_always_waits_for_its_turn_gets_every_block(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(turn, "BUDGET", 1e-4)
    with serving(SHELF) as server:
        made = await run(server, traits(10, download=DownloadOptions(block_count=8)), give=downloads())
    assert made.tally.stages == {**dict.fromkeys(Stage, 0), Stage.SUCCEEDED: 10}
    assert not made.tally.lost_connections


async def test_the_agenda_lets_others_have_their_turn_too(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(agenda, "BUDGET", 0.0)
    loop = asyncio.get_running_loop()
    planned, log, over = Agenda(loop), list[str](), asyncio.Event()

    def act(name: str) -> None:
        log.append(name)
        loop.call_soon(log.append, "another")
        if name == "b":
            loop.call_soon(over.set)

    now = monotonic() - 1
    planned.at(now, lambda _: act("a"))
    planned.at(now, lambda _: act("b"))
    await asyncio.wait_for(over.wait(), 5)
    assert log == ["a", "another", "b", "another"]
