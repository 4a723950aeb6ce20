"""A device and its cloud in memory: the real jobs and streams services, simulated time, a flash that loses power."""

import base64
import json
from collections import deque
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import NameOID

from images import MemoryImage, image_bytes
from ota_device.boot import Booted, boot
from ota_device.flash import RECORD, Flash
from ota_device.flavours import FREERTOS, Flavour
from ota_device.machine import Machine
from ota_device.station import FIRST_VERSION, factory_image
from ota_device.verify import Certificates
from ota_device.weak_storage import MemoryStorage, PowerCut, WeakStorage
from ota_stream.answers import Audience, Reply
from ota_stream.jobs import topics as job_topics
from ota_stream.jobs.book import JobBook
from ota_stream.jobs.control import JobControl
from ota_stream.jobs.executions import Status
from ota_stream.jobs.jobs import JobSpec
from ota_stream.jobs.service import JobService
from ota_stream.streams import topics as stream_topics
from ota_stream.streams.catalog import Catalog
from ota_stream.streams.service import StreamService
from ota_stream.testing.wire import LossyWire

THING: Final = "dev1"
CERTIFICATE: Final = "certs/signer.pem"
STREAM: Final = "AFR_OTA-1"
SIZE: Final = 60_000  # 15 blocks of 4096
STEPS_MAX: Final = 100_000


def firmware(version: str | None = "0.9.1", size: int = SIZE, more: bytes = b"") -> bytes:
    """Return an image that says its version."""
    mark = b"" if version is None else f"OTA-VERSION:{version}\n".encode()
    return image_bytes(size - len(mark) - len(more)) + mark + more


class Signer:
    """A key and its certificate."""

    def __init__(self, key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> None:
        self._key = key
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "signer")])
        builder = x509.CertificateBuilder(name, name, key.public_key(), 1)
        builder = builder.not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
        builder = builder.not_valid_after(datetime(2040, 1, 1, tzinfo=UTC))
        self.pem = builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    def sign(self, image: bytes, digest: hashes.HashAlgorithm | None = None) -> str:
        digest = digest or hashes.SHA256()
        if isinstance(self._key, rsa.RSAPrivateKey):
            return base64.b64encode(self._key.sign(image, padding.PKCS1v15(), digest)).decode()
        return base64.b64encode(self._key.sign(image, ec.ECDSA(digest))).decode()


@cache
def ecdsa(_name: str = "") -> Signer:
    """Return a signer; another name is another key."""
    return Signer(ec.generate_private_key(ec.SECP256R1()))


@cache
def rsa_signer() -> Signer:
    return Signer(rsa.generate_private_key(65_537, 2048))


def document(
    image: bytes, *, drop: tuple[str, ...] = (), ota: Mapping[str, Any] | None = None, **changes: Any
) -> dict[str, Any]:
    """Return the job document for an image; `drop` and `changes` are about the file, `ota` about the rest."""
    file = {
        "filepath": "firmware.bin",
        "filesize": len(image),
        "fileid": 0,
        "certfile": CERTIFICATE,
        "sig-sha256-ecdsa": ecdsa().sign(image),
        **changes,
    }
    file = {name: value for name, value in file.items() if name not in drop}
    return {"afr_ota": {"protocols": ["MQTT"], "streamname": STREAM, "files": [file], **(ota or {})}}


class CuttableStorage(WeakStorage):
    """A weak storage in memory, whose files can be looked at."""

    def __init__(self, cuts: tuple[int, ...] = (), seed: int = 0, files: dict[str, bytearray] | None = None) -> None:
        memory = MemoryStorage() if files is None else MemoryStorage(files)
        super().__init__(memory, cuts, seed)
        self.files = memory.files


