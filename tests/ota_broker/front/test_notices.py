import logging

import pytest

from ota_broker.front import notices
from ota_broker.front.notices import Notices, escaped


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.WARNING, "ota_broker")
    return caplog


def test_a_flood_is_one_line_a_second_and_a_count(lines: pytest.LogCaptureFixture):  # A15
    now = 0.0
    said = Notices(lambda: now)
    for _ in range(1000):
        said.say("closed", "why")
    assert lines.messages == ["closed: why"]
    now = 1.0
    said.say("closed", "why")
    said.say("dropped", "other causes speak for themselves")
    assert lines.messages[1:] == ["closed: why (and 999 more like it)", "dropped: other causes speak for themselves"]


def test_what_a_client_sent_cannot_break_the_line(lines: pytest.LogCaptureFixture):  # A14
    Notices(lambda: 0.0).say("closed", "a\nb\x1b[31m\u202e\u2028\0")
    assert lines.messages == [r"closed: a\nb\x1b[31m\u202e\u2028\x00"]
    assert escaped("grün") == "grün"


def test_causes_are_bounded(lines: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(notices, "_CAUSES_MAX", 2)
    said = Notices(lambda: 0.0)
    for number in range(10):
        said.say(str(number), "x")
    assert len(said._causes) <= 2
    assert len(lines.messages) == 10
