"""Device half and cloud half in memory, joined by a wire that loses, doubles, delays and reorders messages."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from images import MemoryImage, image_bytes
from ota_device.download import Download, DownloadOptions, Ignored, State
from ota_device.plan import Mode
from ota_stream.answers import Reply
from ota_stream.streams import topics
from ota_stream.streams.catalog import Catalog
from ota_stream.streams.service import StreamService
from ota_stream.streams.topics import Format, Operation
from ota_stream.testing.wire import LossyWire

EVENTS_MAX = 500_000  # far above what any course needs: a loop that does not end is a failure, not a hang
PATIENT = 100_000  # unanswered requests: at any loss below 100 % an answer comes at last
MODES = st.sampled_from(Mode)
SEEDS = st.integers(0, 2**32)
FORMATS = st.sampled_from(Format)


class Pair:
    """A download, the service that answers it, and the wire between them."""

    def __init__(self, catalog: Catalog, stream_id: str, download: Download, wire: LossyWire, wire_format: Format):
        self.download, self.wire, self.records = download, wire, 0
        self._service = StreamService(catalog)
        self._topic = topics.build("dev1", stream_id, Operation.GET, wire_format)

    def run(self, cuts: tuple[float, ...] = ()) -> None:
        """Let the download go on to its end; at each time of `cuts` the connection is lost and comes back."""
        waiting = sorted(cuts)
        self._publish(self.download.start(self.wire.now))
        for _ in range(EVENTS_MAX):
            deadline = self.download.deadline
            if deadline is None:
                break
            if waiting and waiting[0] <= min(deadline, self.wire.next_arrival):
                self.wire.now = waiting.pop(0)
                self.wire.cut()
                self._publish(self.download.resume(self.wire.now))
            elif self.wire.next_arrival <= deadline:
                self.wire.deliver()
            else:
                self.wire.now = deadline
                self._publish(self.download.on_time(deadline))
        assert self.download.state is not State.FETCHING

    def drain(self) -> None:
        """Hand over what is still under way: it must not change anything."""
        for _ in range(EVENTS_MAX):
            if self.wire.next_arrival == float("inf"):
                return
            self.wire.deliver()

    def _publish(self, request: bytes | None) -> None:
        if request is not None:
            self.wire.send(self._at_service, request)

    def _at_service(self, request: bytes) -> None:
        self.records += 1
        for reply in self._service.answer(self._topic, request, "dev1", self.wire.now).replies:
            self.wire.send(self._at_device(reply), reply.payload)

    def _at_device(self, reply: Reply):
        if reply.topic == self._topic.rejected:
            return self.download.on_rejected
        return lambda payload: self._publish(self.download.on_data(payload, self.wire.now))


def pair(size: int, wire: LossyWire, *, block_size: int = 256, **changes) -> Pair:
    """Return a pair about to download `size` pseudo-random bytes."""
    catalog = Catalog()
    catalog.put("firmware", {0: MemoryImage(image_bytes(size))})
    options = DownloadOptions(block_size=block_size, **changes)
    return Pair(catalog, "firmware", Download(0, size, options), wire, options.format)


@given(
    wire=st.builds(LossyWire, SEEDS, loss=st.floats(0, 0.9), twice=st.floats(0, 1), delay_max=st.floats(0, 25)),
    size=st.integers(1, 256 * 40),
    block_count=st.integers(1, 50),
    mode=MODES,
    wire_format=FORMATS,
)
def test_under_any_loss_a_download_ends_with_the_same_image(wire, size, block_count, mode, wire_format):
    it = pair(size, wire, block_count=block_count, mode=mode, format=wire_format, unanswered_max=PATIENT)
    it.run()
    download = it.download
    assert (download.state, download.image) == (State.DONE, image_bytes(size))
    # Bounded: a request follows a batch, which had a new block in it, or 10 s of silence.
    assert download.requests <= 1 + download.total + wire.now / 10


@given(seed=SEEDS, twice=st.floats(0, 1), delay_max=st.floats(0, 1), mode=MODES, wire_format=FORMATS)
def test_without_loss_every_block_is_asked_for_once_however_often_it_comes(seed, twice, delay_max, mode, wire_format):
    it = pair(256 * 40, LossyWire(seed, 0.0, twice, delay_max), mode=mode, format=wire_format)
    it.run()
    assert it.download.requests == 5  # 40 blocks, 8 a request
    assert it.download.ignored.keys() <= {Ignored.DUPLICATE}


def test_every_block_twice_costs_no_more_requests():  # device-agents 1.3
    it = pair(256 * 40, LossyWire(seed=1, twice=1.0))
    it.run()
    it.drain()
    assert (it.download.requests, it.records) == (5, 10)  # ten arrive, because the wire doubles requests too
    assert it.download.ignored.total() == 4 * 40 - 40


@given(
    seed=SEEDS,
    loss=st.floats(0, 0.5),
    cuts=st.lists(st.floats(0, 60), max_size=8),
    mode=MODES,
    wire_format=FORMATS,
)
def test_a_download_survives_any_number_of_cut_connections(seed, loss, cuts, mode, wire_format):
    wire = LossyWire(seed, loss, delay_max=2.0)
    it = pair(256 * 40, wire, mode=mode, format=wire_format, unanswered_max=PATIENT)
    it.run(cuts=tuple(cuts))
    assert it.download.image == image_bytes(256 * 40)
    assert it.download.requests <= 1 + len(cuts) + it.download.total + wire.now / 10


@given(mode=MODES, wire_format=FORMATS)
def test_a_dead_wire_is_given_up_after_32_requests(mode, wire_format):
    it = pair(1000, LossyWire(seed=1, loss=1.0), mode=mode, format=wire_format)
    it.run()
    assert it.download.state is State.FAILED
    assert (it.download.requests, it.records) == (32, 0)
    assert it.wire.now == 320.0


@given(seed=SEEDS, loss=st.floats(0, 0.9), mode=MODES, wire_format=FORMATS)
def test_what_arrives_after_the_end_changes_nothing(seed, loss, mode, wire_format):
    wire = LossyWire(seed, loss, twice=0.5, delay_max=30.0)
    it = pair(256 * 20, wire, mode=mode, format=wire_format, unanswered_max=PATIENT)
    it.run()
    requests = it.download.requests
    it.drain()
    assert (it.download.state, it.download.requests) == (State.DONE, requests)
    assert it.download.image == image_bytes(256 * 20)


@pytest.mark.parametrize("wire_format", Format)
@pytest.mark.parametrize(("mode", "block_count"), [(Mode.BITMAP, 147), (Mode.OFFSET, 147), (Mode.BITMAP, 98_304)])
def test_more_than_128_kib_at_once_takes_as_many_rounds_as_needed(wire_format, mode, block_count):  # SB-6
    it = pair(
        300_000, LossyWire(seed=1), block_size=2048, block_count=block_count, mode=mode, format=wire_format
    )  # the file of device-agents 3.3
    it.run()
    assert it.download.image == image_bytes(300_000)
    assert it.download.requests == 3


def test_the_largest_file_in_the_smallest_blocks_comes_whole():  # Q-5, SG-7, SG-8
    size = 24 * 1024 * 1024
    it = pair(size, LossyWire(seed=1), block_count=512)
    it.run()
    assert it.download.image == image_bytes(size)
    assert it.download.requests == 98_304 / 512


@pytest.mark.parametrize("wire_format", Format)
@pytest.mark.parametrize(
    ("stream_id", "file_id", "changes", "code"),
    [
        ("nowhere", 0, {}, "ResourceNotFound"),
        ("firmware", 5, {}, "ResourceNotFound"),
        ("firmware", 0, {"stream_version": 2}, "VersionMismatch"),
        ("firmware", 0, {"block_size": 255}, "BlockSizeOutOfBounds"),
        ("firmware", 0, {"block_size": 131_073}, "BlockSizeOutOfBounds"),
        ("firmware", 0, {"client_token": "x" * 65}, "InvalidRequest"),
        ("changed", 0, {}, "ETagMismatch"),
    ],
)
def test_a_rejection_ends_the_download_after_one_request(wire_format, stream_id, file_id, changes, code):
    catalog, changed = Catalog(), MemoryImage(image_bytes(5000))
    catalog.put("firmware", {0: MemoryImage(image_bytes(5000))})
    catalog.put("changed", {0: changed})
    changed.changed = True
    download = Download(file_id, 5000, DownloadOptions(format=wire_format, **changes))
    Pair(catalog, stream_id, download, LossyWire(seed=1), wire_format).run()
    assert (download.state, download.requests) == (State.FAILED, 1)
    assert download.failure is not None
    assert download.failure.code == code
