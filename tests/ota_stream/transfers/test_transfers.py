"""Block maps: what was sent, what again, what is missing; bounded; and cheap enough to be on while people look."""

from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st

from images import MemoryImage
from ota_stream.answers import Answer, Reply
from ota_stream.streams.catalog import Catalog
from ota_stream.streams.codec import CODECS
from ota_stream.streams.messages import DataBlock, GetStream
from ota_stream.streams.service import StreamService
from ota_stream.streams.topics import Format, Operation, build, parse
from ota_stream.transfers import pictures, service
from ota_stream.transfers.service import Transfers

SIZE = 256
BLOCKS = 10


class World:
    def __init__(self, blocks: int = BLOCKS) -> None:
        self.catalog = Catalog()
        image = MemoryImage(bytes(blocks * SIZE - 1))
        self.catalog.put("fw", {0: image, 1: image})
        self.streams = StreamService(self.catalog)
        self.transfers = Transfers(self.catalog)
        self.now = 100.0

    def answer(self, thing: str, request: GetStream, wire_format: Format = Format.CBOR) -> Answer:
        topic = build(thing, "fw", Operation.GET, wire_format)
        return self.streams.answer(topic, CODECS[wire_format].encode_get(request), thing, self.now)

    def get(
        self, thing: str, request: GetStream, wire_format: Format = Format.CBOR, answer: Answer | None = None
    ) -> None:
        topic = build(thing, "fw", Operation.GET, wire_format).text
        payload = CODECS[wire_format].encode_get(request)
        self.transfers.hear(topic, payload, answer or self.answer(thing, request, wire_format), self.now)

    def map(self, thing: str = "t", file_id: int = 0) -> list[tuple[str, int]]:
        found = self.transfers.find("fw", thing, file_id)
        assert found is not None
        return pictures.cells(found)


def ask(first: int, many: int, *, file_id: int = 0, size: int = SIZE) -> GetStream:
    return GetStream(file_id=file_id, block_size=size, block_offset=first, block_count=many)


@pytest.mark.parametrize("wire_format", Format)
def test_blocks_are_sent_then_repeated_and_the_rest_is_missing(wire_format: Format):
    world = World()
    world.get("t", ask(0, 4), wire_format)
    assert world.map() == [("sent", 4), ("missing", 6)]
    world.get("t", ask(2, 3), wire_format)
    assert world.map() == [("sent", 2), ("repeated", 2), ("sent", 1), ("missing", 5)]


def test_a_bitmap_says_which():
    world = World()
    world.get("t", GetStream(file_id=0, block_size=SIZE, bitmap=b"\x05\x02", block_count=20))
    assert world.map() == [("sent", 1), ("missing", 1), ("sent", 1), ("missing", 6), ("sent", 1)]


def test_what_a_fault_keeps_back_was_not_sent():
    world = World()
    whole = world.answer("t", ask(0, 4))
    lost = Answer((whole.replies[0], whole.replies[3]), whole.record)
    world.get("t", ask(0, 4), answer=lost)
    assert world.map() == [("sent", 1), ("missing", 2), ("sent", 1), ("missing", 6)]


def test_a_block_sent_twice_in_one_answer_is_repeated():
    world = World()
    whole = world.answer("t", ask(0, 2))
    world.get("t", ask(0, 2), answer=Answer((*whole.replies, whole.replies[0]), whole.record))
    assert world.map() == [("repeated", 1), ("sent", 1), ("missing", 8)]


def test_a_spoilt_block_nobody_can_read_counts_for_nothing():
    world = World()
    whole = world.answer("t", ask(0, 2))
    spoilt = Reply(whole.replies[0].topic, b"\xff", 0)
    world.get("t", ask(0, 2), answer=Answer((spoilt,), whole.record))
    assert world.map() == [("missing", 10)]


def test_a_rejection_is_told_and_sends_nothing():
    world = World()
    world.get("t", ask(0, 1))
    world.get("t", ask(50, 1))
    found = world.transfers.find("fw", "t")
    assert found is not None
    assert (found.failure is not None, found.requests, found.done) == (True, 2, 1)


def test_files_have_maps_of_their_own_though_they_share_a_topic():
    world = World()
    for first in range(3):
        world.get("t", ask(first, 1))
        world.get("t", ask(first, 1, file_id=1))
    assert world.map() == world.map(file_id=1) == [("sent", 3), ("missing", 7)]


def test_another_block_size_or_another_version_is_another_download():
    world = World()
    world.get("t", ask(0, 4))
    world.get("t", ask(0, 1, size=2 * SIZE))
    assert world.map() == [("sent", 1), ("missing", 4)]
    stream = world.catalog.find("fw")
    assert stream is not None
    world.catalog.update("fw", {0: stream.files[0].image})
    world.get("t", ask(1, 1, size=2 * SIZE))
    assert world.map() == [("missing", 1), ("sent", 1), ("missing", 3)]


