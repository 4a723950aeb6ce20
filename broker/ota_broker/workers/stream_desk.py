"""GetStream and DescribeStream at a worker: the same service as in the simulator, over the streams that are shared."""

from ota_broker.cloud import Cloud
from ota_broker.workers.transport import Request
from ota_broker.workers.worker import Outcome
from ota_stream.jobs.book import JobBook
from ota_stream.jobs.service import JobService
from ota_stream.records import Record
from ota_stream.streams.catalog import Catalog
from ota_stream.streams.options import StreamOptions
from ota_stream.streams.service import StreamService


class _Nowhere:
    """The worker keeps the records itself."""

    def keep(self, record: Record) -> None:
        """Let the record be."""


class StreamDesk:
    """Answers from a catalog."""

    def __init__(self, catalog: Catalog, options: StreamOptions | None = None) -> None:
        self._cloud = Cloud(StreamService(catalog, options), JobService(JobBook()), _Nowhere())

    def answer(self, request: Request, client_id: str, now: float) -> Outcome:
        """Answer a request of a stream; None for any other topic."""
        if request.topic.split("/", 4)[3:4] != ["streams"]:
            return None
        return self._cloud.answer(request.topic, request.payload, client_id, now)
