"""The table of quotas and how it can be set, and the second that the meter counts in."""

from collections.abc import Callable
from pathlib import Path

import pytest

from ota_broker.config import ConfigError, Settings
from ota_broker.front.codec.packets import Cause, Violation
from ota_broker.front.metering import quotas
from ota_broker.front.metering.meter import Meter
from ota_broker.front.metering.quotas import Mode, QuotaError, Quotas, Setting
from ota_broker.front.notices import Notices

AWS = quotas.PRESETS["aws"]
COUNT = quotas.PRESETS["count"]


class Busy:
    """A connection that has counted something."""

    who = "d at 127.0.0.1:1"

    def __init__(self, came: int, went: int, octets: int) -> None:
        self._counted = came, went, octets

    def begin_second(self, _octets_max: int) -> tuple[int, int, int]:
        return self._counted


def metered(kept: Quotas = COUNT) -> Meter:
    meter = Meter(kept, Notices(lambda: meter.now))
    meter.turn(1000.0)
    return meter


def excess(meter: Meter) -> dict[str, int]:
    return {each["name"]: each["excess"] for each in meter.shown() if each["excess"]}


def allowed(call: Callable[[], None], rule: str) -> bool:
    try:
        call()
    except Violation as violation:
        return not (violation.cause is Cause.THROTTLED and rule in str(violation))
    return True


def test_totals_grow_with_each_second_and_count_what_is_owed_once():
    kept = COUNT | {quotas.OCTETS.name: Setting(Mode.ENFORCE, 100)}
    meter = metered(kept)
    for second, octets in enumerate((250, 150, 50), 1):  # 250 bytes; what is beyond the quota comes again
        meter.touched[Busy(2, 3, octets)] = None
        meter.turn(1000.0 + second)
    assert (meter.came, meter.went, meter.transferred) == (6, 9, 250)


# The table


@pytest.mark.parametrize("preset", quotas.PRESETS)
def test_a_preset_has_every_quota(preset: str):
    assert Settings(quotas=preset).kept_quotas().keys() == {quota.name for quota in quotas.TABLE}


def test_counting_is_the_default():
    assert {setting.mode for setting in Settings().kept_quotas().values()} == {Mode.COUNT}


def test_a_file_says_how_each_quota_is_kept(tmp_path: Path):
    file = tmp_path / "quotas.yaml"
    file.write_text(
        "connects: off\npublishes_in: enforce\nbytes_per_connection: {mode: off, limit: 7}\nsubscribes: {limit: 3}"
    )
    kept = quotas.read(str(file))
    assert kept == {
        "connects": Setting(Mode.OFF),
        "publishes_in": Setting(Mode.ENFORCE),
        "bytes_per_connection": Setting(Mode.OFF, 7),
        "subscribes": Setting(Mode.COUNT, 3),
    }
    modes = {each["name"]: (each["mode"], each["limit"]) for each in metered(kept).shown()}
    assert modes["subscribes"] == ("count", 3)
    assert modes["connects_per_client"] == ("count", 1), "what is not said is counted"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("nonsense: count", "there is no nonsense; there are publishes_per_connection, "),
        ("connects: sometimes", "connects: Invalid enum value 'sometimes'"),
        ("connects: {mode: count, burst: 3}", "unknown field `burst`"),
        ("connects: {limit: 0}", "a limit is 1 or more"),
        ("connects: {limit: true}", "write enforce | count | off"),
        ("- connects", "there must be lines `NAME: MODE`"),
        ("a: [", "is not YAML"),
    ],
)
def test_a_bad_file_is_one_clear_line(tmp_path: Path, text: str, reason: str):
    file = tmp_path / "quotas.yaml"
    file.write_text(text)
    with pytest.raises(QuotaError) as error:
        quotas.read(str(file))
    assert reason in str(error.value)
    assert "\n" not in str(error.value)
    with pytest.raises(ConfigError):
        Settings(quotas=str(file))


def test_neither_preset_nor_file_is_one_clear_line():
    with pytest.raises(ConfigError, match=r"quotas none-such: No such file or directory; use aws \| count \| off"):
        Settings(quotas="none-such")


# The second