def test_topics_that_are_no_get_stream_say_nothing():
    world = World()
    answer = world.answer("t", ask(0, 1))
    for topic in ("$aws/things/t/streams/fw/describe/json", "$aws/things/t/jobs/get", "$aws/things//streams/x/get/r"):
        world.transfers.hear(topic, b"{}", answer, 1.0)
    for payload in (b"", b"{", b'{"f":0}', b'{"f":9,"l":256}', b'{"f":0,"l":1}', b'{"f":0,"l":256,"n":-1}'):
        world.transfers.hear("$aws/things/t/streams/fw/get/json", payload, answer, 1.0)
    assert world.transfers.traffic("fw") is None or not list(world.transfers.newest("fw"))


def test_many_blocks_share_a_cell():
    world = World(1000)
    world.get("t", ask(0, 6))
    world.get("t", ask(4, 1))
    assert world.map()[:3] == [("sent", 1), ("repeated", 1), ("missing", 248)]
    found = world.transfers.find("fw", "t")
    assert found is not None
    assert pictures.blocks_per_cell(found) == 4


def test_idle_downloads_give_way_and_of_others_without_room_the_requests_are_counted(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(service, "TRANSFERS_MAX", 3)
    world = World()

    def things() -> list[str]:
        return [transfer.thing for transfer in world.transfers.newest("fw")]

    for number in (0, 1, 2, 3, 4, 3):
        world.get(f"t{number}", ask(0, 1))
    assert things() == ["t2", "t1", "t0"]
    traffic = world.transfers.traffic("fw")
    assert traffic is not None
    assert traffic.requests == 6
    world.now += service.IDLE - 1
    world.get("t1", ask(1, 1))
    world.now += 1
    world.get("t3", ask(2, 1))
    assert things() == ["t3", "t2", "t1"]
    assert world.map("t3") == [("missing", 2), ("sent", 1), ("missing", 7)]
    world.get("t4", ask(2, 1))
    assert things() == ["t3", "t2", "t1"]


def topic_of(thing: str) -> str:
    return build(thing, "fw", Operation.GET, Format.CBOR).text


def test_who_found_no_room_is_only_counted_until_there_is_some(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(service, "TRANSFERS_MAX", 2)
    world = World()
    for number in range(4):
        world.get(f"t{number}", ask(0, 1))

    def counted() -> list[str]:
        return [f"t{number}" for number in range(4) if world.transfers.beyond(topic_of(f"t{number}")) is not None]

    assert counted() == ["t2", "t3"]
    assert world.transfers.beyond(topic_of("t2")) is world.transfers.traffic("fw")
    world.now += service.IDLE - 1
    world.get("t1", ask(0, 1))
    world.transfers.tick(world.now)
    assert counted() == ["t2", "t3"]
    world.transfers.tick(world.now + 1)
    assert counted() == ["t3"], "t0 alone gives way"


def test_a_map_goes_on_though_another_file_of_its_topic_found_no_room(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(service, "TRANSFERS_MAX", 1)
    world = World()
    for first in range(3):
        world.get("t", ask(first, 1))
        world.get("t", ask(first, 1, file_id=1))
        assert world.transfers.beyond(topic_of("t")) is None
    assert world.map() == [("sent", 3), ("missing", 7)]


def test_bits_are_bounded_in_bytes(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(service, "MAPS_MAX", 8)
    world = World()
    for number in range(3):
        world.get(f"t{number}", ask(0, 1))
    assert [transfer.thing for transfer in world.transfers.newest("fw")] == ["t2", "t1"]


def test_rates_are_taken_between_looks_a_second_apart():
    world = World()
    world.get("t", ask(0, 1))
    found, traffic = world.transfers.find("fw", "t"), world.transfers.traffic("fw")
    assert found is not None
    assert traffic is not None
    assert (found.bytes_per_second(100.0), traffic.requests_per_second(100.0)) == (0, 0)
    world.get("t", ask(1, 4))
    assert found.bytes_per_second(100.5) == 0
    assert (found.bytes_per_second(102.0), traffic.requests_per_second(102.0)) == (4 * SIZE / 2, 0.5)


@given(st.lists(st.tuples(st.integers(0, BLOCKS - 1), st.integers(1, BLOCKS)), max_size=12))
def test_a_map_is_the_blocks_that_went_out(requests: list[tuple[int, int]]):
    world = World()
    went: list[int] = []
    for first, many in requests:
        answer = world.answer("t", ask(first, many))
        if answer.record.failure is None:
            went += [block(reply).block_id for reply in answer.replies]
        world.get("t", ask(first, many))
    if went:
        states = list(chain.from_iterable([state] * many for state, many in world.map()))
        for block_id, state in enumerate(states):
            assert state == {0: "missing", 1: "sent"}.get(went.count(block_id), "repeated")


def block(reply: Reply) -> DataBlock:
    return CODECS[Format.CBOR].decode_block(reply.payload)


@given(st.text(max_size=60), st.binary(max_size=40))
def test_nothing_that_is_said_raises(topic: str, payload: bytes):
    world = World()
    answer = world.answer("t", ask(0, 1))
    for text in (topic, f"$aws/things/t/streams/{topic}/get/cbor", "$aws/things/t/streams/fw/get/json"):
        world.transfers.hear(text, payload, answer, 1.0)
    assert parse("x") is None
