"""The messages of one agent: its topics, and what a flavour says on them (protocol.md 3.1, 4.3)."""

from ota_device.flavours import Facts, Flavour, Moment
from ota_device.orders import Publish, Subscribe, Unsubscribe


class Voice:
    """What a thing says, in the manner of a flavour."""

    __slots__ = ("_flavour", "_get", "_thing", "data", "job_answer", "jobs", "notify_next", "streams")

    def __init__(self, thing: str, flavour: Flavour) -> None:
        base = f"$aws/things/{thing}"
        self.streams = f"{base}/streams/"
        self.jobs = f"{base}/jobs/"
        self.notify_next = f"{self.jobs}notify-next"
        self.job_answer = f"{self.jobs}{flavour.job_topic}/accepted"
        self._thing = thing
        self._flavour = flavour
        self.data = self._get = ""  # the topics of the stream that was heard of last

    def listen(self) -> list[Subscribe]:
        """Subscribe to word of the next job, if the flavour does (JT-11)."""
        qos = self._flavour.notify_qos
        return [] if qos is None else [Subscribe(self.notify_next, qos)]

    def ask(self) -> Publish:
        """Ask for a job (OA-1, OA-12)."""
        flavour = self._flavour
        return Publish(f"{self.jobs}{flavour.job_topic}", flavour.job_request(self._thing), flavour.job_qos)

    def hear(self, stream_id: str) -> Subscribe:
        """Subscribe to the blocks of a stream."""
        self.data, self._get = self._stream(stream_id, "data"), self._stream(stream_id, "get")
        return Subscribe(self.data, self._flavour.data_qos)

    def hear_no_more(self, stream_id: str) -> Unsubscribe:
        """End that subscription."""
        return Unsubscribe(self._stream(stream_id, "data"))

    def request(self, payload: bytes) -> Publish:
        """Ask for blocks of the stream that was heard of last: QoS 0, like every agent."""
        return Publish(self._get, payload, 0)

    def report(self, moment: Moment, job_id: str, facts: Facts) -> list[Publish]:
        """Update the job execution, if the flavour has something to say at this moment (OA-2 to OA-9)."""
        write = self._flavour.reports.get(moment)
        if write is None:
            return []
        report = write(facts)
        return [Publish(f"{self.jobs}{job_id}/update", report.payload, report.qos)]

    def _stream(self, stream_id: str, kind: str) -> str:
        return f"{self.streams}{stream_id}/{kind}/{self._flavour.format}"
