"""Which image a device boots: always a whole one, and a new one gets one attempt."""

import pytest

from device_world import CuttableStorage
from images import image_bytes
from ota_device.boot import boot
from ota_device.errors import FlashError
from ota_device.flash import RECORD, Event, Flash, State, Target
from ota_device.image import CRASH
from ota_device.reasons import Code
from ota_device.reception import Piece
from ota_device.versions import Version

FACTORY = b"the factory image"
FIRST = Version(0, 9, 0)
NEXT = Version(0, 9, 1)
IMAGE = image_bytes(1000)


def factory(storage: CuttableStorage) -> Flash:
    flash = Flash(storage)
    flash.install(FACTORY, FIRST)
    return flash


def updated(storage: CuttableStorage, image: bytes = IMAGE) -> Flash:
    flash = factory(storage)
    flash.open(Target("job-1", "s", 0, len(image), 4096))
    flash.write(Piece(0, 0, image))
    flash.complete(NEXT)
    return flash


@pytest.fixture
def storage():
    return CuttableStorage()


def test_the_factory_image_is_booted(storage):
    booted = boot(factory(storage))
    assert (booted.slot, booted.version, booted.old, booted.testing, booted.subject) == (
        "slot-a", FIRST, FIRST, False, None
    )  # fmt: skip


def test_a_new_image_is_tried_and_that_is_written_down_before_it_runs(storage):
    booted = boot(updated(storage))
    assert (booted.slot, booted.version, booted.old, booted.testing, booted.starts) == (
        "slot-b", NEXT, FIRST, True, True
    )  # fmt: skip
    subject = Flash(storage).subject
    assert subject is not None
    assert subject.state is State.TESTING
    assert booted.subject == subject


def test_the_second_boot_without_a_verdict_goes_back_to_the_old_image(storage):  # one attempt
    boot(updated(storage))
    booted = boot(Flash(storage))
    assert (booted.slot, booted.testing) == ("slot-a", False)
    assert booted.subject is not None
    assert booted.subject.state is State.REJECTED
    assert boot(Flash(storage)) == booted  # and it stays there


@pytest.mark.parametrize("reported", [False, True])
def test_an_accepted_image_is_booted_from_then_on(storage, reported):
    flash = updated(storage)
    boot(flash)
    flash.mark(Event.ACCEPT)
    if reported:
        flash.mark(Event.REPORTED)
    booted = boot(Flash(storage))
    assert (booted.slot, booted.version, booted.old, booted.testing) == ("slot-b", NEXT, FIRST, False)
    assert (booted.subject is None) == reported


def test_a_rejected_image_is_not_booted_again(storage):
    flash = updated(storage)
    boot(flash)
    flash.mark(Event.REJECT, Code.SAME_VERSION)
    booted = boot(Flash(storage))
    assert booted.slot == "slot-a"
    assert booted.subject is not None
    assert booted.subject.reason == Code.SAME_VERSION


def test_a_download_in_the_spare_slot_does_not_matter(storage):
    flash = factory(storage)
    flash.open(Target("job-1", "s", 0, 1000, 256))
    booted = boot(Flash(storage))
    assert (booted.slot, booted.testing) == ("slot-a", False)
    assert booted.subject is not None
    assert booted.subject.state is State.RECEIVING


def test_a_new_image_that_was_damaged_is_never_started(storage):
    updated(storage)
    storage.write("slot-b", 500, b"\0\0\0\0")
    booted = boot(Flash(storage))
    assert (booted.slot, booted.testing) == ("slot-a", False)
    assert booted.subject is not None
    assert (booted.subject.state, booted.subject.reason) == (State.REJECTED, Code.IMAGE_STATE)


def test_when_the_current_image_is_damaged_the_one_before_is_booted(storage):
    flash = updated(storage)
    boot(flash)
    flash.mark(Event.ACCEPT)
    flash.mark(Event.REPORTED)
    storage.write("slot-b", 0, b"\0\0\0\0")
    booted = boot(Flash(storage))
    assert (booted.slot, booted.version) == ("slot-a", FIRST)
    assert Flash(storage).known.current == "slot-a"


def test_a_flash_without_a_whole_image_is_said(storage):
    factory(storage)
    storage.write("slot-a", 0, b"X")
    with pytest.raises(FlashError, match=r"^no slot of this flash holds a whole image: remove its directory"):
        boot(Flash(storage))


@pytest.mark.parametrize("image", [IMAGE + CRASH, b"1"])
def test_rubbish_does_not_start(storage, image):  # ImageCrashed, SingleByteImage
    booted = boot(updated(storage, image))
    assert (booted.testing, booted.starts) == (True, False)
    assert boot(Flash(storage)).slot == "slot-a"


def test_a_version_in_the_record_that_is_none_counts_as_zero(storage):
    factory(storage)
    storage.replace(RECORD, (storage.read(RECORD) or b"").replace(b'"0.9.0"', b'"?"'))
    assert boot(Flash(storage)).version == Version(0, 0, 0)
