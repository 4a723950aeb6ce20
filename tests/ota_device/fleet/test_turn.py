"""A busy fleet lets others have the loop: work waits in order, and nothing of it gets lost."""

import asyncio
from collections.abc import Callable
from time import monotonic
from typing import Any, cast

import pytest

from fleet_world import IMAGE, SHELF, downloads, run, traits
from live import serving
from ota_device.download import DownloadOptions
from ota_device.fleet import agenda, turn
from ota_device.fleet import thing as fleet_thing
from ota_device.fleet.agenda import Agenda
from ota_device.fleet.site import Site, Target
from ota_device.fleet.tally import Stage
from ota_device.fleet.turn import Turn


class Thing:
    """Somebody who asks. `log` gets its name when it may."""

    def __init__(self, name: str, log: list[str]) -> None:
        self.name, self.log = name, log

    def on_turn(self, now: float) -> None:
        assert now <= monotonic()
        self.log.append(self.name)


class Loop:
    """A loop that is told when it has its turn."""

    def __init__(self) -> None:
        self.due: Callable[[], None] = lambda: None

    def call_later(self, _: float, act: Callable[[], None]) -> None:
        self.due = act

    def turn(self) -> None:
        due, self.due = self.due, lambda: None
        due()


def things(names: str) -> tuple[Turn, Loop, list[str], list[Thing]]:
    loop, log = Loop(), list[str]()
    return Turn(cast("Any", loop)), loop, log, [Thing(name, log) for name in names]


def test_who_finds_the_loop_keeping_up_asks_at_once():
    shared, _, log, (first, second) = things("ab")
    for asker in (first, second, first):
        shared.ask(asker, monotonic())
    assert log == ["a", "b", "a"]


def test_only_so_many_requests_are_under_way_and_then_it_is_first_come_first_served(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(turn, "SEATS_MIN", 2)
    monkeypatch.setattr(turn, "GROWTH", 1.0)
    shared, loop, log, askers = things("abcd")
    for asker in askers:
        shared.ask(asker, monotonic())
    assert log == ["a", "b"]
    loop.turn()
    assert log == ["a", "b"], "nobody has an answer yet"
    shared.ask(askers[1], monotonic())  # its answer is here, and it asks for more: after those who wait
    assert log == ["a", "b"]
    loop.turn()
    assert log == ["a", "b", "c"]
    shared.leave(askers[0])  # its connection is gone
    shared.leave(askers[1])  # ... and so is that of one who waits
    loop.turn()
    assert log == ["a", "b", "c", "d"]


def test_who_asks_once_more_while_it_waits_keeps_its_place(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(turn, "BUDGET", 0.0)
    shared, loop, log, (first, second) = things("ab")
    for asker in (first, second, first):
        shared.ask(asker, monotonic())
    loop.turn()
    assert log == ["a", "b"]


def test_what_is_beyond_the_budget_waits_until_the_loop_has_had_its_turn(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(turn, "BUDGET", 0.0)
    shared, loop, log, askers = things("ab")
    for asker in askers:
        shared.ask(asker, monotonic())
    assert log == []
    loop.turn()
    assert log == ["a", "b"]


def test_more_may_ask_while_the_loop_keeps_up(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(turn, "SEATS_MIN", 2)
    monkeypatch.setattr(turn, "GROWTH", 2.0)
    worked = 0.0
    monkeypatch.setattr(turn, "thread_time", lambda: worked)
    monkeypatch.setattr(turn, "BUDGET", 3600.0)
    shared, loop, log, askers = things("abcdefghijkl")
    for asker in askers:
        shared.ask(asker, monotonic())
    for expected in (2, 4, 8):
        assert len(log) == expected
        loop.turn()
    assert len(log) == 12


def test_a_turn_that_was_too_long_ends_with_as_many_as_could_have_been_read_in_time(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(turn, "SEATS_MIN", 2)
    monkeypatch.setattr(turn, "GROWTH", 3.0)
    monkeypatch.setattr(turn, "BUDGET", 3600.0)
    worked = 0.0
    monkeypatch.setattr(turn, "thread_time", lambda: worked)
    shared, loop, log, askers = things("abcdefghijkl")
    for asker in askers[:7]:
        shared.ask(asker, monotonic())
    loop.turn()
    assert "".join(log) == "abcdef"
    for asker in askers[:6]:  # all six have their answers, but reading them took twice the budget
        shared.ask(asker, monotonic())
    worked = 2 * 3600.0
    loop.turn()
    assert "".join(log) == "abcdefgab", "three may be under way: who waited longest, then in order"


async def test_a_fleet_that_always_waits_for_its_turn_gets_every_block(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(turn, "BUDGET", 1e-4)
    monkeypatch.setattr(turn, "SEATS_MIN", 1)
    with serving(SHELF) as server:
        made = await run(server, traits(10, download=DownloadOptions(block_count=8)), give=downloads())
    assert made.tally.stages == {**dict.fromkeys(Stage, 0), Stage.SUCCEEDED: 10}
    assert not made.tally.lost_connections
    blocks = -(-len(IMAGE) // 4096)
    assert made.tally.requests == 10 * (1 + -(-blocks // 8)), "each was sent once, in its turn"


async def test_a_block_takes_the_time_since_its_request_was_sent_not_since_the_thing_wanted_to_ask(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(turn, "BUDGET", 0.0)
    site, delays = Site(Target("127.0.0.1", 1), asyncio.get_running_loop()), list[float]()
    monkeypatch.setattr(site.tally, "block", lambda _, delay: delays.append(delay))
    thing = fleet_thing.Thing(1, traits(), site, 0, lambda _: None)
    thing.request("topic", b"payload", 10.0)
    assert not thing.requests
    thing.on_turn(20.0)
    thing.count_block(4096, 20.5)
    assert (thing.requests, delays) == (1, [0.5])


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
