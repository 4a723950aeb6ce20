"""Everything that workers share in one PostgreSQL database."""

from ota_stream.stores.shared.database import Database
from ota_stream.stores.shared.job_rows import JobRows
from ota_stream.stores.shared.record_rows import RecordRows
from ota_stream.stores.shared.stream_rows import StreamRows


class Postgres(Database):
    """The database with what is in it."""

    def __init__(self, dsn: str) -> None:
        super().__init__(dsn)
        self.streams = StreamRows(self)
        self.records = RecordRows(self)
        self.jobs = JobRows(self)
