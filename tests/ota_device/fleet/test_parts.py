"""The small parts of the fleet: agenda, histogram, dice, tally, shelf and flash, units."""

import asyncio
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ota_device.fleet import units
from ota_device.fleet.agenda import Agenda
from ota_device.fleet.histogram import BUCKETS, Histogram, edge
from ota_device.fleet.memory_flash import MemoryFlash
from ota_device.fleet.shelf import BlockStore, Shelf
from ota_device.fleet.tally import OTHER, REASONS_MAX, SAMPLES_MAX, Stage, Tally
from ota_device.fleet.traits import Dice, Fault
from ota_stream.streams import cbor_codec, json_codec
from ota_stream.streams.messages import DataBlock


async def test_the_agenda_does_things_in_the_order_of_their_times():
    loop = asyncio.get_running_loop()
    agenda, done, over = Agenda(loop), [], asyncio.Event()
    now = asyncio.get_running_loop().time()
    agenda.at(now + 0.03, lambda _: over.set())
    for number, when in enumerate((0.02, 0.01, 0.01, 0.0)):
        agenda.at(now + when, lambda _, number=number: done.append(number))
    await asyncio.wait_for(over.wait(), 5)
    assert done == [3, 1, 2, 0]


async def test_a_cleared_agenda_does_nothing():
    loop = asyncio.get_running_loop()
    agenda, done, over = Agenda(loop), [], asyncio.Event()
    agenda.at(loop.time() + 0.005, lambda _: done.append(1))
    agenda.clear()
    agenda.at(loop.time() + 0.02, lambda _: over.set())
    await asyncio.wait_for(over.wait(), 5)
    assert done == []


