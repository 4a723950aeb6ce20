"""Which record goes to which log group: levels, targets, event configurations, and what is said when a role may not."""

import json
import logging

import pytest

from live import MovableClock
from ota_broker.front.notices import Notices
from ota_broker.recorder import Recorder
from ota_stream.logs.entries import EntryWriter
from ota_stream.logs.groups import REAL
from ota_stream.logs.levels import Level
from ota_stream.logs.service import LoggingService
from ota_stream.logs.settings import EventConfiguration, LoggingBook, LoggingOptions
from ota_stream.logs.targets import LogTarget, TargetType
from ota_stream.records import Action, JobCountRecord, JobEvent, JobRequestRecord, RequestRecord, UpdateRecord

ROLE = "arn:aws:iam::123456789012:role/logs"
GET = RequestRecord(1.8e9, Action.GET_STREAM, "d1", "t", "s")
JOB = JobRequestRecord(1.8e9, JobEvent.UPDATE, "d2", "t", "j")
COUNT = JobCountRecord(1.8e9, "j", {})
UPDATE = UpdateRecord(1.8e9, Action.CREATE_OTA_UPDATE, "u")


class Roles:
    """What a test says."""

    reason: str | None = None

    def may_write(self, role_arn: str, group: str) -> str | None:
        assert (role_arn, bool(group)) == (ROLE, True)
        return self.reason


class Groups:
    """d1 is in `doors`, which is in `all`."""

    def groups_of(self, thing: str) -> tuple[str, ...]:
        return ("doors",) if thing == "d1" else ()

    def parent_of(self, group: str) -> str | None:
        return "all" if group == "doors" else None


class World:
    """A recorder over a list."""

    def __init__(self) -> None:
        self.roles = Roles()
        self.settings = LoggingService(LoggingBook({}, {}, {}), self.roles, Groups())
        self.peers: dict[str, str] = {"d1": "127.0.0.1:4", "d2": "[::1]:5"}
        self.principals: dict[str, str] = {"d1": "f00d"}
        self.written: list[tuple[str, str]] = []
        self.clock = MovableClock()
        notices = Notices(self.clock.monotonic)
        self.recorder = Recorder(self, EntryWriter(), self.settings, self.peer_of, notices)  # type: ignore[arg-type]

    def peer_of(self, client_id: str) -> tuple[str | None, str | None]:
        return self.peers.get(client_id), self.principals.get(client_id)

    def append(self, group: str, entry: bytes) -> None:
        decoded = json.loads(entry)
        self.written.append((group, decoded.get("actionType") or decoded["eventType"]))

    def kept(self, *records) -> list[tuple[str, str]]:
        self.written.clear()
        for record in records:
            self.recorder.keep(record)
        return self.written

    def level(self, kind: TargetType, name: str, level: Level) -> None:
        self.settings.set_level(LogTarget(kind, name), level)


@pytest.fixture
def world() -> World:
    world = World()
    world.settings.set_options(LoggingOptions(ROLE, Level.DEBUG))
    return world


def test_nothing_is_written_before_logging_is_set():  # LC-14
    assert World().kept(GET, JOB, COUNT, UPDATE) == []


def test_every_record_is_written_at_debug(world: World):  # LC-2
    kinds = ["GetStream", "UpdateJobExecution", "ReportFinalJobExecutionCount", "CreateOTAUpdate"]
    assert world.kept(GET, JOB, COUNT, UPDATE) == [(REAL, kind) for kind in kinds]


def test_only_counts_are_written_at_info(world: World):  # LR-13
    world.settings.set_options(LoggingOptions(default_log_level=Level.INFO))
    assert world.kept(GET, JOB, COUNT, UPDATE) == [(REAL, "ReportFinalJobExecutionCount")]


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (TargetType.CLIENT_ID, "d1"),
        (TargetType.SOURCE_IP, "127.0.0.1"),
        (TargetType.PRINCIPAL_ID, "f00d"),
        (TargetType.THING_GROUP, "all"),
    ],
)
def test_a_level_of_a_target_holds_for_it_alone(world: World, kind: TargetType, name: str):  # LC-7
    world.level(kind, name, Level.ERROR)
    assert world.kept(GET, JOB, UPDATE) == [(REAL, "UpdateJobExecution"), (REAL, "CreateOTAUpdate")]  # LC-11
    world.settings.delete_level(LogTarget(kind, name))
    assert world.kept(GET) == [(REAL, "GetStream")]


def test_a_client_that_comes_from_elsewhere_is_judged_anew(world: World):
    world.level(TargetType.SOURCE_IP, "127.0.0.1", Level.ERROR)
    assert world.kept(GET) == []
    world.peers["d1"] = "127.0.0.2:9"
    assert world.kept(GET) == [(REAL, "GetStream")]
    del world.peers["d1"]  # over HTTP it is not connected
    assert world.kept(GET) == [(REAL, "GetStream")]


def test_remembered_clients_are_bounded(world: World, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("ota_broker.recorder.GATES_MAX", 1)
    world.level(TargetType.CLIENT_ID, "d1", Level.ERROR)
    assert world.kept(GET, JOB, GET) == [(REAL, "UpdateJobExecution")]
    assert len(world.recorder._gates) == 1


def test_an_event_configuration_sends_records_elsewhere(world: World):  # LC-10
    elsewhere = EventConfiguration("GetStream", log_destination="mine")
    world.settings.set_options(LoggingOptions(event_configurations=(elsewhere,)))
    assert world.kept(GET, JOB) == [("mine", "GetStream"), (REAL, "UpdateJobExecution")]


def test_a_role_that_may_no_longer_write_is_told_once(world: World, caplog):
    def told(reason: str | None) -> list[str]:
        caplog.clear()
        world.roles.reason = reason
        world.settings.changed()
        world.clock.move(10.0)
        world.recorder.tick()
        assert (world.kept(GET) == []) is (reason is not None)
        return [record.getMessage() for record in caplog.records]

    with caplog.at_level(logging.WARNING):
        assert told(None) == []
        (line,) = told("it has been deleted")
        assert line.endswith(
            "no records are written: it has been deleted; give the role the right, or set another role"
        )
        assert told("it has been deleted") == [], "something else has changed"
        assert len(told("it trusts nobody")) == 1
        assert told(None) == []
        assert len(told("it trusts nobody")) == 1
