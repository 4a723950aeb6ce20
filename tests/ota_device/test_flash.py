"""The flash: what its slots hold and how that changes; nothing half written ever counts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from device_world import CuttableStorage, PowerCut
from images import image_bytes
from ota_device.errors import FlashError
from ota_device.flash import (
    BOOTABLE,
    RECORD,
    SLOTS,
    SYNC_EVERY,
    TRANSITIONS,
    UNDER_UPDATE,
    Event,
    Flash,
    State,
    Target,
)
from ota_device.reception import Piece
from ota_device.station import in_use
from ota_device.storage import FolderStorage
from ota_device.versions import Version

FACTORY = b"factory"
FIRST = Version(0, 9, 0)
NEXT = Version(0, 9, 1)
IMAGE = image_bytes(256 * 20 + 7)
TARGET = Target("job-1", "s", 0, len(IMAGE), 256)
TOTAL = 21
ALL = (1 << TOTAL) - 1


def pieces(image: bytes = IMAGE, block_size: int = 256) -> list[Piece]:
    starts = range(0, len(image), block_size)
    return [Piece(number, start, image[start : start + block_size]) for number, start in enumerate(starts)]


def installed(storage) -> Flash:
    flash = Flash(storage)
    if flash.record is None:
        flash.install(FACTORY, FIRST)
    return flash


def downloaded(storage) -> Flash:
    flash = installed(storage)
    flash.open(TARGET)
    for piece in pieces():
        flash.write(piece)
    return flash


@pytest.fixture(params=["memory", "folder"])
def storage(request, tmp_path):
    return CuttableStorage() if request.param == "memory" else FolderStorage(tmp_path / "flash")


def test_a_new_flash_has_no_record_until_the_factory_image_is_in(storage):
    flash = Flash(storage)
    assert flash.record is None
    with pytest.raises(FlashError, match="no image yet"):
        _ = flash.known
    flash.install(FACTORY, FIRST)
    again = Flash(storage)
    assert again.known == flash.known
    assert again.image("slot-a") == FACTORY
    assert (again.known.current, again.known.spare, again.subject) == ("slot-a", "slot-b", None)
    assert again.is_whole("slot-a")
    assert not again.is_whole("slot-b")


def test_a_download_becomes_bootable_only_when_it_is_complete(storage):
    flash = downloaded(storage)
    assert flash.downloaded() == IMAGE
    assert not flash.is_whole("slot-b")
    flash.complete(NEXT)
    flash.mark(Event.BOOT)
    assert flash.is_whole("slot-b")
    assert (flash.known.slots["slot-b"].version, flash.known.current) == ("0.9.1", "slot-a")


def test_an_image_that_says_its_version_is_believed(storage):
    image = b"...OTA-VERSION:1.2.3..."
    flash = installed(storage)
    flash.open(Target("j", "s", 0, len(image), 256))
    flash.write(Piece(0, 0, image))
    flash.complete(NEXT)
    assert flash.known.slots["slot-b"].version == "1.2.3"


def test_a_download_goes_on_where_it_stopped(storage):
    flash = installed(storage)
    assert flash.open(TARGET) == ALL
    for piece in pieces()[: SYNC_EVERY + 2]:
        flash.write(piece)
    flash.sync()
    again = Flash(storage)
    assert again.open(TARGET) == ALL & ~((1 << SYNC_EVERY + 2) - 1)


def test_blocks_are_marked_by_the_batch(storage):
    flash = installed(storage)
    flash.open(TARGET)
    for piece in pieces()[: SYNC_EVERY + 2]:
        flash.write(piece)
    assert Flash(storage).open(TARGET) == ALL & ~((1 << SYNC_EVERY) - 1)


@pytest.mark.parametrize(
    "other",
    [
        Target("job-2", "s", 0, len(IMAGE), 256),
        Target("job-1", "t", 0, len(IMAGE), 256),
        Target("job-1", "s", 1, len(IMAGE), 256),
        Target("job-1", "s", 0, len(IMAGE) - 1, 256),
        Target("job-1", "s", 0, len(IMAGE), 256, "another signature"),
    ],
)
def test_another_download_begins_at_block_0(storage, other):
    downloaded(storage).sync()
    assert Flash(storage).open(other) == ALL


def test_what_was_dropped_begins_at_block_0(storage):
    flash = downloaded(storage)
    flash.mark(Event.DROP)
    assert flash.subject is None
    assert flash.open(TARGET) == ALL


def test_an_accepted_image_is_the_one_to_boot_and_the_old_one_stays(storage):
    flash = downloaded(storage)
    flash.complete(NEXT)
    for event in (Event.BOOT, Event.ACCEPT):
        flash.mark(event)
    assert (flash.known.current, flash.known.spare) == ("slot-b", "slot-a")
    flash.mark(Event.REPORTED)
    assert [slot.state for slot in flash.known.slots.values()] == [State.VALID, State.VALID]
    assert flash.is_whole("slot-a")


def test_the_reason_of_a_rejection_is_kept(storage):
    flash = downloaded(storage)
    flash.complete(NEXT)
    flash.mark(Event.BOOT)
    flash.mark(Event.REJECT, 0x10)
    subject = Flash(storage).subject
    assert subject is not None
    assert (subject.state, subject.reason, subject.target) == (State.REJECTED, 0x10, TARGET)


def test_an_event_without_a_row_changes_nothing(storage):
    flash = installed(storage)
    before = flash.known
    for event in Event:
        flash.mark(event)
    assert flash.known == before
    with pytest.raises(FlashError, match="no slot is under update"):
        flash.complete(NEXT)


def test_a_slot_that_lost_a_byte_is_not_whole(storage):
    flash = installed(storage)
    storage.write("slot-a", 2, b"X")
    assert not flash.is_whole("slot-a")


@pytest.mark.parametrize("written", [b"", b"{", b"[]", b'{"current":"slot-a"}'])
def test_a_record_that_cannot_be_read_is_said(storage, written):
    storage.replace(RECORD, written)
    with pytest.raises(FlashError, match=r"boot record of this flash cannot be read .*: remove its directory"):
        Flash(storage)


def test_every_state_can_be_left_and_the_sets_fit_the_table():
    assert {state for state, _ in TRANSITIONS} == set(State)
    assert State.RECEIVING not in BOOTABLE
    assert {State.EMPTY, State.VALID} == set(State) - UNDER_UPDATE


# Power cuts


def scenario(storage) -> None:
    """Update once, from the factory on."""
    flash = downloaded(storage)
    flash.complete(NEXT)
    for event in (Event.BOOT, Event.ACCEPT, Event.REPORTED):
        flash.mark(event)


def writes_of_scenario() -> int:
    storage = CuttableStorage()
    scenario(storage)
    return storage.writes


@pytest.mark.parametrize("cut", range(1, writes_of_scenario() + 1))
def test_at_every_write_a_cut_leaves_a_whole_image_and_an_honest_bitmap(cut):
    for seed in range(8):
        storage = CuttableStorage((cut,), seed)
        with pytest.raises(PowerCut):
            scenario(storage)
        flash = Flash(storage)
        if flash.record is None:  # the factory image was not in yet
            flash.install(FACTORY, FIRST)
        assert flash.is_whole(flash.known.current)
        for name, slot in flash.known.slots.items():
            if slot.state in BOOTABLE or slot.state is State.NEW:
                assert flash.image(name) in {FACTORY, IMAGE}
        subject = flash.subject
        if subject is not None and subject.state is State.RECEIVING:
            missing = flash.open(TARGET)
            for piece in pieces():
                here = not missing >> piece.block_id & 1
                assert not here or flash._read("slot-b")[piece.start :].startswith(piece.data)


def test_what_was_written_before_a_second_open_is_durable_before_it_is_bootable():
    storage = CuttableStorage()
    flash = downloaded(storage)  # the last blocks are not synced
    flash.open(TARGET)
    flash.complete(NEXT)
    storage._settle(lambda _: True, lambda: False)
    flash = Flash(storage)
    flash.mark(Event.BOOT)
    assert flash.is_whole("slot-b")


class FlashMachine(RuleBasedStateMachine):
    """Any order of events and cuts: the current slot is always whole, at most one slot is under update."""

    def __init__(self) -> None:
        super().__init__()
        self.storage = CuttableStorage()
        self.flash = installed(self.storage)

    @rule(blocks=st.integers(0, TOTAL))
    def receive(self, blocks):
        subject = self.flash.subject
        if subject is not None and subject.state is not State.RECEIVING:
            return
        missing = self.flash.open(TARGET)
        for piece in pieces()[:blocks]:
            if missing >> piece.block_id & 1:
                self.flash.write(piece)

    @precondition(lambda self: self.flash.subject is not None and self.flash.subject.state is State.RECEIVING)
    @rule()
    def complete(self):
        if self.flash.downloaded() == IMAGE:
            self.flash.complete(NEXT)

    @rule(event=st.sampled_from(sorted(set(Event) - {Event.OPEN, Event.COMPLETE})))
    def mark(self, event):
        self.flash.mark(event)

    @rule(
        cut=st.integers(1, 12), seed=st.integers(0, 99), event=st.sampled_from([Event.BOOT, Event.ACCEPT, Event.DROP])
    )
    def cut(self, cut, seed, event):
        files = self.storage.files
        self.storage._settle(lambda _: True, lambda: False)
        self.storage = CuttableStorage((cut,), seed, files)
        try:
            self.flash = Flash(self.storage)
            self.receive(blocks=TOTAL)
            self.flash.mark(event)
        except PowerCut:
            self.flash = Flash(self.storage)
        self.storage._cuts.clear()

    @invariant()
    def the_current_slot_is_whole(self):
        assert self.flash.is_whole(self.flash.known.current)

    @invariant()
    def one_slot_at_most_is_under_update(self):
        states = [slot.state for slot in self.flash.known.slots.values()]
        assert sum(state in UNDER_UPDATE for state in states) <= 1

    @invariant()
    def the_record_on_the_flash_is_the_one_in_memory(self):
        assert Flash(self.storage).known == self.flash.known


TestFlashMachine = FlashMachine.TestCase


# Real files


def test_a_folder_that_cannot_be_one_is_said(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(FlashError, match="cannot be used: "):
        FolderStorage(tmp_path / "file")


def test_a_file_that_cannot_be_read_is_said(tmp_path):
    (tmp_path / RECORD).mkdir()
    with pytest.raises(FlashError, match="cannot be used: Is a directory"):
        Flash(FolderStorage(tmp_path))


def test_a_folder_keeps_what_was_written(tmp_path):
    storage = FolderStorage(tmp_path)
    storage.write("slot", 3, b"abc")
    storage.sync("slot")
    storage.write("slot", 4, b"X")
    assert storage.read("slot") == b"\0\0\0aXc"
    storage.replace("slot", b"new")
    assert storage.read("slot") == b"new"
    assert storage.read("other") is None
    assert [path.name for path in tmp_path.iterdir()] == ["slot"]


def test_a_flash_is_for_one_device_at_a_time(tmp_path):
    folder = tmp_path / "flash"
    with in_use(folder), pytest.raises(FlashError, match="another device runs with the flash"), in_use(folder):
        pass
    with in_use(folder):
        pass


def test_a_flash_under_a_file_is_said(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(FlashError, match="cannot be used"), in_use(tmp_path / "file" / "flash"):
        pass


@given(st.sets(st.integers(0, TOTAL - 1)))
def test_the_bitmap_says_what_is_missing(here):
    storage = CuttableStorage()
    flash = installed(storage)
    flash.open(TARGET)
    for piece in pieces():
        if piece.block_id in here:
            flash.write(piece)
    flash.sync()
    assert Flash(storage).open(TARGET) == ALL & ~sum(1 << block_id for block_id in here)


def test_slots_have_two_names():
    assert len(set(SLOTS)) == 2
