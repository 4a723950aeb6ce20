import json
from collections.abc import Iterable
from itertools import product

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ota_stream.errors import ControlError
from ota_stream.logs import settings, targets
from ota_stream.logs.levels import VERBOSITY, Level
from ota_stream.logs.service import Gate, LoggingService
from ota_stream.logs.settings import EVENT_TYPES, EventConfiguration, LegacyOptions, LoggingBook, LoggingOptions
from ota_stream.logs.targets import Client, LogTarget, TargetLevel, TargetType

ROLE = "arn:aws:iam::123456789012:role/logging"
KIND = "GetStream"
GROUP = "AWSIotLogsV2"
CLIENT = Client("dev-1", "thing-1", "principal-1", "127.0.0.1")
DEBUG, INFO, ERROR, DISABLED = Level.DEBUG, Level.INFO, Level.ERROR, Level.DISABLED


class Roles:
    """Roles that may write everywhere but where `refused` says why not."""

    def __init__(self) -> None:
        self.refused: dict[str, str] = {}
        self.asked = 0

    def may_write(self, role_arn: str, group: str) -> str | None:
        self.asked += 1
        return self.refused.get(role_arn) or self.refused.get(group)


class Things:
    """Groups by thing, and parents by group."""

    def __init__(self) -> None:
        self.groups: dict[str, list[str]] = {}
        self.parents: dict[str, str] = {}

    def groups_of(self, thing: str) -> Iterable[str]:
        return self.groups.get(thing, ())

    def parent_of(self, group: str) -> str | None:
        return self.parents.get(group)


class Desk:
    def __init__(self) -> None:
        self.book = LoggingBook({}, {}, {})
        self.roles = Roles()
        self.things = Things()
        self.service = LoggingService(self.book, self.roles, self.things)

    def configured(self, level: Level = DEBUG, **more) -> "Desk":
        self.service.set_options(LoggingOptions(ROLE, level, **more))
        return self

    def level(self, kind: str, name: str, level: Level) -> None:
        self.service.set_level(LogTarget(TargetType(kind), name), level)

    def most(self, client: Client | None = CLIENT, kind: str = KIND) -> Level:
        """Return the most verbose level that is written."""
        written = self.service.decide(client, kind).levels
        assert {each for each in Level if self.service.effective(client, kind, each)} == written
        return max(written, key=VERBOSITY.__getitem__, default=DISABLED)


@pytest.fixture
def desk() -> Desk:
    return Desk()


def refused(name: str, status: int, match: str = ""):
    return pytest.raises(ControlError, match=f"{name}.*{match}", check=lambda error: error.status == status)


# Options


def test_before_any_option_nothing_is_configured_and_nothing_is_written(desk: Desk):  # LC-4, LC-14
    with refused("NotConfiguredException", 404):
        desk.service.get_options()
    with refused("NotConfiguredException", 404):
        desk.service.set_level(LogTarget(TargetType.CLIENT_ID, "c"), DEBUG)
    with refused("NotConfiguredException", 404):
        desk.service.list_levels()
    assert desk.service.get_legacy_options() is None
    assert desk.service.effective(CLIENT, KIND, ERROR) is None
    assert desk.service.refusal() is None


def test_options_come_back_as_they_were_set(desk: Desk):  # LC-3
    events = (EventConfiguration("GetStream", INFO, "elsewhere"),)
    desk.configured(INFO, event_configurations=events)
    assert desk.service.get_options() == LoggingOptions(ROLE, INFO, disable_all_logs=False, event_configurations=events)


def test_options_have_the_shape_of_the_api(desk: Desk):
    body = {
        "roleArn": ROLE,
        "defaultLogLevel": "DEBUG",
        "disableAllLogs": False,
        "eventConfigurations": [{"eventType": "GetStream", "logLevel": "INFO"}],
    }
    desk.service.set_options(msgspec.convert(body, LoggingOptions))
    assert json.loads(msgspec.json.encode(desk.service.get_options())) == body
    for value in (
        desk.service.get_options(),
        LegacyOptions(ROLE, INFO),
        TargetLevel(LogTarget(TargetType.DEFAULT), INFO),
    ):
        assert msgspec.json.decode(msgspec.json.encode(value), type=type(value)) == value


