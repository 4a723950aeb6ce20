"""Objects: every version stays, the newest is found without its name, and what is gone says so."""

from pathlib import Path

import pytest

from images import image_bytes
from ota_stream.errors import ControlError
from ota_stream.stores.errors import StoreError
from ota_stream.stores.objects import ObjectRow, ObjectStore
from ota_stream.streams.catalog import Catalog, ImageGone

ONE, TWO = image_bytes(10_000, "one"), image_bytes(5000, "two")


def test_versions_stay_and_the_newest_is_the_default(tmp_path: Path):
    table: dict[str, ObjectRow] = {}
    store = ObjectStore(tmp_path / "objects", table)
    first = store.put("firmware", "app.bin", ONE)
    second = store.put("firmware", "app.bin", TWO)
    store = ObjectStore(tmp_path / "objects", table)  # after a restart
    assert store.find("firmware", "app.bin").version == second
    old = store.find("firmware", "app.bin", first)
    assert (old.image.size, old.image.read(100, 200)) == (len(ONE), ONE[100:200])
    assert old.image.etag() != store.find("firmware", "app.bin", second).image.etag()


def test_the_same_bytes_are_kept_once(tmp_path: Path):
    store = ObjectStore(tmp_path / "objects", {})
    store.put("a", "k", ONE)
    store.put("b", "../../k", ONE)  # A5: names are no paths
    assert len(list((tmp_path / "objects").iterdir())) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["objects"]
    assert store.find("b", "../../k").image.read(0, 10) == ONE[:10]


def test_a_key_that_looks_like_a_version_is_another_key(tmp_path: Path):
    store = ObjectStore(tmp_path / "objects", {})
    version = store.put("b", "k", ONE)
    for key in (f"k?{version}", f"{version}/b/k", f"k/{version}"):
        store.put("b", key, TWO)
    assert store.find("b", "k", version).image.read(0, 20) == ONE[:20]
    assert store.find("b", "k").image.read(0, 20) == ONE[:20]


def test_what_is_not_there_says_so(tmp_path: Path):
    store = ObjectStore(tmp_path / "objects", {})
    version = store.put("b", "k", ONE)
    for bucket, key, wanted in [("b", "x", None), ("x", "k", None), ("b", "k", "0" * 32)]:
        with pytest.raises(ImageGone):
            store.find(bucket, key, wanted)
    image = store.find("b", "k", version).image
    next((tmp_path / "objects").iterdir()).unlink()
    with pytest.raises(ImageGone):
        image.etag()
    with pytest.raises(ImageGone):
        image.read(0, 1)


def test_an_image_that_was_read_stays_served(tmp_path: Path):
    store = ObjectStore(tmp_path / "objects", {})
    store.put("b", "k", ONE)
    stream = Catalog().put("s", {0: store.find("b", "k").image})
    image = stream.files[0].image
    image.read(0, 1)
    next((tmp_path / "objects").iterdir()).unlink()
    assert (image.etag(), image.read(5, 9)) == (stream.files[0].etag, ONE[5:9])


@pytest.mark.parametrize("size", [0, 25_165_825])
def test_an_image_a_stream_cannot_carry_is_refused(tmp_path: Path, size: int):
    with pytest.raises(ControlError):
        ObjectStore(tmp_path / "objects", {}).put("b", "k", bytes(size))


def test_a_folder_that_cannot_be_written_is_one_line_and_changes_nothing(tmp_path: Path):  # R9
    (tmp_path / "objects").touch()
    table: dict[str, ObjectRow] = {}
    with pytest.raises(StoreError, match="cannot be kept"):
        ObjectStore(tmp_path / "objects", table).put("b", "k", ONE)
    assert table == {}