class World:
    """One thing with its cloud. `sent` are the device's messages, `said` its lines, `boots` the images it booted."""

    def __init__(
        self, flavour: Flavour = FREERTOS, storage: CuttableStorage | None = None, wire: LossyWire | None = None
    ) -> None:
        self.flavour = flavour
        self.storage = storage or CuttableStorage()
        self.wire = wire or LossyWire(0)
        self.certificates = Certificates({CERTIFICATE: ecdsa().pem})
        self.catalog = Catalog()
        book = JobBook()
        self.control = JobControl(book)
        self._jobs = JobService(book)
        self._streams = StreamService(self.catalog)
        self.sent: list[tuple[str, bytes, int]] = []
        self.said: list[str] = []
        self.bars: list[tuple[int, int]] = []
        self.boots: list[Booted] = []
        self.images: list[bytes] = []
        self.subscriptions: dict[str, int] = {}
        self.inbox: deque[tuple[str, bytes]] = deque()
        self.machine: Machine | None = None
        self.records_at_cuts: list[bytes] = []
        self.tamper: Callable[[str, bytes], bytes | None] = lambda _, payload: payload

    # The operator

    def offer(
        self, image: bytes, job_id: str = "job-1", doc: Mapping[str, Any] | None = None, stream: bytes | None = None
    ) -> None:
        """Put an image into the stream of its job document, unless that stream is there, and make the job."""
        said = doc or document(image)
        name = said.get("afr_ota", {}).get("streamname") or STREAM
        if self.catalog.find(name) is None:
            self.catalog.put(name, {0: MemoryImage(image if stream is None else stream)})
        spec = JobSpec(job_id, (f"thing/{THING}",), json.dumps(said))
        self._deliver(self.control.create_job(spec, self.wire.now).replies)

    def cancel(self, job_id: str = "job-1") -> None:
        self._deliver(self.control.cancel_job(job_id, self.wire.now, force=True).replies)

    def execution(self, job_id: str = "job-1") -> tuple[Status, dict[str, str]]:
        execution = self.control.execution(THING, job_id)
        return execution.status, dict(execution.details)

    # The device

    def boot(self) -> None:
        """Start the device from its flash."""
        self.inbox.clear()
        self.subscriptions.clear()
        self.wire.cut()
        self.machine = None
        flash = Flash(self.storage)
        if flash.record is None:
            flash.install(factory_image(FIRST_VERSION), FIRST_VERSION)
        booted = boot(flash)
        self.boots.append(booted)
        self.images.append(flash.image(booted.slot))
        if not booted.starts:
            return
        self.machine = Machine(THING, self.flavour, booted, flash, self.certificates, self)
        self.machine.start(self, self.wire.now)

    def step(self) -> bool:
        """Let one thing happen. False when nothing is left to happen."""
        try:
            if self.machine is None or self.machine.reboots:
                self.boot()
                return True
            if self.machine.stopped:
                return False
            return self._next(self.machine)
        except PowerCut:
            self.records_at_cuts.append(bytes(self.storage.files.get(RECORD, b"")))
            self.machine = None
            return True

    def _next(self, machine: Machine) -> bool:
        deadline = machine.deadline
        if self.inbox:
            machine.on_message(self, *self.inbox.popleft(), self.wire.now)
        elif deadline is not None and deadline < self.wire.next_arrival:
            self.wire.now = max(self.wire.now, deadline)
            machine.on_time(self, self.wire.now)
        elif self.wire.next_arrival < float("inf"):
            self.wire.deliver()
        else:
            return False
        return True

    def run(self, until: Callable[[], bool] = lambda: False) -> None:
        """Run until nothing happens any more or `until` says so."""
        for _ in range(STEPS_MAX):
            if until() or not self.step():
                return
        raise AssertionError("this does not end")

    def run_job(self, job_id: str = "job-1") -> tuple[Status, dict[str, str]]:
        """Run until the job has ended, and the device has drawn the consequences."""
        self.run(lambda: self.execution(job_id)[0] not in {Status.QUEUED, Status.IN_PROGRESS})
        self.run(lambda: not self.inbox and self.machine is not None and not self.machine.reboots)
        return self.execution(job_id)

    def reconnect(self) -> None:
        """The connection is lost with what was under way, and comes back with its subscriptions."""
        assert self.machine is not None
        self.inbox.clear()
        self.wire.cut()
        self.machine.on_reconnected(self, self.wire.now)

    # Watcher and Wire

    def say(self, text: str) -> None:
        self.said.append(text)

    def progress(self, received: int, size: int) -> None:
        self.bars.append((received, size))

    def subscribe(self, topic: str, /, *, qos: int) -> None:
        self.subscriptions[topic] = qos

    def unsubscribe(self, topic: str, /) -> None:
        self.subscriptions.pop(topic, None)

    def publish(self, topic: str, payload: bytes, /, *, qos: int) -> None:
        self.sent.append((topic, payload, qos))
        if "/jobs/" in topic:
            parsed = job_topics.parse(topic)
            assert parsed is not None
            self._deliver(self._jobs.answer(parsed, payload, THING, self.wire.now).replies)
        else:
            self.wire.send(lambda request: self._answer_stream(topic, request), payload)

    def _answer_stream(self, topic: str, request: bytes) -> None:
        try:
            parsed = stream_topics.parse(topic)
        except stream_topics.UnknownTopic:
            return
        assert parsed is not None
        for reply in self._streams.answer(parsed, request, THING, self.wire.now).replies:
            payload = self.tamper(reply.topic, reply.payload)
            if payload is not None:
                self.wire.send(lambda body, to=reply.topic: self.inbox.append((to, body)), payload)

    def _deliver(self, replies: tuple[Reply, ...]) -> None:
        """Hand over answers of the jobs service: to the requester unasked (JT-9), the rest by subscription (JT-10)."""
        for reply in replies:
            if reply.topic.startswith(f"$aws/things/{THING}/") and (
                reply.to is Audience.REQUESTER or reply.topic in self.subscriptions
            ):
                self.inbox.append((reply.topic, reply.payload))

    # What tests ask

    def published(self, tail: str) -> list[bytes]:
        """Return the payloads the device published to a topic, named below its thing."""
        return [payload for topic, payload, _ in self.sent if topic == f"$aws/things/{THING}/{tail}"]
