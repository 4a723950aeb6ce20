"""The device half of a download, message by message."""

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from images import image_bytes
from ota_device.download import TRANSITIONS, Download, DownloadOptions, Event, Failure, Ignored, State
from ota_device.plan import Mode
from ota_stream.streams.codec import CODECS
from ota_stream.streams.errors import Why
from ota_stream.streams.options import StreamOptions
from ota_stream.streams.topics import Format

SIZE = 60_000  # 15 blocks of 4096, the file of device-agents 3.1
IMAGE = image_bytes(SIZE)
LAST = 14
AGENT = DownloadOptions(client_token="rdy")
LIBRARY = DownloadOptions(mode=Mode.OFFSET, format=Format.JSON, stream_version=1, block_count=1)


def block(block_id: int, *, file_id: int = 0, payload: bytes | None = None, **changes: Any) -> bytes:
    """Return the message that brings a block, in CBOR unless `wire_format` says otherwise."""
    codec = CODECS[changes.get("wire_format", Format.CBOR)]
    if payload is None:
        payload = IMAGE[block_id * 4096 : (block_id + 1) * 4096]
    return codec.block_head(changes.get("c")) + codec.block_body(file_id, block_id, payload)


def rejection(why: Why, token: str | None = None) -> bytes:
    return CODECS[Format.CBOR].encode_rejected(why, token)


def started(options: DownloadOptions = AGENT) -> Download:
    download = Download(0, SIZE, options)
    download.start(now=0.0)
    return download


def give(download: Download, *block_ids: int, now: float = 0.0) -> list[bytes]:
    """Hand over blocks and return the requests that came of it."""
    requests = [download.on_data(block(block_id), now) for block_id in block_ids]
    return [request for request in requests if request is not None]


# Requests, byte for byte (device-agents 3.1)


def test_the_first_request_is_the_agents():
    request = Download(0, SIZE, AGENT).start(now=0.0)
    assert request == bytes.fromhex("a6616363726479616600616c191000616f00616242ff7f616e08")


def test_the_second_request_is_the_agents():
    requests = give(started(), *range(8))
    assert requests == [bytes.fromhex("a6616363726479616600616c191000616f00616242007f616e08")]


def test_a_lost_block_is_asked_for_as_the_agent_does():
    download = started()
    assert give(download, 0, 1, 2, 4, 5, 6, 7, now=1.0) == []
    assert download.on_time(now=11.0) == bytes.fromhex("a6616363726479616600616c191000616f00616242087f616e08")


def test_after_a_reconnection_the_saved_bitmap_is_asked_for_at_once():
    content = image_bytes(74 * 4096)
    download = Download(0, len(content), AGENT)
    download.start(now=0.0)
    for block_id in range(20):
        download.on_data(block(block_id, payload=content[block_id * 4096 : (block_id + 1) * 4096]), now=1.0)
    request = download.resume(now=2.0)
    assert request is not None
    asked = CODECS[Format.CBOR].decode_get(request, StreamOptions())
    assert asked.bitmap == bytes.fromhex("0000f0ffffffffffff03")
    assert download.deadline == 12.0


def test_offset_mode_asks_as_the_file_streams_library_does():  # device-agents 3.2
    request = Download(0, SIZE, LIBRARY).start(now=0.0)
    assert request is not None
    captured = bytes.fromhex("7b2273223a20312c2266223a20302c226c223a20343039362c226f223a20302c226e223a20317d")
    assert json.loads(request, object_pairs_hook=list) == json.loads(captured, object_pairs_hook=list)


def test_offset_mode_asks_again_for_the_run_that_is_missing():
    download = Download(0, SIZE, DownloadOptions(mode=Mode.OFFSET, format=Format.JSON))
    download.start(now=0.0)
    for block_id in (0, 3, 4, 5, 6, 7):
        assert download.on_data(block(block_id, wire_format=Format.JSON), now=0.0) is None
    assert download.on_time(now=10.0) == b'{"f":0,"l":4096,"o":1,"n":2}'


# Putting the image together


