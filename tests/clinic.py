"""A cloud with somebody who listens, and broken agents, each with what it does wrong: one for every kind of finding."""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

import cbor2

from images import MemoryImage, image_bytes
from ota_broker.cloud import Cloud
from ota_stream.answers import Answer, Refusal
from ota_stream.diagnosis.conversation import Client
from ota_stream.diagnosis.service import Diagnosis
from ota_stream.jobs.book import JobBook
from ota_stream.jobs.control import JobControl
from ota_stream.jobs.jobs import JobSpec
from ota_stream.jobs.service import JobService
from ota_stream.records import BrokerEvent, BrokerRecord, Record
from ota_stream.streams.catalog import Catalog, ImageForbidden
from ota_stream.streams.service import StreamService

THING: Final = "lock-7"
SIZE: Final = 60_000  # 15 blocks of 4096
LARGE: Final = 400_000


class Clinic:
    """One thing, `lock-7`, whose client subscribed to all that is its own unless `filters` are others."""

    def __init__(self) -> None:
        self.filters: tuple[str, ...] = (f"$aws/things/{THING}/#",)
        self.packet_max = 100_000
        self.connected = True
        self.now = 1000.0
        self.image = MemoryImage(image_bytes(SIZE))
        self.catalog = Catalog()
        self.catalog.put("fw", {0: self.image})
        self.catalog.put("large", {0: MemoryImage(image_bytes(LARGE))})
        book = JobBook()
        self.control = JobControl(book)
        self.cloud = Cloud(StreamService(self.catalog), JobService(book), self)
        self.diagnosis = Diagnosis(self.catalog, self.client)

    def client(self, _client_id: str) -> Client | None:
        return Client(self.filters, self.packet_max) if self.connected else None

    def keep(self, record: Record) -> None:
        """Take a record, as the log does."""

    def publish(self, topic: str, payload: bytes, client_id: str = THING) -> Answer | Refusal | None:
        outcome = self.cloud.answer(topic, payload, client_id, self.now)
        self.diagnosis.hear(topic, payload, client_id, outcome, self.now)
        return outcome

    def own(self, tail: str, payload: bytes = b"{}", client_id: str = THING) -> Answer | Refusal | None:
        return self.publish(f"$aws/things/{THING}/{tail}", payload, client_id)

    def get(self, stream: str = "fw", **fields: Any) -> None:
        """Ask for blocks in JSON; `f` and `l` are there unless they are None."""
        members = {"f": 0, "l": 4096, **fields}
        said = {name: value for name, value in members.items() if value is not None}
        self.own(f"streams/{stream}/get/json", json.dumps(said).encode())

    def cbor(self, stream: str = "fw", thing: str = THING, **fields: Any) -> None:
        said = cbor2.dumps({"f": 0, "l": 4096, **fields})
        self.publish(f"$aws/things/{thing}/streams/{stream}/get/cbor", said, thing)

    def offer(self, job_id: str = "job-1", *, size: int = SIZE) -> None:
        """Make a job with an OTA document."""
        ota = {"protocols": ["MQTT"], "streamname": "fw", "files": [{"fileid": 0, "filesize": size}]}
        spec = JobSpec(job_id, (f"thing/{THING}",), json.dumps({"afr_ota": ota}))
        self.diagnosis.told(self.control.create_job(spec, self.now).replies, self.now)

    def update(self, status: str | None = None, client_id: str = THING, job: str = "job-1", **fields: Any) -> None:
        said = fields if status is None else {"status": status, **fields}
        self.own(f"jobs/{job}/update", json.dumps(said).encode(), client_id)

    def begin(self) -> None:
        """Have the thing take a job."""
        self.offer()
        self.own("jobs/start-next")

    def wait(self, seconds: float) -> None:
        self.now += seconds
        self.diagnosis.on_time(self.now)

    def deny(self, event: BrokerEvent, topic: str | None) -> None:
        self.diagnosis.refused(
            BrokerRecord(self.now, event, "", THING, topic, None, "", 0, "AUTHORIZATION_FAILURE", "no statement")
        )

    def found(self) -> list[str]:
        return [finding.kind for finding in self.diagnosis.findings()]


