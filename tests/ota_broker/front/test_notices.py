import logging
from typing import Any

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


def test_what_is_left_out_is_told_though_nothing_follows(lines: pytest.LogCaptureFixture):  # A15
    now = 0.0
    waiting: list[Any] = []
    said = Notices(lambda: now, lambda seconds, call: waiting.append((seconds, call)))
    said.say("no service", "a")
    now = 0.25
    for text in "bcd":
        said.say("no service", text)
    [(seconds, tell)] = waiting  # one timer, however many are left out
    assert seconds == 0.75
    now = 1.0
    tell()
    assert lines.messages == ["no service: a", "no service: d (and 2 more like it)"]
    said.say("no service", "e")  # a line has just been written
    assert len(lines.messages) == 2
    said.tell_all()
    assert lines.messages[2:] == ["no service: e"]
    waiting[-1][1]()
    assert len(lines.messages) == 3


def test_a_line_that_comes_in_time_tells_how_many_were_left_out(lines: pytest.LogCaptureFixture):
    now = 0.0
    waiting: list[Any] = []
    said = Notices(lambda: now, lambda _, call: waiting.append(call))
    for text in "ab":
        said.say("dropped", text)
    now = 1.0
    said.say("dropped", "c")
    waiting[0]()
    assert lines.messages == ["dropped: a", "dropped: c (and 1 more like it)"]


def test_what_a_client_sent_cannot_break_the_line(lines: pytest.LogCaptureFixture):  # A14
    Notices(lambda: 0.0).say("closed", "a\nb\x1b[31m\u202e\u2028\0")
    assert lines.messages == [r"closed: a\nb\x1b[31m\u202e\u2028\x00"]
    assert escaped("grün") == "grün"


def test_causes_are_bounded(lines: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(notices, "_CAUSES_MAX", 2)
    said = Notices(lambda: 0.0)
    for number in range(10):
        said.say(str(number), "x")
        said.say(str(number), "y")
    assert len(said._causes) <= 2
    assert len(lines.messages) == 18  # room is made when what was left out is told
