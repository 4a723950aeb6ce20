"""What the device asks for next, as a function of what is missing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ota_device.plan import BITMAP_BLOCKS, PLANS, Mode, Plan, all_of, by_bitmap, by_offset, per_answer
from ota_stream.streams import blocks
from ota_stream.streams.messages import GetStream


def bits_of(*block_ids: int) -> int:
    return sum(1 << block_id for block_id in block_ids)


def test_the_bitmap_shows_every_missing_block_and_is_as_long_as_the_file_needs():
    plan = by_bitmap(bits_of(3, 8, 9), total=15, block_count=2, block_size=4096)
    assert plan == Plan(block_offset=0, block_count=2, bitmap=bytes.fromhex("0803"), awaited=frozenset({3, 8}))


def test_the_bitmap_keeps_its_length_when_only_early_blocks_are_missing():
    assert by_bitmap(bits_of(0), total=17, block_count=8, block_size=4096).bitmap == bytes.fromhex("010000")


def test_a_file_that_just_fits_the_longest_bitmap_is_asked_for_from_block_0():
    plan = by_bitmap(bits_of(70_000), BITMAP_BLOCKS, block_count=8, block_size=256)
    assert (plan.block_offset, len(plan.bitmap or b"")) == (0, 12_288)  # SG-7


def test_a_bitmap_too_short_for_the_file_starts_at_the_first_missing_block():
    total = BITMAP_BLOCKS + 100
    plan = by_bitmap(all_of(total) ^ all_of(50), total, block_count=8, block_size=256)
    assert (plan.block_offset, plan.bitmap) == (50, b"\xff" * 12_288)
    assert plan.awaited == frozenset(range(50, 58))


def test_a_sliding_bitmap_ends_with_the_file():
    total = BITMAP_BLOCKS + 100
    plan = by_bitmap(bits_of(total - 3, total - 1), total, block_count=8, block_size=256)
    assert (plan.block_offset, plan.bitmap) == (total - 3, b"\x05")
    assert plan.awaited == {total - 3, total - 1}


def test_offset_mode_asks_for_the_first_run_of_missing_blocks_only():
    plan = by_offset(bits_of(4, 5, 6, 9), 15, block_count=8, block_size=4096)
    assert plan == Plan(block_offset=4, block_count=3, bitmap=None, awaited=frozenset({4, 5, 6}))


def test_offset_mode_never_asks_past_the_end():
    plan = by_offset(bits_of(13, 14), 15, block_count=8, block_size=4096)
    assert (plan.block_offset, plan.block_count) == (13, 2)


@pytest.mark.parametrize(
    ("block_count", "block_size", "expected"),
    [(8, 4096, 8), (32, 4096, 32), (33, 4096, 32), (64, 4096, 32), (147, 2048, 64), (8, 131_072, 1), (8, 200_000, 1)],
)
def test_one_answer_brings_128_kib_at_most(block_count, block_size, expected):  # SB-6
    assert per_answer(block_count, block_size) == expected


@given(
    missing=st.integers(min_value=1, max_value=(1 << 200) - 1),
    block_count=st.integers(1, 300),
    block_size=st.integers(256, 131_072),
    mode=st.sampled_from(Mode),
)
def test_what_is_awaited_is_what_the_service_chooses(missing, block_count, block_size, mode):  # SB-2, SB-3
    plan = PLANS[mode](missing, 200, block_count, block_size)
    request = GetStream(
        file_id=0,
        block_size=block_size,
        block_offset=plan.block_offset,
        block_count=plan.block_count,
        bitmap=plan.bitmap,
    )
    assert plan.awaited == set(blocks.chosen(request, block_size))
    assert all(missing >> block_id & 1 for block_id in plan.awaited)