Agent = Callable[[Clinic], None]


def repeat(times: int, ask: Agent) -> Agent:
    def play(clinic: Clinic) -> None:
        for _ in range(times):
            ask(clinic)
            clinic.now += 0.1

    return play


def deaf(*filters: str) -> Callable[[Agent], Agent]:
    """Have an agent subscribe to these only."""

    def of(agent: Agent) -> Agent:
        def play(clinic: Clinic) -> None:
            clinic.filters = filters
            agent(clinic)

        return play

    return of


def chain(*steps: Agent) -> Agent:
    def play(clinic: Clinic) -> None:
        for step in steps:
            step(clinic)

    return play


def spoil(change: Callable[[Clinic], object]) -> Agent:
    return chain(lambda clinic: change(clinic) and None, lambda clinic: clinic.get(n=1))


def _forbid(clinic: Clinic) -> None:
    clinic.image.etag_fault = ImageForbidden("no")


def _change(clinic: Clinic) -> None:
    clinic.image.changed = True


def _small_packets(clinic: Clinic) -> None:
    clinic.packet_max = 4096


def _msb_first(clinic: Clinic) -> None:
    clinic.cbor(o=0, b=bytes.fromhex("fffe"), n=8, c="own")


def _long_name(clinic: Clinic) -> None:
    clinic.cbor(thing="a" * 100, o=0, n=1, c="rdy")


def _job(*steps: Agent) -> Agent:
    return chain(lambda clinic: clinic.begin(), *steps)


def _update(status: str | None = "IN_PROGRESS", client_id: str = THING, **fields: Any) -> Agent:
    return lambda clinic: clinic.update(status, client_id, **fields)


READY: Final = {"self_test": "ready", "updatedBy": "0x1"}
ON_TOPIC: Final = f"$aws/things/{THING}/streams/fw"