@pytest.mark.parametrize("order", [range(15), reversed(range(15)), sorted(range(15), key=lambda i: i * 7 % 15)])
def test_blocks_in_any_order_make_the_image(order):
    download = started()
    give(download, *order)
    assert (download.state, download.image) == (State.DONE, IMAGE)
    assert (download.received, download.total, download.deadline) == (15, 15, None)
    assert not download.ignored


def test_an_empty_file_is_done_without_a_request():
    download = Download(0, 0, AGENT)
    assert download.start(now=0.0) is None
    assert (download.state, download.image, download.requests) == (State.DONE, b"", 0)


def test_the_next_request_waits_for_the_whole_batch():
    download = started()
    assert give(download, *range(7)) == []
    assert len(give(download, 7)) == 1
    assert download.requests == 2


def test_a_missing_block_that_nobody_asked_for_is_kept():
    download = started()
    assert give(download, 12) == []
    assert download.received == 1
    assert give(download, *range(8)) == [bytes.fromhex("a6616363726479616600616c191000616f00616242006f616e08")]


def test_a_request_for_more_than_128_kib_is_continued_when_its_first_part_is_here():  # SB-6
    content = image_bytes(40 * 4096)
    download = Download(0, len(content), DownloadOptions(block_count=40))
    download.start(now=0.0)
    requests = [
        download.on_data(block(i, payload=content[i * 4096 : (i + 1) * 4096]), now=0.0)
        for i in range(32)  # all that one answer brings
    ]
    assert requests[:31] == [None] * 31
    assert requests[31] is not None


# What must not count


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        pytest.param(b"", Ignored.GARBAGE, id="nothing"),
        pytest.param(b"\x00\xff\x17", Ignored.GARBAGE, id="noise"),
        pytest.param(block(0)[:-100], Ignored.GARBAGE, id="cut off"),
        pytest.param(block(0, c="other"), Ignored.OTHER_TOKEN, id="another token"),
        pytest.param(block(0, file_id=1), Ignored.OTHER_FILE, id="another file"),
        pytest.param(block(15, payload=IMAGE[:4096]), Ignored.NO_SUCH_BLOCK, id="past the end"),
        pytest.param(bytes.fromhex("a4616600616920616c0161704178"), Ignored.NO_SUCH_BLOCK, id="i is -1"),
        pytest.param(block(0, payload=IMAGE[:4095]), Ignored.WRONG_SIZE, id="too short"),
        pytest.param(block(0, payload=IMAGE[:4097]), Ignored.WRONG_SIZE, id="too long"),
        pytest.param(block(0, payload=b""), Ignored.WRONG_SIZE, id="empty"),
        pytest.param(block(LAST, payload=IMAGE[:4096]), Ignored.WRONG_SIZE, id="last one whole"),  # SB-1
        pytest.param(block(LAST, payload=IMAGE[:100]), Ignored.WRONG_SIZE, id="last one too short"),
    ],
)
def test_an_unusable_message_is_counted_and_nothing_else(payload, reason):
    download = started()
    assert download.on_data(payload, now=5.0) is None
    assert download.ignored == {reason: 1}
    assert (download.received, download.requests, download.deadline) == (0, 1, 10.0)
    assert download.image == bytes(SIZE)


def test_a_block_without_the_token_is_taken():
    download = started()
    download.on_data(block(0, c="rdy"), now=0.0)
    download.on_data(block(1), now=0.0)
    assert download.received == 2


def test_duplicates_never_ask_for_more():
    download = started()
    requests = give(download, *(i for i in range(8) for _ in range(3)), *range(8))
    assert len(requests) == 1
    assert download.ignored == {Ignored.DUPLICATE: 24}


def test_a_duplicate_does_not_put_off_the_deadline():
    download = started()
    give(download, 0, now=1.0)
    give(download, 0, now=9.0)
    assert download.deadline == 11.0


def test_a_duplicate_with_other_bytes_does_not_overwrite_the_first():
    download = started()
    give(download, 0)
    download.on_data(block(0, payload=bytes(4096)), now=0.0)
    assert download.image[:4096] == IMAGE[:4096]


