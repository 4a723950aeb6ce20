"""The small parts of a worker, each alone."""

import asyncio
import sys
import threading
import time
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ota_broker.config import ConfigError
from ota_broker.front.notices import Notices
from ota_broker.system_clock import SystemClock
from ota_broker.workers import mailbox
from ota_broker.workers.clients import CLIENT_OF, ClientIdFrom
from ota_broker.workers.entries import Entries
from ota_broker.workers.mailbox import Mailbox
from ota_broker.workers.settings import TransportName, WorkerSettings
from ota_broker.workers.subjects import subject_of, topic_of
from ota_broker.workers.transport import FILTERS, IN_FLIGHT_MAX, Request
from ota_broker.workers.transports import transport_of
from ota_broker.workers.watchdog import Watchdog
from ota_stream.records import Action, JobCountRecord, JobEvent, JobRequestRecord, RequestRecord

WELL = {"transport": TransportName.NATS, "url": "nats://127.0.0.1:4222", "store": "streams.json"}
LEVELS = st.lists(st.text("abc.$_-", max_size=3), min_size=1, max_size=5)


@pytest.mark.parametrize(
    ("topic", "subject"),
    [
        ("$aws/things/T/streams/S/get/json", "$aws.things.T.streams.S.get.json"),
        ("$aws/things/+/jobs/get", "$aws.things.*.jobs.get"),
        ("a//b", "a./.b"),
        ("a/v1.0/b", "a.v1//0.b"),
    ],
)
def test_topics_have_subjects(topic: str, subject: str):
    assert subject_of(topic) == subject


@given(LEVELS)
def test_a_topic_comes_back_from_its_subject(levels: list[str]):
    topic = "/".join(levels)
    assert topic_of(subject_of(topic)) == topic


def test_no_filter_takes_what_another_takes():
    every = [filter_.split("/") for filters in FILTERS.values() for filter_ in filters]
    both = [(a, b) for place, a in enumerate(every) for b in every[place + 1 :] if len(a) == len(b)]
    assert both
    assert all(any("+" not in pair and pair[0] != pair[1] for pair in zip(a, b, strict=True)) for a, b in both)


def test_a_client_id_is_a_rule_or_open_never_a_guess():
    request = Request("$aws/things/T/streams/S/get/json", b"", "s", 1, client_id="c")
    known = {source: of(request) for source, of in CLIENT_OF.items()}
    assert known == {ClientIdFrom.TOPIC: "T", ClientIdFrom.BROKER: "c", ClientIdFrom.NONE: ""}
    assert not CLIENT_OF[ClientIdFrom.BROKER](Request("$aws/things/T/streams/S/get/json", b"", "s", 1))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"transport": TransportName.EMBEDDED}, "use mqtt://HOST:1883, where the embedded broker is to listen"),
        ({"url": "mqtt://127.0.0.1:1883"}, "url 'mqtt://127.0.0.1:1883': use nats://"),
        ({"transport": TransportName.MQTT}, "use mqtt://"),
        ({"share": "a b"}, "share 'a b'"),
        ({"prefix": "ota"}, "prefix 'ota'"),
        ({"prefix": "ota/#/"}, "prefix 'ota/#/'"),
        ({"client_id_from": ClientIdFrom.BROKER}, "client_id_from broker: neither NATS nor mosquitto tells"),
        ({"account_id": "1"}, "account_id '1'"),
        ({"log_group": "*"}, "log_group"),
        ({"log_level": "loud"}, "log_level loud: use disabled | error | warn | info | debug"),
    ],
)
def test_a_setting_that_cannot_be_is_one_line(given: dict[str, object], said: str):
    with pytest.raises(ConfigError) as error:
        WorkerSettings(**{**WELL, **given})  # type: ignore[arg-type]
    assert said in str(error.value)


def test_records_go_beside_the_streams_or_into_a_folder_of_ones_own():
    assert WorkerSettings(**WELL).records_in.startswith(".ota-stream/worker-")  # type: ignore[arg-type]
    database = {**WELL, "store": "postgresql:///ota"}
    assert WorkerSettings(**database).records_in == "postgresql:///ota"  # type: ignore[arg-type]
    assert WorkerSettings(**database, records="cloudwatch:g").records_in == "cloudwatch:g"  # type: ignore[arg-type]


COUNTED = JobCountRecord(1e9, "job-1", {})
FAILED = JobRequestRecord(1e9, JobEvent.UPDATE, "d", "t", "job-1", destination="FAILED")
ASKED = RequestRecord(1e9, Action.GET_STREAM, "d", "t", "s")


@pytest.mark.parametrize(
    ("level", "parts"), [("debug", [0, 1, 2]), ("info", [1, 2]), ("warn", [2]), ("error", [2]), ("disabled", [])]
)
def test_records_obey_the_level_of_verbosity(level: str, parts: list[int]):  # LC-1, LC-2, LR-12, LR-13
    settings = WorkerSettings(**WELL, log_level=level)  # type: ignore[arg-type]
    kept = Entries(settings.level).kept("s", 7, [ASKED, COUNTED, FAILED])
    assert [(one.source, one.number, one.part) for one in kept] == [("s", 7, part) for part in parts]


def test_a_library_that_is_not_installed_is_one_line(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delitem(sys.modules, "ota_broker.workers.jetstream", raising=False)
    monkeypatch.setitem(sys.modules, "nats.aio.msg", None)
    with pytest.raises(ConfigError, match=r"nats.aio.msg is not installed; .*'ota-stream\[worker\]'"):
        transport_of(WorkerSettings(**WELL), SystemClock(), Notices(time.monotonic))  # type: ignore[arg-type]


async def test_a_mailbox_is_bounded_and_keeps_the_order(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(mailbox, "WAITING_MAX", IN_FLIGHT_MAX + 1)
    box = Mailbox(Notices(time.monotonic))
    waiting = asyncio.create_task(box.take())
    await asyncio.sleep(0)
    for number in range(IN_FLIGHT_MAX + 3):
        assert box.put(Request("t", b"", "s", number)) is (number <= IN_FLIGHT_MAX)
    assert [request.number for request in await waiting] == list(range(IN_FLIGHT_MAX))
    assert [request.number for request in await box.take()] == [IN_FLIGHT_MAX]


async def test_a_loop_that_stands_still_is_ended_and_one_that_goes_on_is_not():
    barked = threading.Event()

    def watched(limit: float, work: Callable[[], object]) -> Watchdog:
        dog = Watchdog(limit, barked.set)
        dog.start()
        work()
        return dog

    dog = watched(60.0, lambda: None)
    assert not barked.is_set()
    dog.stop()
    dog = watched(0.05, lambda: barked.wait(10))  # the loop stands still until it barks
    assert barked.is_set()
    dog.stop()