AGENTS: Final[Mapping[str, Agent]] = {
    "wrong-topic": lambda clinic: clinic.own("streams/fw/fetch/json") and None,
    "no-stream-name": lambda clinic: clinic.own("streams//get/cbor") and None,
    "wrong-job-topic": lambda clinic: clinic.own("jobs/job-1/finish") and None,
    "unanswered-topic": lambda clinic: clinic.own("shadow/get") and None,
    "bad-json": lambda clinic: clinic.own("streams/fw/get/json", b'{"f":0,') and None,
    "bad-cbor": lambda clinic: clinic.own("streams/fw/get/cbor", b"\xa1\x61") and None,
    "cbor-to-json-topic": lambda clinic: clinic.own("streams/fw/get/json", cbor2.dumps({"f": 0})) and None,
    "json-to-cbor-topic": lambda clinic: clinic.own("streams/fw/get/cbor", b'{"f":0,"l":4096}') and None,
    "text-bitmap": lambda clinic: clinic.cbor(b="AQ==", n=1),
    "long-field-names": lambda clinic: clinic.get(f=None, l=None, fileId=0, blockSize=4096),
    "stream-token-too-long": lambda clinic: clinic.get(c="x" * 65),
    "file-id-missing": lambda clinic: clinic.get(f=None),
    "block-size-missing": lambda clinic: clinic.get(l=None),
    "stream-not-found": lambda clinic: clinic.get("fw2"),
    "file-not-found": lambda clinic: clinic.get(f=3),
    "file-forbidden": spoil(_forbid),
    "stream-version": lambda clinic: clinic.get(s=2),
    "file-changed": spoil(_change),
    "block-size": lambda clinic: clinic.get(l=128),
    "offset": lambda clinic: clinic.get(o=100_000),
    "block-count": lambda clinic: clinic.get(n=100_000),
    "bitmap-too-long": lambda clinic: clinic.cbor(b=b"\xff" * 12_289),
    "block-beyond-file": lambda clinic: clinic.get(o=15, n=1),
    "bits-beyond-end": lambda clinic: clinic.get(o=14, n=2),
    "nothing-requested": lambda clinic: clinic.cbor(b=b"\0\0"),
    "more-than-128-kib": lambda clinic: clinic.get("large", l=32_768, n=8),
    "bitmap-order": _msb_first,
    "block-size-changed": chain(lambda clinic: clinic.get(n=1), lambda clinic: clinic.get(l=2048, n=1)),
    "no-progress": repeat(4, lambda clinic: clinic.get(n=1)),
    "request-storm": repeat(25, lambda clinic: clinic.get(n=1)),
    "data-unheard": deaf()(repeat(4, lambda clinic: clinic.get(n=1))),
    "rejected-unheard": deaf(f"{ON_TOPIC}/data/+")(lambda clinic: clinic.get(s=2)),
    "block-over-packet": chain(_small_packets, lambda clinic: clinic.get(n=1)),
    "block-over-buffer": _long_name,
    "job-token": lambda clinic: clinic.own("jobs/start-next", b'{"clientToken":7}') and None,
    "job-json": lambda clinic: clinic.own("jobs/start-next", b"now") and None,
    "job-field": _job(_update(expectedVersion="two")),
    "status-missing": _job(_update(None)),
    "status-unknown": _job(_update("DONE")),
    "status-of-service": _job(_update("CANCELED")),
    "too-many-details": _job(_update(statusDetails={f"k{number}": "v" for number in range(11)})),
    "detail-key": _job(_update(statusDetails={"a b": "v"})),
    "detail-value": _job(_update(statusDetails={"a": ""})),
    "step-timeout": _job(_update(stepTimeoutInMinutes=10_081)),
    "transition": _job(_update("QUEUED")),
    "job-has-ended": _job(_update("FAILED"), _update("FAILED")),
    "job-not-found": _update("FAILED"),
    "version-mismatch": _job(_update(expectedVersion="7")),
    "unversioned-race": _job(_update(statusDetails={"a": "1"}), _update(client_id="other", statusDetails={"a": "2"})),
    "self-test-lost": _job(_update(statusDetails=READY), _update(statusDetails={"receive": "15/15"})),
    "numeric-reason": _job(_update("FAILED", statusDetails={"reason": "0x000000e3: 0x00000000"})),
    "ended-early": _job(lambda clinic: clinic.get(n=8), _update("SUCCEEDED")),
    "job-unnoticed": deaf()(chain(lambda clinic: clinic.offer(), lambda clinic: clinic.wait(61))),
    "job-not-asked": chain(lambda clinic: clinic.offer(), lambda clinic: clinic.wait(61)),
    "job-idle": _job(lambda clinic: clinic.wait(61)),
    "image-over-bitmap": chain(
        lambda clinic: clinic.offer(size=5_000_000),
        lambda clinic: clinic.own("jobs/$next/get") and None,
        lambda clinic: clinic.wait(61),
    ),
    "job-request-storm": repeat(25, lambda clinic: clinic.own("jobs/start-next") and None),
    "connect-denied": lambda clinic: clinic.deny(BrokerEvent.CONNECT, None),
    "publish-denied": lambda clinic: clinic.deny(BrokerEvent.PUBLISH_IN, "$aws/things/other/jobs/start-next"),
    "subscribe-denied": lambda clinic: clinic.deny(BrokerEvent.SUBSCRIBE, "#"),
    "receive-denied": lambda clinic: clinic.deny(BrokerEvent.PUBLISH_OUT, f"$aws/things/{THING}/jobs/notify"),
}

BESIDE: Final[Mapping[str, set[str]]] = {
    "long-field-names": {"file-id-missing"},
    "request-storm": {"no-progress"},
    "data-unheard": {"no-progress"},
    "rejected-unheard": {"stream-version"},
}
"""What else is found at an agent, when it is more than its one kind."""
