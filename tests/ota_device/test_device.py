"""A device against the real front door, from the description to the last block."""

import hashlib

import pytest

from images import MemoryImage, image_bytes
from live import RawClient, packet, serving, text, wait_until
from ota_broker.front.codec.packets import PacketType
from ota_device import device as device_module
from ota_device.device import Device, DeviceError, Fetched
from ota_device.download import DownloadOptions
from ota_device.link import Link, LinkOptions
from ota_device.plan import Mode
from ota_stream.records import Action
from ota_stream.streams.codec import CODECS
from ota_stream.streams.errors import Why
from ota_stream.streams.messages import Description, FileSize
from ota_stream.streams.topics import Format

IMAGE = image_bytes(100_000)
QUICK = LinkOptions(patience=5.0, attempts=5, pause=0.01)
JSON = CODECS[Format.JSON]


@pytest.fixture
def server():
    with serving(
        {"fw": {0: MemoryImage(IMAGE), 3: MemoryImage(image_bytes(300))}, "empty": {0: MemoryImage(b"")}}
    ) as it:
        yield it


@pytest.fixture
def link(server):
    with Link(server.host, server.port, "dev1", QUICK) as link:
        yield link


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("wire_format", Format)
@pytest.mark.parametrize("size_and_count", [(256, 8), (4096, 8), (4096, 98_304), (131_072, 1)])
def test_an_image_comes_whole(server, link, mode, wire_format, size_and_count):
    block_size, block_count = size_and_count
    options = DownloadOptions(mode, wire_format, block_size, block_count, client_token="t1")
    fetched = Device(link, "dev1").fetch("fw", options=options)
    assert fetched.image == IMAGE
    assert fetched.sha256 == hashlib.sha256(IMAGE).hexdigest()
    assert (fetched.stream_version, fetched.ignored) == (1, 0)
    assert fetched.blocks == -(-100_000 // block_size)
    assert [record.action for record in server.records] == [
        Action.DESCRIBE_STREAM,
        *[Action.GET_STREAM] * fetched.requests,
    ]
    assert {(record.failure, record.client_token) for record in server.records} == {(None, "t1")}


def test_the_thing_and_the_client_id_may_differ(server, link):
    assert Device(link, "other-thing").fetch("fw", 3).image == image_bytes(300)
    assert {record.client_id for record in server.records} == {"dev1"}


def test_one_link_fetches_one_file_after_the_other(link):
    device = Device(link, "dev1")
    assert (device.fetch("fw", 3).image, device.fetch("fw", 0).image) == (image_bytes(300), IMAGE)


def test_an_empty_file_is_fetched_without_a_request(link):
    fetched = Device(link, "dev1").fetch("empty")
    assert (fetched.image, fetched.requests) == (b"", 0)


def test_progress_grows_from_nothing_to_the_whole(link):
    seen: list[tuple[int, int]] = []
    Device(link, "dev1").fetch("fw", on_progress=lambda *progress: seen.append(progress))
    assert (seen[0], seen[-1]) == ((0, 100_000), (100_000, 100_000))
    assert seen == sorted(seen)


def test_a_download_goes_on_after_the_connection_was_lost(server, link):
    taken_over = []

    def cut(received: int, size: int) -> None:
        if received > size // 2 and not taken_over:
            taken_over.append(received)
            with RawClient(server) as other:
                other.connect("dev1")

    fetched = Device(link, "dev1").fetch("fw", on_progress=cut)
    assert taken_over
    assert fetched.image == IMAGE
    assert (fetched.blocks, fetched.ignored) == (25, 0)  # nothing that was there before the loss came again


def test_an_update_in_mid_download_never_mixes_two_images(server, link):  # SG-2
    def update(received: int, size: int) -> None:
        if received == size // 4096 // 2 * 4096:
            server.run(lambda: server.catalog.update("fw", {0: MemoryImage(image_bytes(100_000, "newer"))}))

    with pytest.raises(DeviceError, match=r"^stream fw, file 0: VersionMismatch: The stream version does not match$"):
        Device(link, "dev1").fetch("fw", on_progress=update)


@pytest.mark.parametrize(
    ("stream_id", "file_id", "block_size", "message"),
    [
        ("nowhere", 0, 4096, "stream nowhere: ResourceNotFound: The requested stream was not found"),
        ("fw", 7, 4096, "stream fw has no file 7: choose one of its file ids (0, 3)"),
        ("fw", 0, 255, "stream fw, file 0: BlockSizeOutOfBounds: The block size is out of bounds"),
        ("a/b", 0, 4096, "stream id 'a/b': use 1 to 128 of a-z A-Z 0-9 _ -"),
    ],
)
def test_what_cannot_be_had_is_one_line(link, stream_id, file_id, block_size, message):
    with pytest.raises(DeviceError) as caught:
        Device(link, "dev1").fetch(stream_id, file_id, DownloadOptions(block_size=block_size))
    assert str(caught.value) == message


def test_a_thing_name_that_is_none_is_refused(link):
    with pytest.raises(DeviceError, match=r"^thing name 'a b': use 1 to 128 of "):
        Device(link, "a b")


# Against a peer that does what the simulator never does


def publish(tail: str, payload: bytes) -> bytes:
    return packet(PacketType.PUBLISH << 4, text(f"$aws/things/dev1/streams/fw/{tail}/json") + payload)


def described(size: int, token: str | None = None) -> bytes:
    return publish("description", JSON.encode_description(Description(1, (FileSize(0, size),), client_token=token)))


def rejected(why: Why, token: str | None) -> bytes:
    return publish("rejected", JSON.encode_rejected(why, token))


def block(block_id: int, token: str = "t1") -> bytes:  # noqa: S107 - a client token
    payload = IMAGE[block_id * 256 : (block_id + 1) * 256]
    return publish("data", JSON.block_head(token) + JSON.block_body(0, block_id, payload))


def peer_that_answers(scripted, *answers: bytes | None):
    """Return a peer that accepts everything and answers the first PUBLISH, the second, ... with these bytes."""
    waiting = list(answers)
    return scripted(
        {
            PacketType.CONNECT: b"\x20\x02\x00\x00",
            PacketType.SUBSCRIBE: lambda body: b"\x90\x05" + body[:2] + b"\x00\x00\x00",
            PacketType.PUBLISH: lambda _: waiting.pop(0) if waiting else b"",
        }
    )


def fetch_from(peer, **changes) -> Fetched:
    options = DownloadOptions(Mode.OFFSET, Format.JSON, 256, client_token="t1", **changes)
    with Link(peer.host, peer.port, "dev1", QUICK) as link:
        return Device(link, "dev1").fetch("fw", options=options)


def test_a_broker_without_streams_is_given_up(scripted, monkeypatch):
    monkeypatch.setattr(device_module, "DESCRIBE_RETRY", 0.01)
    peer = peer_that_answers(scripted)
    with pytest.raises(
        DeviceError, match=r"^stream fw: no answer to 5 DescribeStream requests in a row: is this broker"
    ):
        fetch_from(peer)
    wait_until(lambda: peer.seen.count(PacketType.PUBLISH) == 5)


def test_a_description_is_asked_for_at_once_after_a_reconnection(scripted, monkeypatch):
    monkeypatch.setattr(device_module, "DESCRIBE_RETRY", 3600.0)
    peer = peer_that_answers(scripted, None, described(256), block(0))
    assert fetch_from(peer).image == IMAGE[:256]
    assert peer.seen.count(PacketType.CONNECT) == 2


def test_blocks_are_asked_for_at_once_after_a_reconnection(scripted):
    peer = peer_that_answers(scripted, described(512), None, block(0) + block(1))
    fetched = fetch_from(peer, retry_after=3600.0)
    assert (fetched.image, fetched.requests) == (IMAGE[:512], 2)


@pytest.mark.parametrize(
    "noise",
    [
        pytest.param(publish("description", b"{}"), id="no description"),
        pytest.param(publish("description", b'{"z":' + b"[" * 100_000), id="a bomb of brackets"),
        pytest.param(described(9999, "other"), id="a description for another token"),
        pytest.param(rejected(Why.STREAM_NOT_FOUND, "other"), id="a rejection for another token"),
        pytest.param(publish("rejected", b"\xff"), id="a rejection that is none"),
        pytest.param(publish("other", b"{}"), id="a topic nobody knows"),
    ],
)
def test_noise_changes_nothing(scripted, noise):
    peer = peer_that_answers(scripted, noise + described(256), noise + block(0))
    fetched = fetch_from(peer)
    assert (fetched.image, fetched.requests) == (IMAGE[:256], 1)


def test_useless_messages_do_not_keep_a_dead_download_alive(scripted):
    peer = peer_that_answers(scripted, described(512), *[block(0)] * 50)
    with pytest.raises(DeviceError, match=r"^stream fw, file 0: no answer to 3 requests in a row$"):
        fetch_from(peer, retry_after=0.01, unanswered_max=3)


@pytest.mark.parametrize("size", [-1, 24 * 1024 * 1024 + 1, 10**15])
def test_an_image_that_does_not_fit_is_refused(scripted, size):
    peer = peer_that_answers(scripted, described(size))
    with pytest.raises(DeviceError, match=f"^stream fw, file 0: {size} bytes do not fit a slot of 25165824$"):
        fetch_from(peer)


def test_a_rejection_without_a_token_counts(scripted):  # EC-3
    peer = peer_that_answers(scripted, rejected(Why.JSON, None))
    with pytest.raises(DeviceError, match=r"^stream fw: InvalidJson: Invalid JSON message$"):
        fetch_from(peer)
