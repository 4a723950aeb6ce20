"""Which streams there can be, and how they change."""

import pytest

from images import MemoryImage
from ota_stream.errors import OtaStreamError
from ota_stream.streams.catalog import Catalog, CatalogError, ImageError, ImageForbidden, ImageGone
from ota_stream.streams.options import StreamOptions

IMAGE = MemoryImage(b"firmware")
OTHER = MemoryImage(b"newer firmware")


def test_a_new_stream_has_version_1():
    """SC-6, CL-2."""
    stream = Catalog().put("fw", {0: IMAGE}, "Door lock")
    assert (stream.stream_id, stream.version, stream.description) == ("fw", 1, "Door lock")


def test_size_and_tag_are_taken_when_the_stream_is_made():
    """SC-9."""
    image = MemoryImage(b"firmware")
    file = Catalog().put("fw", {0: image}).files[0]
    assert (file.file_id, file.size, file.etag, file.image) == (0, 8, image.etag(), image)
    image.changed = True
    assert file.etag != image.etag()


def test_files_stand_in_the_order_of_their_ids():
    assert list(Catalog().put("fw", {255: IMAGE, 0: IMAGE, 7: OTHER}).files) == [0, 7, 255]


def test_an_update_replaces_all_files_and_raises_the_version():
    """SC-2, SC-9."""
    catalog = Catalog()
    first = catalog.put("fw", {0: IMAGE, 1: IMAGE}, "Door lock")
    second = catalog.update("fw", {0: OTHER})
    assert (second.version, list(second.files), second.files[0].size) == (2, [0], 14)
    assert second.description == "Door lock"
    assert first.version == 1
    assert catalog.find("fw") == second


def test_versions_end_at_65535():
    """SC-6."""
    catalog = Catalog()
    catalog.put("fw", {0: IMAGE})
    for _ in range(65_534):
        last = catalog.update("fw", {0: IMAGE})
    assert last.version == 65_535
    with pytest.raises(CatalogError, match="65535 versions"):
        catalog.update("fw", {0: IMAGE})


@pytest.mark.parametrize("stream_id", ["a", "Z9_-", "a" * 44, "a" * 128])
def test_a_good_stream_id_is_taken(stream_id):
    """ST-11."""
    catalog = Catalog()
    assert catalog.find(stream_id) is None
    assert catalog.put(stream_id, {0: IMAGE}) is catalog.find(stream_id)


@pytest.mark.parametrize("stream_id", ["", "a" * 129, "a b", "a/b", "a.b", "a:b", "a+", "#", "\u00e9", "a\n"])
def test_a_bad_stream_id_is_refused(stream_id):
    """ST-11."""
    catalog = Catalog()
    with pytest.raises(CatalogError, match="stream id"):
        catalog.put(stream_id, {0: IMAGE})
    assert list(catalog) == []


def test_a_taken_stream_id_is_refused_and_the_stream_stays():
    catalog = Catalog()
    stream = catalog.put("fw", {0: IMAGE})
    with pytest.raises(CatalogError, match="exists already"):
        catalog.put("fw", {0: OTHER})
    assert catalog.find("fw") is stream


@pytest.mark.parametrize("file_id", [-1, 256])
def test_a_file_id_out_of_range_is_refused(file_id):
    """SG-3."""
    catalog = Catalog()
    with pytest.raises(CatalogError, match=r"outside 0\.\.255"):
        catalog.put("fw", {file_id: IMAGE})
    assert catalog.find("fw") is None


@pytest.mark.parametrize(("limit", "options"), [(10, StreamOptions()), (50, StreamOptions(files_per_stream=50))])
def test_a_stream_has_at_least_one_file_and_not_too_many(limit, options):
    """Q-6, G-15."""
    catalog = Catalog(options)
    assert len(catalog.put("full", dict.fromkeys(range(limit), IMAGE)).files) == limit
    for count in (0, limit + 1):
        with pytest.raises(CatalogError, match=f"1 to {limit} files, not {count}"):
            catalog.put("fw", dict.fromkeys(range(count), IMAGE))
        with pytest.raises(CatalogError, match=f"1 to {limit} files, not {count}"):
            catalog.update("full", dict.fromkeys(range(count), IMAGE))
    assert [stream.version for stream in catalog] == [1]


@pytest.mark.parametrize(("limit", "options"), [(10_000, StreamOptions()), (3, StreamOptions(streams_max=3))])
def test_there_are_not_too_many_streams(limit, options):
    """Q-8, Q-12, G-15."""
    catalog = Catalog(options)
    for number in range(limit):
        catalog.put(f"fw-{number}", {0: IMAGE})
    with pytest.raises(
        CatalogError, match=r"^You have exceeded the limit for the number of streams in your AWS account\.$"
    ):
        catalog.put("fw", {0: IMAGE})
    catalog.delete("fw-0")
    catalog.put("fw", {0: IMAGE})
    assert len(list(catalog)) == limit


@pytest.mark.parametrize(
    "change", [lambda catalog: catalog.update("fw", {0: IMAGE}), lambda catalog: catalog.delete("fw")]
)
def test_a_stream_that_is_not_there_cannot_be_changed(change):
    with pytest.raises(CatalogError, match=r"there is no stream .?fw"):
        change(Catalog())


@pytest.mark.parametrize("fault", [ImageGone, ImageForbidden, ImageError])
def test_an_image_that_cannot_be_read_makes_no_stream_and_no_version(fault):
    catalog, broken = Catalog(), MemoryImage(b"firmware")
    stream = catalog.put("fw", {0: broken})
    broken.etag_fault = fault("cannot be read")
    with pytest.raises(fault):
        catalog.put("other", {0: broken})
    with pytest.raises(fault):
        catalog.update("fw", {0: broken})
    assert list(catalog) == [stream]
    assert issubclass(fault, OtaStreamError)


def test_every_error_is_one_line_for_a_person():
    catalog = Catalog(StreamOptions(streams_max=0))
    for attempt in (
        lambda: catalog.put("bad\nid", {0: IMAGE}),
        lambda: catalog.put("fw", {0: IMAGE}),
        lambda: catalog.delete("bad\nid" * 2),
    ):
        with pytest.raises(CatalogError) as refused:
            attempt()
        assert "\n" not in str(refused.value)
