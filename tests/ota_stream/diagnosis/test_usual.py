"""What is passed at a glance has nothing wrong with it: the findings are those of one who looks at everything."""

import json
from collections.abc import Callable
from typing import Any

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinic import THING, Clinic
from images import MemoryImage, image_bytes
from ota_stream.diagnosis import service, usual
from ota_stream.diagnosis.kinds import Finding

TOPIC = f"$aws/things/{THING}/streams/fw/get"


class Careful(Clinic):
    """A clinic that takes nothing for usual."""

    def __init__(self) -> None:
        super().__init__()
        self.diagnosis.hear = self.diagnosis._look


def count_checks(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the topics of requests that all checks look at, from now on."""
    looked, checked = list[str](), service.Diagnosis._checked

    def counted(self: service.Diagnosis, heard: Any, talk: Any) -> Any:
        looked.append(heard.topic)
        return checked(self, heard, talk)

    monkeypatch.setattr(service.Diagnosis, "_checked", counted)
    return looked


def test_words_that_were_right_are_right_from_whoever_says_them(monkeypatch: pytest.MonkeyPatch):
    looked, clinic = count_checks(monkeypatch), Clinic()
    for thing in ("a", "b", "c"):
        for first in range(15):
            clinic.cbor(thing=thing, o=first, n=1)
    assert looked == ["$aws/things/a/streams/fw/get/cbor"] * 15 + [
        f"$aws/things/{thing}/streams/fw/get/cbor" for thing in ("b", "c")
    ]
    assert clinic.found() == []


def test_what_is_passed_is_taken_in_all_the_same():
    clinic = Clinic()
    for first in range(15):
        clinic.cbor(thing="another", o=first, n=1)
    clinic.begin()
    for first in range(15):
        clinic.cbor(o=first, n=1)
    clinic.wait(100)
    clinic.update("SUCCEEDED")
    assert clinic.found() == [], "the job is not idle, and all blocks were sent"


def test_another_version_of_the_stream_is_looked_at_again():
    clinic = Clinic()
    for first in (10, 11, 12, 13, 14) * 2:
        clinic.get(o=first, n=1)
    clinic.catalog.update("fw", {0: MemoryImage(image_bytes(12 * 4096))})
    for first in (10, 11, 12):
        clinic.get(o=first, n=1)
    assert clinic.found() == ["block-beyond-file"]


def test_a_stream_that_is_gone_is_let_go_with_its_image(monkeypatch: pytest.MonkeyPatch):
    looked, clinic = count_checks(monkeypatch), Clinic()
    clinic.get(n=1)
    known = clinic.diagnosis._usual
    assert "fw" in known._streams
    clinic.catalog.delete("fw")
    clinic.wait(1)
    assert not known._streams
    assert len(looked) == 1


def test_what_is_known_is_bounded(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(usual, "TOPICS_MAX", 3)
    clinic = Clinic()
    for number in range(10):
        clinic.cbor(thing=f"t{number}", n=1)
        assert len(clinic.diagnosis._usual._ears) <= 3


Act = Callable[[Clinic], None]


def _ask(stream: str, thing: str, in_cbor: bool, fields: dict[str, Any]) -> Act:
    topic = f"$aws/things/{thing}/streams/{stream}/get/{'cbor' if in_cbor else 'json'}"
    said = {"f": 0, "l": 4096, **fields}
    if in_cbor:
        payload = cbor2.dumps(said)
    else:
        payload = json.dumps({name: value for name, value in said.items() if name != "b"}).encode()
    return lambda clinic: clinic.publish(topic, payload, thing) and None


def _pass(seconds: float) -> Act:
    return lambda clinic: clinic.wait(seconds)


def _take(packet_max: int) -> Act:
    def play(clinic: Clinic) -> None:
        clinic.packet_max = packet_max
        clinic.wait(usual.LOOKS_EVERY)

    return play


def _renew(size: int) -> Act:
    return lambda clinic: clinic.catalog.update("fw", {0: MemoryImage(image_bytes(size))}) and None


FIELDS = st.one_of(
    st.fixed_dictionaries({"o": st.integers(0, 3), "n": st.integers(0, 2)}),
    st.fixed_dictionaries({"l": st.sampled_from([2048, 256]), "n": st.integers(1, 2)}),
    st.fixed_dictionaries({"b": st.sampled_from([b"\x01", b"\x03", b"\xfe\x7f", b"\x7f\xfe"]), "n": st.just(9)}),
    st.fixed_dictionaries({"n": st.just(1)}, optional={"c": st.sampled_from(["rdy", "x"]), "s": st.integers(1, 2)}),
)
ACTS = st.one_of(
    st.builds(_ask, st.sampled_from(["fw", "large"]), st.sampled_from([THING, "b" * 90]), st.booleans(), FIELDS),
    st.builds(_ask, st.just("fw"), st.just(THING), st.just(True), FIELDS),
    st.builds(_pass, st.sampled_from([0.1, 5.0, 61.0])),
    st.builds(_take, st.sampled_from([3000, 100_000])),
    st.builds(_renew, st.sampled_from([60_000, 8192])),
    st.just(lambda clinic: clinic.begin()),
    st.just(lambda clinic: clinic.update("SUCCEEDED")),
)


@given(st.lists(ACTS, max_size=40))
def test_it_finds_what_a_diagnosis_finds_that_looks_at_everything(acts: list[Act]):
    assert _findings(Clinic(), acts) == _findings(Careful(), acts)


def _findings(clinic: Clinic, acts: list[Act]) -> list[Finding]:
    for act in acts:
        try:
            act(clinic)
        except Exception:  # noqa: BLE001, S112 - a job that is there already, for both
            continue
    return clinic.diagnosis.findings()
