"""Block maps cost nothing while nobody looks: the cloud of devices is then the plain one."""

import logging
from typing import Any

import pytest

from images import MemoryImage, image_bytes
from live import MovableClock
from ota_broker.cloud import Cloud
from ota_broker.watched import LOOKS_FOR, Watched
from ota_stream.answers import Answer
from ota_stream.jobs.book import JobBook
from ota_stream.jobs.service import JobService
from ota_stream.streams.catalog import Catalog
from ota_stream.streams.service import StreamService
from ota_stream.transfers import service

GET = "$aws/things/t/streams/fw/get/json"
ONE_BLOCK = b'{"f":0,"l":500,"n":1}'


class World:
    def __init__(self) -> None:
        self.clock, self.changes = MovableClock(), 0
        catalog = Catalog()
        catalog.put("fw", {0: MemoryImage(image_bytes(1000))})
        self.plain = Cloud(StreamService(catalog), JobService(JobBook()), self)
        self.watched = Watched(catalog, self.clock.monotonic, self.changed)

    def keep(self, record: object) -> None:
        """Let a record go."""

    def changed(self) -> None:
        self.changes += 1

    def ask(self, thing: str = "t") -> Any:
        return self.watched.over(self.plain).answer(GET.replace("/t/", f"/{thing}/"), ONE_BLOCK, thing, 1.0)


def test_who_looks_sees_what_is_sent_from_then_on():
    world = World()
    world.ask()
    assert list(world.watched.look().newest("fw")) == []
    world.ask()
    (seen,) = world.watched.look().newest("fw")
    assert (seen.done, seen.requests, world.changes) == (1, 1, 1)


def test_whose_download_has_no_map_is_counted_until_there_is_room(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(service, "TRANSFERS_MAX", 1)
    world = World()
    transfers = world.watched.look()
    for _ in range(3):
        world.ask()
        assert isinstance(world.ask("other"), Answer)
    traffic = transfers.traffic("fw")
    assert traffic is not None
    assert traffic.requests == 6
    assert transfers.find("fw", "other") is None
    world.watched.tick(1.0 + service.IDLE, looked_at=True)
    world.watched.over(world.plain).answer(GET.replace("/t/", "/other/"), ONE_BLOCK, "other", 1.0 + service.IDLE)
    assert [each.thing for each in transfers.newest("fw")] == ["other"]


def test_the_plain_cloud_is_back_soon_after_nobody_looks_any_more():
    world = World()
    world.watched.look()
    world.ask()
    world.clock.move(10 * LOOKS_FOR)
    world.watched.tick(1.0, looked_at=True)
    world.clock.move(LOOKS_FOR - 1)
    world.watched.tick(1.0, looked_at=False)
    assert world.watched.over(world.plain) is not world.plain
    world.clock.move(2)
    world.watched.tick(1.0, looked_at=False)
    assert world.watched.over(world.plain) is world.plain
    assert world.changes == 2
    assert list(world.watched.look().newest("fw")) == [], "what was seen is forgotten"


def test_a_fault_of_ours_harms_no_device(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture):
    world = World()
    monkeypatch.setattr(world.watched.look(), "hear", lambda *_: 1 / 0)
    with caplog.at_level(logging.ERROR):
        outcome = world.ask()
    assert isinstance(outcome, Answer)
    assert len(outcome.replies) == 1
    assert "internal error of the block maps" in caplog.text