@given(times=st.lists(st.floats(1e-5, 2000), min_size=1, max_size=200), share=st.floats(0.01, 1))
def test_a_percentile_is_near_the_true_one(times: list[float], share: float):
    histogram = Histogram()
    for each in times:
        histogram.add(each)
    rank = max(1, -(-int(share * len(times) * 1000) // 1000))
    true = sorted(times)[min(rank, len(times)) - 1]
    found = histogram.percentile(share)
    near = [sorted(times)[max(0, min(len(times) - 1, rank - 1 + step))] for step in (-1, 0, 1)]
    assert any(found == pytest.approx(each, rel=0.095) for each in [true, *near])
    assert histogram.number == sum(histogram.counts)


def test_times_out_of_range_are_counted_at_the_ends():
    histogram = Histogram()
    assert histogram.percentile(0.5) is None
    for each in (0.0, 1e9):
        histogram.add(each)
    assert (histogram.counts[0], histogram.counts[-1]) == (1, 1)
    assert edge(BUCKETS) > 2600


def test_the_dice_are_the_same_in_every_run_and_fair():
    first, second = Dice(7, 3), Dice(7, 3)
    thrown = [first.throw() for _ in range(2000)]
    assert thrown == [second.throw() for _ in range(2000)]
    assert thrown != [Dice(8, 3).throw() for _ in range(2000)]
    assert all(0 <= each < 1 for each in thrown)
    assert sum(thrown) / len(thrown) == pytest.approx(0.5, abs=0.03)


def test_faults_are_drawn_by_their_shares():
    shares = {Fault.CRASH: 0.25, Fault.FLASH: 0.25}
    drawn = [Dice(1, number).fault(shares) for number in range(4000)]
    for fault, share in ((Fault.CRASH, 0.25), (Fault.FLASH, 0.25), (None, 0.5)):
        assert drawn.count(fault) / 4000 == pytest.approx(share, abs=0.03)
    assert Dice(1, 1).fault({}) is None


def test_a_long_run_keeps_a_bounded_number_of_samples_and_every_block():
    tally = Tally()
    tally.stages[Stage.WAITING] = 3
    for second in range(3 * SAMPLES_MAX):
        tally.block(100, 0.01)
        tally.sample(second + 1.0)
    assert len(tally.samples) < SAMPLES_MAX
    assert tally.interval == 4.0
    assert sum(each.blocks for each in tally.samples) == pytest.approx(tally.blocks, abs=4)
    assert sum(sum(each.delays) for each in tally.samples) == sum(each.blocks for each in tally.samples)
    assert tally.samples[-1].bytes == 100 * tally.samples[-1].blocks


def test_reasons_a_broker_makes_up_are_bounded():
    tally = Tally()
    counted = {tally.failed(f"reason {number}") for number in range(10 * REASONS_MAX)}
    assert len(counted) == REASONS_MAX + 1
    assert tally.reasons[OTHER] == 9 * REASONS_MAX


def test_equal_blocks_are_kept_once():
    shelf = Shelf()
    stores = [BlockStore(2, shelf) for _ in range(2)]
    for store in stores:
        store.put(1, bytes([2]) * 10)
        store.put(0, bytes([1]) * 4096)
    kept = [store._blocks[0] for store in stores]
    assert kept[0] is kept[1]
    assert stores[0].sha256() == hashlib.sha256(bytes([1]) * 4096 + bytes([2]) * 10).hexdigest()


def test_a_full_shelf_begins_anew(monkeypatch):
    monkeypatch.setattr("ota_device.fleet.shelf.SHELF_MAX", 10)
    shelf = Shelf()
    assert [shelf.keep(block) for block in (b"123456", b"abcdefg", b"xyz")] == [b"123456", b"abcdefg", b"xyz"]
    assert len(shelf._blocks) == 1


def test_equal_messages_are_read_once_and_their_blocks_are_those_of_the_shelf():
    shelf, read = Shelf(), list[bytes]()

    def reader(message: bytes) -> DataBlock:
        read.append(message)
        return cbor_codec.decode_block(message)

    first, second = cbor_codec.block_head(None), cbor_codec.block_head("rdy")
    body = cbor_codec.block_body(0, 1, b"abc")
    found = [shelf.reading(reader)(head + body) for head in (first, first, second)]
    assert read == [first + body, second + body]
    assert found[0] is found[1] == DataBlock(0, 1, b"abc")
    assert found[2] == DataBlock(0, 1, b"abc", "rdy")
    assert found[0].payload is found[2].payload is shelf.keep(b"abc")


def test_what_is_no_block_in_one_format_is_none_because_another_format_reads_it():
    shelf = Shelf()
    message = json_codec.block_head(None) + json_codec.block_body(0, 1, b"abc")
    assert shelf.reading(json_codec.decode_block)(message).payload == b"abc"
    for _ in range(2):
        with pytest.raises(ValueError, match=r"expected|CBOR|premature|object"):
            shelf.reading(cbor_codec.decode_block)(message)


def test_messages_that_look_alike_are_told_apart():
    reading = Shelf().reading(cbor_codec.decode_block)
    head, payload = cbor_codec.block_head(None), bytearray(4096)
    for value in (1, 2, 1):
        payload[4000 - 4000 % 61 + 30] = value  # where no sample is taken
        block = reading(head + cbor_codec.block_body(0, 1, bytes(payload)))
        assert block.payload == payload
    assert len(reading._kept) == 1


def test_a_reader_that_has_read_much_begins_anew(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("ota_device.fleet.shelf.SHELF_MAX", 10)
    reading = Shelf().reading(cbor_codec.decode_block)
    for number in range(3):
        assert reading(cbor_codec.block_head(None) + cbor_codec.block_body(0, number, b"abc")).block_id == number
    assert len(reading._kept) == 1


@given(st.lists(st.tuples(st.integers(0, 5), st.binary(min_size=8, max_size=8)), max_size=12))
def test_a_flash_in_memory_holds_what_was_written(pieces: list[tuple[int, bytes]]):
    flash, expected = MemoryFlash(Shelf()), bytearray()
    for place, data in pieces:
        flash.write("slot-b", place * 8, data)
        flash.write("slot-b.blocks", place, b"\x01")
        expected.extend(bytes(max(0, place * 8 - len(expected))))
        expected[place * 8 : place * 8 + 8] = data
    assert (flash.read("slot-b") or b"") == bytes(expected)
    assert (flash.read("slot-b.blocks") or b"").count(1) == len({place for place, _ in pieces})


def test_a_replaced_file_is_whole_and_a_spoiled_image_has_one_other_bit():
    flash = MemoryFlash(Shelf())
    assert flash.read("slot-a") is None
    flash.write("slot-a", 0, b"old")
    flash.replace("slot-a", b"new")
    assert flash.read("slot-a") == b"new"
    flash.spoil("slot-a")  # an image that came whole from the factory has no blocks
    flash.write("slot-b", 0, b"ab")
    flash.spoil("slot-b")
    assert flash.read("slot-b") == b"`b"


@pytest.mark.parametrize(
    ("read", "given", "expected"),
    [
        (units.seconds, "500ms", 0.5),
        (units.seconds, "2 m", 120),
        (units.seconds, 3, 3),
        (units.seconds, "3", 3),
        (units.rate, "500/s", 500),
        (units.rate, "30 /m", 0.5),
        (units.bandwidth, "32 KiB/s", 32768),
        (units.bandwidth, "1 Mbit/s", 125_000),
        (units.share, "2.5%", 0.025),
        (units.share, 1, 1),
    ],
)
def test_numbers_with_units_are_read(read: units.Read, given: object, expected: float):
    assert read(given) == pytest.approx(expected)


@pytest.mark.parametrize("text", ["", "s", "-1s", "1 x", "1e3s", "nan", "\u0661s", "9" * 400])
def test_what_is_no_time_is_told_with_an_example(text: str):
    with pytest.raises(ValueError, match=r"is none: write a time like 500ms, 30s, 10m or 2h"):
        units.seconds(text)


def test_a_share_above_all_is_refused():
    with pytest.raises(ValueError, match="more than all"):
        units.share("101%")


def test_equal_images_are_joined_once_and_only_a_few_are_kept(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("ota_device.fleet.shelf.IMAGES_MAX", 2)
    shelf = Shelf()
    image = shelf.whole((b"ab", b"c"))
    assert image == b"abc"
    assert shelf.whole((b"ab", b"c")) is image
    assert [shelf.whole((b"x", bytes((number,)))) for number in range(3)] == [b"x\0", b"x\1", b"x\2"]
    assert len(shelf._images) <= 2


def test_a_gap_in_an_image_on_the_flash_reads_as_zeros():
    flash = MemoryFlash(Shelf())
    flash.write("slot-b", 4, b"efgh")
    assert flash.read("slot-b") == b"\0\0\0\0efgh"
    flash.write("slot-b", 0, b"abcd")
    assert flash.read("slot-b") == b"abcdefgh"
