"""What the service does beyond a single request: caching, repetition, storage that fails, many things at once."""

import gc
import weakref

import cbor2
import pytest

from images import MemoryImage, image_bytes
from ota_stream.streams import topics
from ota_stream.streams.catalog import Catalog, ImageError, ImageForbidden, ImageGone
from ota_stream.streams.options import StreamOptions
from ota_stream.streams.service import PLAN_BYTES, PLANNED_PAYLOAD_MAX, StreamService
from ota_stream.streams.topics import Format, Operation
from vectors import Case, Vector, bits, written_block, written_rejection

JSON_GET = topics.build("t", "fw", Operation.GET, Format.JSON)
CBOR_GET = topics.build("t", "fw", Operation.GET, Format.CBOR)
DESCRIBE = topics.build("t", "fw", Operation.DESCRIBE, Format.JSON)
CONTENT = image_bytes(10_000)
FIRST_TWO = b'{"f":0,"l":4096,"n":2}'


@pytest.fixture
def image():
    return MemoryImage(CONTENT)


@pytest.fixture
def catalog(image):
    catalog = Catalog()
    catalog.put("fw", {0: image})
    return catalog


@pytest.fixture
def service(catalog):
    return StreamService(catalog)


def ask(service, payload=FIRST_TWO, topic=JSON_GET):
    return service.answer(topic, payload, "c", 5.0)


def blocks_of(content, *block_ids, wire="json", echo=None):
    return [written_block(wire, echo, 0, i, content[i * 4096 : (i + 1) * 4096]) for i in block_ids]


def payloads(answer):
    return [reply.payload for reply in answer.replies]


def refusal(code, message):
    return [written_rejection("json", None, (code, message))]


def test_a_request_is_answered_again_in_full_and_recorded_again(service):
    """SB-10."""
    first, second = ask(service), ask(service)
    assert payloads(first) == payloads(second) == blocks_of(CONTENT, 0, 1)
    assert first.record == second.record
    assert first.record is not second.record


def test_a_block_is_read_once_and_served_from_memory_then(service, image):
    for echo in (None, "a", "b"):
        token = "" if echo is None else f'"c":"{echo}",'
        answer = ask(service, f'{{{token}"f":0,"l":4096,"n":2}}'.encode())
        assert payloads(answer) == blocks_of(CONTENT, 0, 1, echo=echo)
    assert image.reads == [(0, 4096), (4096, 8192)]


def test_the_last_block_is_read_to_the_end_of_the_file_and_no_further(service, image):
    """SB-1."""
    ask(service, b'{"f":0,"l":4096,"o":2,"n":1}')
    assert image.reads == [(8192, 10_000)]


def test_both_formats_and_all_block_sizes_are_kept_apart(service):
    for _ in range(2):
        assert payloads(ask(service)) == blocks_of(CONTENT, 0, 1)
        cbor = ask(service, cbor2.dumps({"f": 0, "l": 4096, "n": 2}), CBOR_GET)
        assert payloads(cbor) == blocks_of(CONTENT, 0, 1, wire="cbor")
        small = ask(service, b'{"f":0,"l":256,"n":1}')
        assert payloads(small) == [written_block("json", None, 0, 0, CONTENT[:256])]


def test_files_with_the_same_content_keep_their_own_ids(catalog, service, image):
    catalog.put("twins", {0: image, 9: image})
    topic = topics.build("t", "twins", Operation.GET, Format.JSON)
    for file_id in (0, 9, 0):
        answer = ask(service, b'{"f":%d,"l":4096,"n":1}' % file_id, topic)
        assert payloads(answer) == [written_block("json", None, file_id, 0, CONTENT[:4096])]


def test_without_room_for_a_single_block_every_answer_is_still_right(catalog, image):
    service = StreamService(catalog, cache_max=100, plans_max=100)
    for _ in range(2):
        assert payloads(ask(service)) == blocks_of(CONTENT, 0, 1)
    assert len(image.reads) == 4


def test_an_object_that_changes_is_noticed_although_its_blocks_are_in_memory(service, image):
    """SC-9."""
    assert ask(service).record.failure is None
    image.changed = True
    answer = ask(service)
    assert payloads(answer) == refusal("ETagMismatch", "The ETag does not match")
    assert answer.record.failure == "The ETag does not match"
    image.changed = False
    assert ask(service).record.failure is None


def test_an_update_serves_the_new_content_and_the_old_version_no_more(catalog, service):
    """SC-2, SC-9, SG-2, SB-11."""
    ask(service)
    newer = image_bytes(9_000, "newer")
    catalog.update("fw", {0: MemoryImage(newer)})
    assert payloads(ask(service)) == blocks_of(newer, 0, 1)
    old = ask(service, b'{"s":1,"f":0,"l":4096,"n":1}')
    assert payloads(old) == refusal("VersionMismatch", "The stream version does not match")
    assert payloads(ask(service, b"{}", DESCRIBE)) == [b'{"s":2,"r":[{"f":0,"z":9000}]}']


def test_a_deleted_stream_is_not_found(catalog, service):
    ask(service)
    catalog.delete("fw")
    expected = refusal("ResourceNotFound", "The requested stream was not found")
    assert payloads(ask(service)) == payloads(ask(service, b"{}", DESCRIBE)) == expected


