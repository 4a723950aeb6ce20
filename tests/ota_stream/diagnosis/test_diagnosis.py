"""Every kind of finding is found at the agent that has it, and at no agent that has not."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinic import AGENTS, BESIDE, THING, Clinic
from device_world import World, document, firmware
from ota_device.flavours import FLAVOURS, Flavour
from ota_device.reasons import WORDS
from ota_stream.answers import Answer, Reply
from ota_stream.diagnosis import jobs, reasons, service, streams
from ota_stream.diagnosis.conversation import Client
from ota_stream.diagnosis.kinds import KINDS, TABLE
from ota_stream.diagnosis.service import Diagnosis
from ota_stream.jobs.errors import Why as JobWhy
from ota_stream.jobs.executions import Status
from ota_stream.streams.errors import Why as StreamWhy


@pytest.mark.parametrize("kind", KINDS)
def test_a_broken_agent_is_told_what_it_does_wrong(kind: str):
    clinic = Clinic()
    AGENTS[kind](clinic)
    assert set(clinic.found()) == {kind, *BESIDE.get(kind, ())}
    finding = next(each for each in clinic.diagnosis.findings() if each.kind == kind)
    assert finding.seen
    assert (finding.rule, finding.wrong, finding.remedy) == (
        KINDS[kind].rule,
        KINDS[kind].wrong,
        KINDS[kind].remedy,
    )


def test_there_are_kinds_enough_and_each_has_its_agent():
    assert len(TABLE) == len(KINDS) >= 30
    assert AGENTS.keys() == KINDS.keys()


class Overheard(World):
    """A device in memory whose every request somebody listens to."""

    def __init__(self, flavour: Flavour) -> None:
        super().__init__(flavour)
        self.diagnosis = Diagnosis(self.catalog, lambda _: Client(tuple(self.subscriptions)))
        self._jobs = _Overheard(self._jobs, self.diagnosis)
        self._streams = _Overheard(self._streams, self.diagnosis)

    def _deliver(self, replies: tuple[Reply, ...]) -> None:
        self.diagnosis.told(replies, self.wire.now)
        super()._deliver(replies)


class _Overheard:
    def __init__(self, service: Any, diagnosis: Diagnosis) -> None:
        self._service, self._diagnosis = service, diagnosis

    def answer(self, topic: Any, payload: bytes, client_id: str, now: float) -> Answer:
        answer: Answer = self._service.answer(topic, payload, client_id, now)
        self._diagnosis.hear(topic.text, payload, client_id, answer, now)
        return answer


@pytest.mark.parametrize("flavour", FLAVOURS.values(), ids=FLAVOURS)
def test_nothing_is_found_at_a_healthy_flavour(flavour: Flavour):
    world = Overheard(flavour)
    world.boot()
    for version in ("0.9.1", "0.9.2"):
        job_id = f"job-{version.replace('.', '-')}"
        image = firmware(version)
        name = f"AFR_OTA-{version[-1]}"
        world.offer(image, job_id, document(image, ota={"streamname": name}))
        assert world.run_job(job_id)[0] is Status.SUCCEEDED
        world.diagnosis.on_time(world.wire.now + 1000.0)
    assert world.diagnosis.findings() == []


@given(st.binary(max_size=64), st.sampled_from(["fw/get/json", "fw/get/cbor", "x/describe/json", "//"]))
def test_no_bytes_are_too_strange_for_it(payload: bytes, tail: str):
    clinic = Clinic()
    clinic.own(f"streams/{tail}", payload)
    clinic.own("jobs/start-next", payload)
    clinic.own("jobs/job-1/update", payload)
    assert all(finding.seen.isprintable() for finding in clinic.diagnosis.findings())


def test_a_refusal_is_told_of_the_client_that_did_it():
    clinic = Clinic()
    AGENTS["publish-denied"](clinic)
    assert [finding.thing for finding in clinic.diagnosis.findings()] == [THING]


def test_a_finding_that_comes_again_is_counted():
    clinic = Clinic()
    for _ in range(3):
        clinic.get(s=2)
        clinic.get(s=3)
    (finding,) = clinic.diagnosis.findings()
    assert (finding.thing, finding.kind, finding.times) == (THING, "stream-version", 6)
    assert clinic.diagnosis.findings(since=finding.number) == clinic.diagnosis.findings("another") == []


def test_a_finding_says_what_was_seen():
    clinic = Clinic()
    clinic.get(o=15, n=1)
    assert clinic.diagnosis.findings()[0].seen == "asks for block 15 to 15; blocks of 4096 bytes are 0 to 14"
    clinic = Clinic()
    AGENTS["numeric-reason"](clinic)
    assert "signature check failed" in clinic.diagnosis.findings()[0].seen


def test_an_agent_that_is_away_may_let_a_job_wait():
    clinic = Clinic()
    clinic.offer()
    clinic.connected = False
    clinic.wait(1000)
    assert clinic.found() == []
    clinic.connected = True
    clinic.wait(1)
    assert clinic.found() == ["job-not-asked"]


def test_things_and_findings_are_bounded(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(service, "FINDINGS_MAX", 3)
    clinic = Clinic()
    clinic.diagnosis.things_max = 3

    def publish(number: int) -> None:
        clinic.publish(f"$aws/things/t{number}/streams/none/get/json", b"{}")

    for number in range(9):
        publish(number)
    assert {finding.thing for finding in clinic.diagnosis.findings()} == {"t1", "t2"}, "no room for others"
    assert len(clinic.diagnosis.findings()) == 3
    assert clinic.diagnosis.unheard == 6
    clinic.now += service.SILENT - 1
    publish(0)
    clinic.now += 1
    for number in (3, 4, 5, 6):
        publish(number)
    assert {finding.thing for finding in clinic.diagnosis.findings()} == {"t4", "t5"}, "the silent give way, t0 stays"


def test_every_refusal_of_the_services_is_a_kind():
    told = set(streams.BY_FAILURE.values()) | {kind for _, kind in jobs.BY_FAILURE}
    assert told <= KINDS.keys()
    unread = {StreamWhy.JSON, StreamWhy.CBOR, StreamWhy.OUT_OF_RANGE}  # these are looked at more closely
    assert {why.message for why in set(StreamWhy) - unread} - streams.BY_FAILURE.keys() == {StreamWhy.INTERNAL.message}
    assert set(JobWhy) - {why for why, _ in jobs.BY_FAILURE} == {JobWhy.INTERNAL, JobWhy.THROTTLED}


def test_every_number_of_the_devices_has_words():
    assert reasons.WORDS.keys() == {code.value for code in WORDS}
    assert reasons.words("aborted: 0xe4000015") == reasons.WORDS[0xE4]
    assert reasons.words("rejected: 0x00000010") == reasons.WORDS[0x10]
    assert reasons.words("0x0000000c: 0x00000004") == reasons.WORDS[0x0C]
    assert reasons.words("out of paper") is None
