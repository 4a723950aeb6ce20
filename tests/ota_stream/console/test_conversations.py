"""The last conversations: bounded in number, in bytes, in how many a tick; and what is beyond is counted."""

from ota_stream.answers import Answer, Refusal, Reply
from ota_stream.console.conversations import BYTES_MAX, KEPT_MAX, PER_TICK, REPLIES_MAX, Conversations, Spoken
from ota_stream.faults.late import LateAnswer, later
from ota_stream.records import Action, RequestRecord

RECORD = RequestRecord(1.0, Action.GET_STREAM, "c", "t", "s")


def newest(heard: Conversations) -> list[Spoken]:
    return [each for each in heard.newest() if isinstance(each, Spoken)]


def test_the_oldest_give_way_and_numbers_go_on():
    heard = Conversations()
    for number in range(KEPT_MAX + 5):
        heard.tick()
        heard.hear("t", str(number).encode(), "c", None, 1.0)
    kept = newest(heard)
    assert [each.number for each in kept] == list(range(KEPT_MAX + 5, 5, -1))
    assert kept[0].payload == str(KEPT_MAX + 4).encode()


def test_their_bytes_are_bounded_but_the_newest_is_always_there():
    heard = Conversations()
    for _ in range(5):
        heard.hear("t", bytes(BYTES_MAX // 2), "c", None, 1.0)
    assert len(newest(heard)) == 2
    heard.hear("t", bytes(BYTES_MAX + 1), "c", None, 1.0)
    assert [len(each.payload) for each in newest(heard)] == [BYTES_MAX + 1]


def test_a_tick_is_full_at_some_time_and_the_next_is_not():
    heard = Conversations()
    for _ in range(PER_TICK):
        assert not heard.is_full
        heard.hear("t", b"", "c", None, 1.0)
    assert heard.is_full
    heard.tick()
    assert not heard.is_full


def test_the_first_messages_of_an_answer_are_kept_late_ones_too():
    heard, replies = Conversations(), tuple(Reply("t", str(number).encode()) for number in range(5))
    heard.hear("t", b"", "c", Answer(replies, RECORD), 1.0)
    (kept,) = newest(heard)
    assert (kept.replies, kept.many, kept.record) == (replies[:REPLIES_MAX], 5, RECORD)
    heard.hear("t", b"", "c", LateAnswer(replies[:1], RECORD, (), (later(replies[1], 2.0),)), 1.0)
    assert [each.payload for each in newest(heard)[0].replies] == [b"0", b"1"]


def test_a_refusal_without_a_record_keeps_its_reason():
    heard = Conversations()
    heard.hear("t", b"", "c", Refusal((), "no such topic"), 1.0)
    assert (newest(heard)[0].refused, newest(heard)[0].record) == ("no such topic", None)
