import pytest

from front_desk import shelf
from ota_broker.front import limits
from ota_broker.front.codec.packets import Message
from ota_broker.front.delivery.retained import RetainedMessages


def topics(retained: RetainedMessages, topic_filter: str) -> list[str]:
    return sorted(message.topic for message in retained.find(topic_filter))


def test_an_exact_filter_gets_the_message_a_wildcard_only_by_the_standard():  # MB-6
    for on_wildcards in (False, True):
        retained = RetainedMessages(shelf(), on_wildcards=on_wildcards, hash_takes_parent=on_wildcards)
        for topic in ("a", "a/b", "c"):
            retained.put(Message(topic, b"x", 1, retain=True))
        assert topics(retained, "a/b") == ["a/b"]
        assert topics(retained, "none") == []
        assert topics(retained, "a/#") == (["a", "a/b"] if on_wildcards else [])


def test_an_empty_message_deletes_and_room_comes_back(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(limits, "RETAINED_MAX", 2)
    monkeypatch.setattr(limits, "RETAINED_BYTES_MAX", 10)
    retained = RetainedMessages(shelf(), on_wildcards=False, hash_takes_parent=False)
    assert retained.put(Message("a", b"12345"))
    assert retained.put(Message("b", b"12345"))
    assert not retained.put(Message("c", b"1")), "no room for another topic"
    assert not retained.put(Message("a", b"123456")), "no room for more bytes"
    assert retained.put(Message("a", b"54321")), "but for a new message on an old topic"
    assert retained.put(Message("a", b""))
    assert retained.put(Message("nothing", b"")), "deleting nothing is nothing"
    assert topics(retained, "a") == []
    assert retained.put(Message("c", b"1"))