def test_blocks_after_the_end_are_late():
    download = started()
    give(download, *range(15), 3)
    assert download.ignored == {Ignored.LATE: 1}


@given(payload=st.binary(max_size=200), wire_format=st.sampled_from(Format))
@example(payload=b'{"z":' + b"[" * 100_000, wire_format=Format.JSON)
@example(payload=b"\xa1\x61z" + b"\x81" * 100_000, wire_format=Format.CBOR)
def test_no_bytes_on_either_topic_raise(payload, wire_format):
    download = started(DownloadOptions(format=wire_format))
    assert download.on_data(payload, now=0.0) is None
    download.on_rejected(payload)
    assert download.ignored == {Ignored.GARBAGE: 2}
    assert download.state is State.FETCHING


# Deadlines


def test_before_its_deadline_a_request_is_not_repeated():
    download = started()
    assert download.on_time(now=9.9) is None
    assert download.requests == 1


def test_before_the_start_there_is_no_deadline():
    download = Download(0, SIZE, AGENT)
    assert download.deadline is None
    assert download.on_time(now=100.0) is None


def test_every_new_block_puts_off_the_deadline():
    download = started()
    give(download, 0, now=9.0)
    assert download.deadline == 19.0


def test_32_unanswered_requests_in_a_row_are_the_end():
    download = started()
    requests = [download.on_time(now=10.0 * n) for n in range(1, 33)]
    assert None not in requests[:31]
    assert requests[31] is None
    assert (download.state, download.requests) == (State.FAILED, 32)
    assert download.failure == Failure(None, "no answer to 32 requests in a row")
    assert download.deadline is None


def test_a_new_block_makes_the_count_start_again():
    download = started(DownloadOptions(unanswered_max=2))
    assert download.on_time(now=10.0) is not None
    give(download, 0, now=11.0)
    assert download.on_time(now=21.0) is not None
    assert download.on_time(now=31.0) is not None
    assert download.on_time(now=41.0) is None
    assert download.state is State.FAILED


def test_reconnections_without_a_block_are_bounded_too():
    download = started(DownloadOptions(unanswered_max=3))
    assert [download.resume(now=float(n)) is None for n in range(3)] == [False, False, True]
    assert download.state is State.FAILED


# Rejections and ends


@pytest.mark.parametrize("token", ["rdy", None])
def test_a_rejection_is_the_end(token):
    download = started()
    download.on_rejected(rejection(Why.VERSION, token))
    assert (download.state, download.deadline) == (State.FAILED, None)
    assert str(download.failure) == "VersionMismatch: The stream version does not match"


def test_after_a_rejection_nothing_is_asked_for():
    download = started()
    download.on_rejected(rejection(Why.STREAM_NOT_FOUND))
    assert give(download, *range(8)) == []
    assert download.resume(now=1.0) is None
    assert download.on_time(now=100.0) is None
    assert download.received == 0


def test_a_rejection_of_another_token_is_not_ours():
    download = started()
    download.on_rejected(rejection(Why.VERSION, "other"))
    assert (download.state, download.ignored) == (State.FETCHING, {Ignored.OTHER_TOKEN: 1})


def test_a_rejection_after_the_end_is_late():
    download = started()
    give(download, *range(15))
    download.on_rejected(rejection(Why.STREAM_NOT_FOUND))
    assert (download.state, download.failure) == (State.DONE, None)
    assert download.ignored == {Ignored.LATE: 1}


def test_silence_reads_without_a_code():
    assert str(Failure(None, "no answer")) == "no answer"


def test_only_a_running_download_can_end_and_every_event_ends_it():
    assert set(TRANSITIONS) == {(State.FETCHING, event) for event in Event}
    assert State.FETCHING not in TRANSITIONS.values()


@pytest.mark.parametrize("wrong", [{"block_size": 0}, {"block_count": 0}, {"retry_after": 0.0}, {"unanswered_max": 0}])
def test_options_no_program_could_work_with_are_refused(wrong):
    with pytest.raises(ValueError, match="above zero"):
        DownloadOptions(**wrong)