def test_what_is_left_out_stays_and_disabled_logs_are_so_no_more(desk: Desk):
    events = (EventConfiguration("GetStream", INFO),)
    desk.configured(DEBUG, disable_all_logs=True, event_configurations=events)
    assert desk.most() is DISABLED  # LC-9
    desk.service.set_options(LoggingOptions(default_log_level=ERROR))
    assert desk.service.get_options() == LoggingOptions(
        ROLE, ERROR, disable_all_logs=False, event_configurations=events
    )


def test_verbose_lists_every_event_type_once(desk: Desk):
    desk.configured(event_configurations=(EventConfiguration("GetStream", INFO), EventConfiguration("Mine", DEBUG)))
    shown = desk.service.get_options(verbose=True).event_configurations or ()
    assert sorted(each.event_type for each in shown) == sorted({*EVENT_TYPES, "Mine"})
    assert EventConfiguration("GetStream", INFO) in shown


@pytest.mark.parametrize(
    ("events", "why"),
    [
        ((EventConfiguration(""),), "eventType"),
        ((EventConfiguration("x" * 513),), "eventType"),
        ((EventConfiguration("a"), EventConfiguration("a")), "twice"),
        ((EventConfiguration("a", None, "bad name"),), "no name of a log group"),
    ],
)
def test_bad_event_configurations_change_nothing(desk: Desk, events, why: str):
    with refused("InvalidRequestException", 400, why):
        desk.configured(event_configurations=events)
    assert desk.book.options == {}


def test_a_role_that_cannot_write_is_refused_with_the_reason(desk: Desk):
    desk.roles.refused[ROLE] = "iot.amazonaws.com may not assume it"
    with refused("InvalidRequestException", 400, "may not assume it"):
        desk.configured()
    assert desk.book.options == {}


def test_the_role_must_write_to_the_destinations_too(desk: Desk):
    desk.roles.refused["elsewhere"] = "no logs:PutLogEvents"
    with refused("InvalidRequestException", 400, "elsewhere: no logs:PutLogEvents"):
        desk.configured(event_configurations=(EventConfiguration("GetStream", None, "elsewhere"),))


def test_without_a_role_nothing_is_written(desk: Desk):  # LC-14
    desk.service.set_options(LoggingOptions(default_log_level=DEBUG))
    assert desk.most() is DISABLED
    desk.service.set_options(LoggingOptions(event_configurations=(EventConfiguration("GetStream", DEBUG),)))
    assert desk.most() is DISABLED
    assert desk.roles.asked == 0


def test_without_a_level_nothing_is_written(desk: Desk):
    desk.service.set_options(LoggingOptions(ROLE))
    assert desk.most() is DISABLED
    assert desk.service.get_options().default_log_level is DISABLED


def test_the_older_api_sets_the_same(desk: Desk):  # LC-12
    desk.service.set_legacy_options(LegacyOptions(ROLE, DEBUG))
    assert desk.service.get_legacy_options() == LegacyOptions(ROLE, DEBUG)
    assert desk.service.get_options().role_arn == ROLE
    assert desk.most() is DEBUG
    desk.service.set_legacy_options(LegacyOptions(ROLE))
    assert desk.most() is DISABLED


# Targets


def test_levels_are_listed_by_kind_and_in_pages(desk: Desk):  # LC-6
    desk.configured(INFO)
    desk.level("CLIENT_ID", "b", DEBUG)
    desk.level("CLIENT_ID", "a", ERROR)
    desk.level("THING_GROUP", "g", DISABLED)
    everything, token = desk.service.list_levels()
    assert token is None
    assert [(each.log_target.target_type, each.log_target.target_name, each.log_level) for each in everything] == [
        ("CLIENT_ID", "a", ERROR),
        ("CLIENT_ID", "b", DEBUG),
        ("DEFAULT", None, INFO),
        ("THING_GROUP", "g", DISABLED),
    ]
    paged, token = [], None
    for _ in range(4):
        page, token = desk.service.list_levels(token=token, page=1)
        paged += page
    assert (paged, token) == (everything, None)
    assert desk.service.list_levels(TargetType.CLIENT_ID) == (everything[:2], None)
    assert desk.service.list_levels(TargetType.SOURCE_IP) == ([], None)