@pytest.mark.parametrize(
    ("fault", "code", "message"),
    [
        (ImageGone("gone"), "ResourceNotFound", "The requested file was not found"),
        (ImageForbidden("no"), "Unauthorized", "The request is not authorized to access the stream file"),
        (ImageError("the disk is broken"), "InternalError", "Internal error"),
    ],
    ids=["gone", "forbidden", "broken"],
)
def test_storage_that_fails_is_a_rejection_with_a_record(service, image, fault, code, message):
    image.etag_fault = fault
    answer = ask(service)
    assert payloads(answer) == refusal(code, message)
    assert answer.record.failure == message


def test_storage_is_not_touched_before_everything_else_is_right(service, image):
    """EC-6."""
    image.etag_fault = image.read_fault = AssertionError("storage was asked")
    answer = ask(service, b'{"f":0,"l":4096,"o":3,"n":1}')
    assert answer.record.failure == "The data requested is out of the range of data available."


def test_a_hundred_things_read_one_stream_each_on_its_own_topics(service):
    """Section 8, row 9: ST-2, EC-7."""
    for number in range(100):
        topic = topics.build(f"thing-{number}", "fw", Operation.GET, Format.JSON)
        answer = service.answer(topic, FIRST_TWO, f"client-{number}", 5.0)
        assert {reply.topic for reply in answer.replies} == {f"$aws/things/thing-{number}/streams/fw/data/json"}
        assert payloads(answer) == blocks_of(CONTENT, 0, 1)
        assert (answer.record.client_id, answer.record.topic) == (f"client-{number}", topic.text)


def test_a_token_that_is_refused_is_neither_echoed_nor_remembered(service):
    """SG-1, EC-3."""
    long = b'{"c":"%b","f":0,"l":4096,"n":1}' % (b"x" * 65)
    for _ in range(2):
        answer = ask(service, long)
        assert payloads(answer) == refusal("InvalidRequest", "The client token is longer than 64 bytes")
        assert answer.record.client_token is None
    assert payloads(ask(service)) == blocks_of(CONTENT, 0, 1)


def test_more_different_requests_than_are_remembered_are_all_answered(catalog):
    service = StreamService(catalog, plans_max=3 * PLAN_BYTES)
    for number in [*range(5), *range(5)]:
        answer = ask(service, b'{"c":"%d","f":0,"l":4096,"n":0}' % number)
        assert answer.record.client_token == str(number)


def test_a_remembered_request_that_cannot_be_answered_any_more_keeps_its_token(catalog, image, service):
    """EC-3, SC-9: what is remembered is given up, and the whole way says why."""
    payload = b'{"c":"rdy","f":0,"l":4096,"n":1}'
    assert payloads(ask(service, payload)) == blocks_of(CONTENT, 0, echo="rdy")
    image.etag_fault = ImageGone("gone")
    gone = ask(service, payload)
    assert gone.record.client_token == "rdy"  # noqa: S105 - the C agents' word
    assert payloads(gone) == [written_rejection("json", "rdy", ("ResourceNotFound", gone.record.failure))]
    image.etag_fault = None
    assert payloads(ask(service, payload)) == blocks_of(CONTENT, 0, echo="rdy")
    catalog.update("fw", {1: image})
    assert payloads(ask(service, payload)) == [
        written_rejection("json", "rdy", ("ResourceNotFound", gone.record.failure))
    ]


def test_nothing_that_is_remembered_holds_an_image_that_is_gone(catalog, service):
    image = MemoryImage(CONTENT)
    catalog.put("other", {0: image})
    topic = topics.build("t", "other", Operation.GET, Format.JSON)
    assert payloads(ask(service, FIRST_TWO, topic)) == blocks_of(CONTENT, 0, 1)
    seen = weakref.ref(image)
    catalog.delete("other")
    del image
    gc.collect()
    assert seen() is None


def test_a_request_too_long_to_remember_is_read_each_time(service):
    long = FIRST_TWO + b" " * PLANNED_PAYLOAD_MAX
    assert payloads(ask(service, long)) == payloads(ask(service, long)) == blocks_of(CONTENT, 0, 1)


def test_the_options_of_one_service_do_not_reach_another(catalog):
    strict = StreamService(catalog, StreamOptions(unknown_keys="reject"))
    lenient = StreamService(catalog)
    payload = b'{"f":0,"l":4096,"n":2,"x":1}'
    for _ in range(2):
        assert payloads(ask(strict, payload)) == refusal("InvalidJson", "Invalid JSON message")
        assert payloads(ask(lenient, payload)) == blocks_of(CONTENT, 0, 1)


def test_an_empty_body_of_one_operation_is_no_request_of_the_other(service):
    """EC-9."""
    assert payloads(ask(service, b"")) == refusal("InvalidRequest", "The required field f is missing")
    assert payloads(ask(service, b"", DESCRIBE)) == [b'{"s":1,"r":[{"f":0,"z":10000}]}']
    assert payloads(ask(service, b"")) == refusal("InvalidRequest", "The required field f is missing")


def test_the_table_s_own_reader_of_bitmaps_reads_the_documented_one():
    """SBM-3, for the vectors lean on it."""
    assert bits(bytes.fromhex("130080"), 20) == (20, 21, 24, 43)
    with pytest.raises(AssertionError, match="one outcome"):
        Vector("none", "", "fw", {})
    with pytest.raises(AssertionError, match="one format"):
        Vector("raw", "", "fw", b"", blocks=())
    case = Case(Vector("one", "", "tiny", {"f": 0, "l": 256, "b": b"\x01"}, blocks=(0,)), "json")
    assert case.request == b'{"f": 0, "l": 256, "b": "0x01"}'
