import errno
import hashlib
import json
import os
import time
from pathlib import Path

import pytest

from images import image_bytes
from ota_stream.stores import files
from ota_stream.stores.files import FirmwareError, FirmwareFile
from ota_stream.streams import topics
from ota_stream.streams.catalog import Catalog, ImageForbidden, ImageGone
from ota_stream.streams.quotas import FILE_SIZE_MAX
from ota_stream.streams.service import StreamService
from ota_stream.streams.topics import Format, Operation

CONTENT = image_bytes(10_000)
pytestmark = pytest.mark.usefixtures("descriptors")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "firmware.bin"
    path.write_bytes(CONTENT)
    return path


@pytest.fixture
def later(monkeypatch) -> None:
    """Let every file look as if it had not been touched for a minute."""
    now = time.time_ns
    monkeypatch.setattr(files.time, "time_ns", lambda: now() + 60 * 10**9)


def test_a_file_is_taken_in_whole(path):
    image = FirmwareFile(path)
    assert (image.size, image.sha256) == (10_000, hashlib.sha256(CONTENT).hexdigest())
    assert image.read(4096, 8192) == CONTENT[4096:8192]
    assert image.etag() == FirmwareFile(path).etag()


def test_the_largest_file_is_taken_in(path):
    os.truncate(path, FILE_SIZE_MAX)
    assert FirmwareFile(path).size == FILE_SIZE_MAX


def test_a_symbolic_link_stands_for_its_target(path, tmp_path):  # R18
    (tmp_path / "latest.bin").symlink_to(path)
    assert FirmwareFile(tmp_path / "latest.bin").size == 10_000


def larger(path: Path) -> None:
    os.truncate(path, FILE_SIZE_MAX + 1)


def fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


def zeros(path: Path) -> None:
    path.unlink()
    path.symlink_to("/dev/zero")


@pytest.mark.parametrize(
    ("ruin", "complaint"),
    [
        (Path.unlink, "No such file or directory"),
        (lambda path: os.truncate(path, 0), "is empty"),
        (larger, "is larger than 25165824 bytes"),
        (fifo, "Not a regular file"),  # and does not wait for a writer
        (zeros, "Not a regular file"),
        (directory, "Is a directory"),
    ],
)
def test_what_is_no_firmware_is_refused_in_one_line(path, ruin, complaint):  # R17
    ruin(path)
    with pytest.raises(FirmwareError, match=complaint) as caught:
        FirmwareFile(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def forbid(patch: pytest.MonkeyPatch) -> None:
    def refuse(*_):
        raise PermissionError(errno.EACCES, "Permission denied")

    patch.setattr(os, "open", refuse)


def test_a_file_that_may_not_be_read_is_refused(path, monkeypatch):  # R17
    with monkeypatch.context() as patch:
        forbid(patch)
        with pytest.raises(FirmwareError, match="Permission denied"):
            FirmwareFile(path)


def test_a_file_that_is_being_written_is_refused(path, monkeypatch):  # R16
    read = files._content

    def read_while_it_grows(where: Path) -> bytes:
        content = read(where)
        with where.open("ab") as file:
            file.write(b"more")
        return content

    monkeypatch.setattr(files, "_content", read_while_it_grows)
    with pytest.raises(FirmwareError, match="changed while it was read"):
        FirmwareFile(path)


@pytest.mark.usefixtures("later")
def test_a_file_that_rests_is_not_read_again(path, monkeypatch):
    image = FirmwareFile(path)
    assert not image.changed()
    monkeypatch.setattr(files, "_content", lambda _: pytest.fail("read again"))
    image.recheck()


def test_a_file_just_written_is_read_again_for_it_could_change_and_look_the_same(path, monkeypatch):
    moment = path.stat().st_ctime_ns + 1_000
    monkeypatch.setattr(files.time, "time_ns", lambda: moment)
    image = FirmwareFile(path)
    assert image.changed()
    monkeypatch.setattr(files.time, "time_ns", lambda: moment + 10**9)
    image.recheck()
    assert not image.changed()


@pytest.mark.usefixtures("later")
def test_a_touched_file_keeps_its_tag(path):  # R16
    image = FirmwareFile(path)
    tag = image.etag()
    os.utime(path, (1, 1))
    assert image.changed()
    image.recheck()
    assert image.etag() == tag
    assert not image.changed()


def other_bytes(path: Path) -> None:
    path.write_bytes(image_bytes(10_000, "other"))


def exchanged(path: Path) -> None:
    new = path.with_suffix(".new")
    new.write_bytes(image_bytes(10_000, "other"))
    new.replace(path)


def grown(path: Path) -> None:
    path.write_bytes(CONTENT + b"x")


@pytest.mark.parametrize(
    "change",
    [other_bytes, exchanged, grown, larger, lambda path: os.truncate(path, 9_999), lambda p: os.truncate(p, 0)],
)
def test_changed_content_has_another_tag_until_it_is_restored(path, change):  # R16, SC-9
    image = FirmwareFile(path)
    tag = image.etag()
    change(path)
    image.recheck()
    assert image.etag() != tag
    assert (image.size, image.read(0, 10_000)) == (10_000, CONTENT)
    path.write_bytes(CONTENT)
    image.recheck()
    assert image.etag() == tag


@pytest.mark.parametrize(
    ("ruin", "error"), [(Path.unlink, ImageGone), (fifo, ImageForbidden), (directory, ImageForbidden)]
)
def test_a_file_that_is_lost_cannot_be_served_until_it_is_back(path, ruin, error):  # R17
    image = FirmwareFile(path)
    tag = image.etag()
    ruin(path)
    image.recheck()
    with pytest.raises(error, match="cannot be read any more"):
        image.etag()
    if path.is_dir():
        path.rmdir()
    path.unlink(missing_ok=True)
    path.write_bytes(CONTENT)
    image.recheck()
    assert image.etag() == tag


@pytest.mark.usefixtures("later")
def test_a_file_whose_folder_is_gone_is_gone_and_not_looked_for_in_vain(path, tmp_path):
    image = FirmwareFile(path)
    path.unlink()
    image.recheck()
    assert not image.changed()
    tmp_path.rmdir()
    tmp_path.touch()
    image.reread()
    with pytest.raises(ImageGone):
        image.etag()


@pytest.mark.usefixtures("later")
def test_a_permission_that_comes_back_without_a_trace_is_noticed(path, monkeypatch):  # R17
    image = FirmwareFile(path)
    os.utime(path, (1, 1))
    with monkeypatch.context() as patch:
        forbid(patch)
        image.recheck()
    with pytest.raises(ImageForbidden):
        image.etag()
    assert image.changed()
    image.recheck()
    assert image.etag() == image.sha256


def test_a_change_between_any_two_blocks_is_a_mismatch_and_never_a_mixed_image(path):  # R16, SC-9
    image = FirmwareFile(path)
    catalog = Catalog()
    catalog.put("s", {0: image})
    service, topic = StreamService(catalog), topics.build("t", "s", Operation.GET, Format.JSON)

    def ask(block: int) -> str:
        answer = service.answer(topic, json.dumps({"f": 0, "l": 4096, "o": block, "n": 1}).encode(), "c", 0.0)
        return answer.record.failure or "sent"

    for block in range(3):
        other_bytes(path)
        image.recheck()
        assert ask(block) == "The ETag does not match"
        path.unlink()
        image.recheck()
        assert ask(block) == "The requested file was not found"
        path.mkdir()
        image.recheck()
        assert ask(block) == "The request is not authorized to access the stream file"
        path.rmdir()
        path.write_bytes(CONTENT)
        image.recheck()
        assert ask(block) == "sent"