@pytest.mark.parametrize(("token", "page"), [("nonsense", 5), (None, 0), (None, 251)])
def test_a_page_that_is_none_is_refused(desk: Desk, token: str | None, page: int):
    desk.configured()
    with refused("InvalidRequestException", 400):
        desk.service.list_levels(token=token, page=page)


def test_a_target_needs_a_name_and_default_has_none(desk: Desk):  # LC-5
    desk.configured()
    for target in (
        LogTarget(TargetType.DEFAULT, "x"),
        LogTarget(TargetType.CLIENT_ID),
        LogTarget(TargetType.CLIENT_ID, ""),
        LogTarget(TargetType.THING_GROUP, "x" * 513),
    ):
        with refused("InvalidRequestException", 400):
            desk.service.set_level(target, DEBUG)
        with refused("InvalidRequestException", 400):
            desk.service.delete_level(target)
    assert desk.book.levels == {}


def test_the_target_default_is_the_level_of_the_account(desk: Desk):
    desk.configured(ERROR)
    desk.service.set_level(LogTarget(TargetType.DEFAULT), DEBUG)
    assert desk.service.get_options().default_log_level is DEBUG
    assert desk.most() is DEBUG
    with refused("InvalidRequestException", 400, "cannot be deleted"):
        desk.service.delete_level(LogTarget(TargetType.DEFAULT))


def test_a_level_that_is_deleted_counts_no_more(desk: Desk):
    desk.configured(ERROR)
    desk.level("CLIENT_ID", "dev-1", DEBUG)
    assert desk.most() is DEBUG
    desk.service.delete_level(LogTarget(TargetType.CLIENT_ID, "dev-1"))
    assert desk.most() is ERROR
    generation = desk.service.generation
    desk.service.delete_level(LogTarget(TargetType.CLIENT_ID, "dev-1"))  # one that is not there is fine
    assert desk.service.generation == generation