def test_messages_and_bytes_of_a_connection_are_judged_when_the_second_is_over(caplog: pytest.LogCaptureFixture):
    meter = metered()
    meter.touched = dict.fromkeys([Busy(60, 40, 512 * 1024), Busy(60, 45, 512 * 1024 + 9)])
    meter.turn(1000.5)
    assert excess(meter) == {}
    meter.turn(1001.0)
    assert excess(meter) == {"publishes_per_connection": 5, "bytes_per_connection": 9}
    who = "d at 127.0.0.1:1: more than"
    assert caplog.messages == [
        f"quota Q-20: {who} 100 messages a second, in and out: 5 too many; AWS would have discarded them",
        f"quota Q-21: {who} 524288 bytes a second, in and out: 9 too many; AWS would have delayed them",
    ]
    assert meter.touched == {}


def test_an_account_is_judged_by_all_its_connections():
    meter = metered()
    meter.touched = dict.fromkeys([Busy(50, 90, 0) for _ in range(401)])
    meter.turn(1001.0)
    assert excess(meter) == {
        "publishes_per_connection": 401 * 40,
        "publishes_in": 50,
        "publishes_out": 401 * 90 - 20_000,
    }


def test_a_line_comes_at_once_and_then_every_ten_seconds_with_what_was_left_out(caplog: pytest.LogCaptureFixture):
    meter = metered()
    for second in range(1, 13):
        meter.touched = dict.fromkeys([Busy(101, 0, 0)])
        meter.turn(1000.0 + second)
    assert excess(meter) == {"publishes_per_connection": 12}
    first, second = caplog.messages
    assert "1 too many;" in first
    assert "1 too many, and 9 since the last line;" in second


def test_off_counts_nothing():
    meter = metered(quotas.OFF)
    assert meter.is_off
    meter.touched = dict.fromkeys([Busy(101, 30_000, 1 << 30)])
    for number in range(600):
        meter.connect("d", number * 1000)
        meter.subscribe(9, 51, "d")
        assert meter.call("CreateStream")
    meter.turn(1001.0)
    assert excess(meter) == {}


@pytest.mark.parametrize(("kept", "refuses"), [(COUNT, False), (AWS, True)])
def test_connects_are_counted_per_client_and_per_account(kept: Quotas, refuses: bool):
    meter = metered(kept)

    def connect(client_id: str, others: int = 0) -> bool:
        return allowed(lambda: meter.connect(client_id, others), "Q-23")

    assert connect("a")
    assert connect("a") is not refuses
    assert connect("b", 500_000) is not refuses
    for number in range(500 - (1 if refuses else 3)):
        assert connect(f"c{number}")
    assert connect("last") is not refuses
    assert excess(meter) == {"connects_per_client": 1, "connections": 1, "connects": 1}
    meter.turn(1001.0)
    assert connect("a")
    assert connect("last")


@pytest.mark.parametrize(("kept", "refuses"), [(COUNT, False), (AWS, True)])
def test_subscriptions_are_counted_per_packet_connection_and_account(kept: Quotas, refuses: bool):
    meter = metered(kept)

    def subscribe(filters: int, subscriptions: int) -> bool:
        return allowed(lambda: meter.subscribe(filters, subscriptions, "d"), "Q-24")

    assert subscribe(8, 50)
    assert subscribe(9, 50) is not refuses
    assert subscribe(1, 51) is not refuses
    for _ in range(61):
        assert subscribe(8, 8)
    assert subscribe(8, 8) is not refuses
    assert excess(meter).keys() == {"filters_per_subscribe", "subscriptions_per_connection", "subscribes"}


@pytest.mark.parametrize(
    ("operation", "limit"), [("CreateStream", 15), ("ListStreams", 15), ("CreateOTAUpdate", 10), ("ListThings", 10**3)]
)
def test_calls_of_the_aws_api_are_counted_by_operation(operation: str, limit: int):
    meter = metered(AWS)
    assert [meter.call(operation) for _ in range(limit)] == [True] * limit
    assert meter.call(operation) is (operation == "ListThings")
    assert meter.call("DescribeStream")
    meter.turn(1001.0)
    assert meter.call(operation)
