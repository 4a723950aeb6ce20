"""A cloud in memory with faults in its way: what a device is sent, what is recorded, without any socket."""

from typing import Any

from images import MemoryImage, image_bytes
from live import MovableClock, Records
from ota_broker.cloud import Cloud
from ota_broker.faults import FaultyCloud
from ota_stream.answers import Answer, Reply
from ota_stream.faults import kinds
from ota_stream.faults.desk import FaultDesk
from ota_stream.faults.happening import Act
from ota_stream.faults.late import LateAnswer
from ota_stream.jobs.book import JobBook
from ota_stream.jobs.control import JobControl
from ota_stream.jobs.jobs import JobSpec
from ota_stream.jobs.service import JobService
from ota_stream.records import FaultRecord
from ota_stream.streams import messages
from ota_stream.streams.catalog import Catalog
from ota_stream.streams.codec import CODECS
from ota_stream.streams.messages import DataBlock
from ota_stream.streams.service import StreamService
from ota_stream.streams.topics import Format, Operation, build

IMAGE = image_bytes(10 * 1024)  # ten blocks of 1 KiB


class World:
    """A stream `fw` with one file, a job for things, and faults."""

    def __init__(self, *faults: dict[str, Any]) -> None:
        catalog, book = Catalog(), JobBook()
        catalog.put("fw", {0: MemoryImage(IMAGE)})
        self.jobs = JobControl(book)
        self.clock = MovableClock()
        self.kept = Records()
        self.changes = 0
        self.desk = FaultDesk(self._changed)
        plain = Cloud(StreamService(catalog), JobService(book), self.kept)
        self.acts = list[Act]()
        self.cloud = FaultyCloud(plain, self.desk, self.clock, self.kept.keep, self.acts.append)
        self.names = [self.desk.add(kinds.read(fault), self.clock.monotonic()) for fault in faults]

    def _changed(self) -> None:
        self.changes += 1

    @property
    def faults(self) -> list[FaultRecord]:
        return [record for record in self.kept.made if isinstance(record, FaultRecord)]

    def publish(self, topic: str, payload: bytes) -> Answer:
        answer = self.cloud.answer(topic, payload, "client", self.clock.wall())
        assert isinstance(answer, Answer)
        return answer

    def get(
        self, blocks: int = 10, *, offset: int = 0, thing: str = "t", wire: Format = Format.CBOR, stream: str = "fw"
    ) -> Answer:
        """Ask for blocks of 1 KiB from `offset` on."""
        topic = build(thing, stream, Operation.GET, wire)
        request = messages.GetStream("tok", None, 0, 1024, offset, blocks)
        return self.publish(topic.text, CODECS[wire].encode_get(request))

    def create_job(self, job_id: str, *things: str) -> tuple[Reply, ...]:
        """Make a job and return the notifications as they pass the faults."""
        spec = JobSpec(job_id, tuple(f"thing/{thing}" for thing in things), '{"operation":"x"}')
        now = self.clock.wall()
        effects = (self.jobs.create_job(spec, now), self.jobs.on_time(now))
        return self.cloud.notifications(tuple(reply for effect in effects for reply in effect.replies), now)


def blocks(answer: Answer) -> list[DataBlock]:
    """Return the blocks of an answer that come at once, as a device reads them."""
    return [_codec(reply).decode_block(reply.payload) for reply in answer.replies]


def ids(answer: Answer) -> list[int]:
    """Return the ids of the blocks of an answer that come at once."""
    return [block.block_id for block in blocks(answer)]


def late(answer: Answer) -> list[tuple[float, int]]:
    """Return after how many seconds which block comes."""
    replies = answer.late if isinstance(answer, LateAnswer) else ()
    return [(reply.after, _codec(reply).decode_block(reply.payload).block_id) for reply in replies]


def _codec(reply: Reply) -> Any:
    return CODECS[Format(reply.topic.rpartition("/")[2])]