def test_the_number_of_targets_is_bounded(desk: Desk, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(settings, "LEVELS_MAX", 2)
    desk.configured()
    desk.level("CLIENT_ID", "a", DEBUG)
    desk.level("CLIENT_ID", "b", DEBUG)
    with refused("LimitExceededException", 410):
        desk.level("CLIENT_ID", "c", DEBUG)
    desk.level("CLIENT_ID", "b", ERROR)  # one that is there can change


# Decisions


@pytest.mark.parametrize(("configured", "level"), list(product(Level, Level)))
def test_a_level_includes_all_that_say_less(desk: Desk, configured: Level, level: Level):  # LC-1
    desk.configured(configured)
    wanted = level is not DISABLED and VERBOSITY[level] <= VERBOSITY[configured]
    assert desk.service.effective(CLIENT, KIND, level) == (GROUP if wanted else None)
    assert desk.service.effective(None, "CreateOTAUpdate", level) == (GROUP if wanted else None)  # LC-11


@given(st.dictionaries(st.sampled_from(list(TargetType)[1:]), st.sampled_from(Level)), st.booleans())
def test_the_narrower_target_wins(levels, event: bool):  # LC-8
    desk = Desk().configured(ERROR, event_configurations=(EventConfiguration(KIND, INFO),) if event else ())
    desk.things.groups["thing-1"] = ["group-1"]
    names = {"CLIENT_ID": "dev-1", "PRINCIPAL_ID": "principal-1", "SOURCE_IP": "127.0.0.1", "THING_GROUP": "group-1"}
    for kind, level in levels.items():
        desk.level(kind, names[kind], level)
    wanted = INFO if event else ERROR  # LC-10
    for kind in ("THING_GROUP", "SOURCE_IP", "PRINCIPAL_ID", "CLIENT_ID"):
        wanted = levels.get(kind, wanted)
    assert desk.most() is wanted
    assert desk.most(None) is (INFO if event else ERROR)  # LC-11: the cloud's own side is no client
    assert desk.most(Client("another")) is (INFO if event else ERROR)


def test_the_nearest_group_wins_and_of_several_the_one_that_says_most(desk: Desk):  # LC-7
    desk.configured(ERROR)
    desk.things.groups["thing-1"] = ["child", "sister"]
    desk.things.parents |= {"child": "parent", "sister": "parent", "parent": "top"}
    desk.level("THING_GROUP", "top", DEBUG)
    assert desk.most() is DEBUG  # a parent's level applies to children without their own
    desk.level("THING_GROUP", "parent", Level.WARN)
    assert desk.most() is Level.WARN
    desk.level("THING_GROUP", "child", DISABLED)
    assert desk.most() is DISABLED
    desk.level("THING_GROUP", "sister", INFO)
    assert desk.most() is INFO


def test_groups_in_a_ring_end_the_search(desk: Desk):
    desk.configured(ERROR)
    desk.things.groups["thing-1"] = ["a"]
    desk.things.parents |= {"a": "b", "b": "a"}
    assert desk.most() is ERROR


def test_an_event_type_may_go_to_another_group(desk: Desk):  # LC-10
    desk.configured(
        event_configurations=(
            EventConfiguration("GetStream", None, "elsewhere"),
            EventConfiguration("DescribeStream", None, "AWSIoTLogsV2"),
        )
    )
    assert desk.service.effective(CLIENT, "GetStream", DEBUG) == "elsewhere"
    assert desk.service.effective(CLIENT, "DescribeStream", DEBUG) == GROUP  # LG-2
    assert desk.service.effective(CLIENT, "CreateStream", DEBUG) == GROUP


def test_a_role_that_loses_the_right_stops_records_and_it_is_said(desk: Desk):
    desk.configured(event_configurations=(EventConfiguration("GetStream", None, "elsewhere"),))
    assert desk.service.effective(CLIENT, "GetStream", DEBUG) == "elsewhere"
    desk.roles.refused["elsewhere"] = "its policy was detached"
    assert desk.service.effective(CLIENT, "GetStream", DEBUG) == "elsewhere"  # nobody has told yet
    desk.service.changed()
    assert desk.service.effective(CLIENT, "GetStream", DEBUG) is None
    assert desk.service.effective(CLIENT, "CreateStream", DEBUG) == GROUP
    assert desk.service.refusal() == "its policy was detached"
    desk.roles.refused.clear()
    desk.service.changed()
    assert desk.service.refusal() is None
    assert desk.service.effective(CLIENT, "GetStream", DEBUG) == "elsewhere"


def test_a_disabled_account_has_no_complaint(desk: Desk):
    desk.configured(disable_all_logs=True)
    desk.roles.refused[ROLE] = "it is gone"
    desk.service.changed()
    assert desk.service.refusal() is None


def test_a_gate_decides_once_until_something_changes(desk: Desk):
    desk.configured(ERROR)
    gate = Gate(desk.service, CLIENT)
    assert gate.effective(KIND, DEBUG) is None
    assert gate.effective(KIND, ERROR) == GROUP
    asked = desk.roles.asked
    for _ in range(3):
        assert gate.effective(KIND, ERROR) == GROUP
    assert desk.roles.asked == asked
    desk.level("CLIENT_ID", "dev-1", DEBUG)
    assert gate.effective(KIND, DEBUG) == GROUP
    desk.things.groups["thing-1"] = ["g"]
    desk.service.set_options(LoggingOptions(disable_all_logs=True))
    assert gate.effective(KIND, ERROR) is None


CHANGES = st.tuples(st.sampled_from(["CLIENT_ID", "THING_GROUP", "options", "delete", "off"]), st.sampled_from(Level))


@given(st.lists(CHANGES, max_size=12))
def test_a_gate_always_says_what_the_service_says(changes):
    desk = Desk().configured()
    desk.things.groups["thing-1"] = ["g"]
    gate = Gate(desk.service, CLIENT)
    for what, level in changes:
        if what == "options":
            desk.configured(level)
        elif what == "off":
            desk.configured(level, disable_all_logs=True)
        elif what == "delete":
            desk.service.delete_level(LogTarget(TargetType.CLIENT_ID, "dev-1"))
        else:
            desk.level(what, {"CLIENT_ID": "dev-1", "THING_GROUP": "g"}[what], level)
        for each in Level:
            assert gate.effective(KIND, each) == desk.service.effective(CLIENT, KIND, each)


def test_two_targets_are_never_kept_under_one_key():
    names = ["a", "b", "CLIENT_ID a", " a"]
    keys = {targets.key(LogTarget(kind, name)) for kind, name in product(list(TargetType)[1:], names)}
    assert len(keys) == 16
