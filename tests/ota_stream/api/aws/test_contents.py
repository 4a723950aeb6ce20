"""Contents are fetched once, and bounded in bytes."""

import pytest

from ota_stream.api.aws import contents
from ota_stream.api.aws.contents import Contents


class Fetch:
    """Gives a content, and counts how often."""

    def __init__(self, content: bytes) -> None:
        self.content, self.count = content, 0

    def __call__(self) -> bytes:
        self.count += 1
        return self.content


def test_a_content_is_fetched_once():
    kept, fetch = Contents(), Fetch(b"abc")
    assert [kept.get("a", fetch) for _ in range(3)] == [b"abc"] * 3
    assert fetch.count == 1


def test_the_oldest_goes_when_there_is_no_room_and_one_alone_may_be_larger(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(contents, "CACHE_MAX", 10)
    kept, old, new, large = Contents(), Fetch(b"x" * 6), Fetch(b"y" * 4), Fetch(b"z" * 11)
    kept.get("old", old)
    kept.get("new", new)
    assert (kept.get("old", old), old.count) == (b"x" * 6, 1)
    kept.get("large", large)
    kept.get("large", large)
    assert large.count == 1
    kept.get("new", new)
    assert new.count == 2


def test_what_cannot_be_fetched_is_asked_for_again():
    kept = Contents()

    def fails() -> bytes:
        raise LookupError

    with pytest.raises(LookupError):
        kept.get("a", fails)
    assert kept.get("a", Fetch(b"a")) == b"a"
