"""The whole cloud for the catalogue of scenarios, in memory, with a device beside it."""

import hashlib
import json
from collections.abc import Callable, Iterable
from functools import cache
from itertools import count
from typing import Any, Final

from device_world import PowerCut, World, firmware
from images import MemoryImage
from ota_device.flavours import FREERTOS, Flavour
from ota_device.reasons import words
from ota_device.station import FIRST_VERSION, factory_image
from ota_device.verify import Certificates
from ota_stream.answers import Answer, Effect, Reply
from ota_stream.jobs.book import JobBook
from ota_stream.jobs.configs import TimeoutConfig
from ota_stream.jobs.control import JobControl
from ota_stream.jobs.executions import JobExecution
from ota_stream.jobs.registry import Registry
from ota_stream.jobs.service import JobService
from ota_stream.records import JobCountRecord, JobRequestRecord, Record
from ota_stream.signing import signatures
from ota_stream.signing.keys import KeyPair, Validity, mint_ca, mint_code_signing
from ota_stream.signing.platforms import Algorithm, KeyKind
from ota_stream.signing.profiles import SigningProfile
from ota_stream.signing.service import SigningBook, SigningService
from ota_stream.streams.catalog import ImageGone
from ota_stream.streams.service import StreamService
from ota_stream.testing.wire import LossyWire
from ota_stream.updates.messages import (
    CertificateChain,
    CodeSigning,
    CreateOtaUpdate,
    CustomCodeSigning,
    FileLocation,
    InlineSignature,
    PresignedUrlConfig,
    S3Location,
    StartSigningJobParameter,
    UpdateFile,
)
from ota_stream.updates.objects import StoredObject
from ota_stream.updates.orders import DAMAGE
from ota_stream.updates.service import Below, UpdateBook, UpdateService
from ota_stream.updates.states import UpdateStatus

NOW: Final = 1_700_000_000.0
THING: Final = "dev1"
BUCKET: Final = "firmware"
PROFILE: Final = SigningProfile("board", "AmazonFreeRTOS-Default", "arn:aws:acm:signer", "certs/board.pem")
OLD: Final = factory_image(FIRST_VERSION)
NEW: Final = firmware()
CREATION: Final = ["StartCodeSigning", "CreateStream", "CreateAWSJob", "CreateOTAUpdate"]
DESCRIBE: Final = "DescribeJobExecution"
UPDATE: Final = "UpdateJobExecution"
BLOCKS: Final = "GetStream"
ENDED: Final = "ReportFinalJobExecutionCount"


def request(
    ota_update_id: str,
    location: S3Location,
    *,
    targets: tuple[str, ...] = (f"thing/{THING}",),
    file_name: str | None = "firmware.bin",
    signing: CodeSigning | None = None,
    damage: str | None = None,
    protocols: tuple[str, ...] = ("MQTT",),
    url_seconds: int = 1800,
    timeout_minutes: int | None = None,
    continuous: bool = False,
) -> CreateOtaUpdate:
    """Return the request of CreateOTAUpdate that a scenario begins with: one image, signed for the board."""
    start = CodeSigning(start_signing_job_parameter=StartSigningJobParameter(signing_profile_name=PROFILE.name))
    file = UpdateFile(file_name, file_location=FileLocation(s3_location=location), code_signing=signing or start)
    return CreateOtaUpdate(
        ota_update_id,
        targets,
        (file,),
        "arn:aws:iam::123456789012:role/ota",
        protocols=protocols,
        target_selection="CONTINUOUS" if continuous else "SNAPSHOT",
        aws_job_presigned_url_config=PresignedUrlConfig(url_seconds),
        aws_job_timeout_config=TimeoutConfig(timeout_minutes),
        additional_parameters={} if damage is None else {DAMAGE: damage},
    )


def names(records: Iterable[Record]) -> list[str]:
    """Return what records tell of: eventType or actionType."""
    return [
        record.event.value
        if isinstance(record, JobRequestRecord)
        else ENDED
        if isinstance(record, JobCountRecord)
        else record.action.value
        for record in records
    ]


def story(records: Iterable[Record]) -> list[str]:
    """Return the same with repetitions left out."""
    told = names(records)
    return [name for before, name in zip(["", *told], told, strict=False) if name != before]


def failures(records: Iterable[Record]) -> list[tuple[str, str]]:
    """Return (name, failure) of the records of what was refused."""
    return [
        (name, failure)
        for name, record in zip(names(records), records, strict=True)
        if (failure := getattr(record, "failure", None)) is not None
    ]


def why(execution: JobExecution) -> str:
    """Return in words why an execution has ended."""
    return words(execution.details.get("reason", ""))


class MemoryObjects:
    """Buckets of versioned objects in memory."""

    def __init__(self) -> None:
        self._versions: dict[tuple[str, str], list[bytes]] = {}

    def find(self, bucket: str, key: str, version: str | None) -> StoredObject:
        versions = self._versions.get((bucket, key), [])
        number = len(versions) if version is None else int(version)
        if not 1 <= number <= len(versions):
            raise ImageGone(f"{key} is not there")
        return StoredObject(bucket, key, str(number), MemoryImage(versions[number - 1]))

    def put(self, bucket: str, key: str, content: bytes) -> str:
        self._versions.setdefault((bucket, key), []).append(content)
        return str(len(self._versions[bucket, key]))


@cache
def pair(name: str, kind: KeyKind) -> KeyPair:
    validity = Validity(NOW - 86_400, NOW + 86_400, int.from_bytes(hashlib.sha256(name.encode()).digest()[:8]) + 1)
    return mint_code_signing(name, kind, mint_ca("CA", KeyKind.ECDSA, validity), validity)


class MemoryKeys:
    """A key store that mints on first use."""

    def get_or_mint(self, certificate: str, kind: KeyKind) -> KeyPair:
        return pair(certificate, kind)


def signed_before(image: bytes) -> CodeSigning:
    """Return a signature over this image by the board's own key, to be sent with whatever image."""
    signature = signatures.sign(image, pair(PROFILE.certificate, KeyKind.ECDSA).key, Algorithm.SHA256_ECDSA)
    chain = CertificateChain(PROFILE.certificate_path, "PEM")
    return CodeSigning(custom_code_signing=CustomCodeSigning(InlineSignature(signature), chain, "SHA256", "ECDSA"))


class Recorded:
    """A service whose records are kept."""

    def __init__(self, service: Any, records: list[Record]) -> None:
        self._service, self._records = service, records

    def answer(self, *request: Any) -> Answer:
        answer = self._service.answer(*request)
        self._records += (answer.record, *answer.also)
        return answer


class Stage(World):
    """A world whose jobs come from OTA updates, with the time that all services share, and the log of it all."""

    def __init__(self, flavour: Flavour = FREERTOS) -> None:
        wire = LossyWire(0)
        wire.now = NOW
        super().__init__(flavour, wire=wire)
        self.records: list[Record] = []
        self.connected = True
        self.cut_before: Callable[[str, bytes], bool] = lambda _topic, _payload: False
        book = JobBook()
        self.control = JobControl(book)
        self.registry = Registry(book)
        self._jobs = Recorded(JobService(book), self.records)
        self._streams = Recorded(StreamService(self.catalog), self.records)
        self._objects = MemoryObjects()
        ids = count(1)
        signing = SigningService(SigningBook({}, {}, {}), MemoryKeys(), lambda: f"signing-{next(ids)}")
        signing.put_profile(PROFILE)
        below = Below(self.catalog, signing, self.control, self._objects)
        self.updates = UpdateService(UpdateBook({}, {}), below, lambda: f"00000000-0000-4000-8000-{next(ids):012}")
        self.certificates = Certificates({PROFILE.certificate_path: signing.certificate(PROFILE.name)})

    # The operator

    def update(self, image: bytes = NEW, ota_update_id: str = "u1", **more: Any) -> str:
        """Make an OTA update of an image, wait for its job, and return the job's id."""
        key = f"{ota_update_id}.bin"
        location = S3Location(BUCKET, key, self._objects.put(BUCKET, key, image))
        self.hand_over(self.updates.create(request(ota_update_id, location, **more), self.wire.now)[1])
        while (due := self.updates.deadline()) is not None:
            self.wire.now = due
            self.turn()
        update = self.updates.get(ota_update_id)
        assert update.status is UpdateStatus.CREATE_COMPLETE, update.error
        assert update.job_id is not None
        return update.job_id

    def cancel(self, job_id: str = "AFR_OTA-u1") -> None:
        self.hand_over(self.control.cancel_job(job_id, self.wire.now, force=True))

    def hand_over(self, effect: Effect) -> None:
        """Keep the records of an effect and send its messages."""
        self.records += effect.records
        self._deliver(effect.replies)

    def turn(self) -> None:
        """Do what is due in the cloud."""
        for service in (self.updates, self.control):
            if (due := service.deadline()) is not None and due <= self.wire.now:
                self.hand_over(service.on_time(self.wire.now))

    # The device

    def step(self) -> bool:
        self.turn()
        return super().step()

    def publish(self, topic: str, payload: bytes, /, *, qos: int) -> None:
        if self.cut_before(topic, payload):
            self.cut_before = lambda _topic, _payload: False
            raise PowerCut
        if self.connected:
            super().publish(topic, payload, qos=qos)

    def _deliver(self, replies: tuple[Reply, ...]) -> None:
        """Hand over what the jobs service says, after the blocks sent before: a connection keeps the order."""
        while self.wire.next_arrival <= self.wire.now:
            self.wire.deliver()
        super()._deliver(replies)

    def receive_some(self, number: int = 10) -> None:
        """Run until this many blocks have arrived since the start."""
        self.run(lambda: len(self.bars) >= number)
        assert len(self.bars) == number

    def ended(self, job_id: str = "AFR_OTA-u1") -> JobExecution:
        """Run until the job has ended, and the device has drawn the consequences."""
        self.run_job(job_id)
        return self.of(job_id)

    def ask(self, tail: str, body: dict[str, Any]) -> tuple[str, Any]:
        """Ask the jobs service in the name of the thing, beside its agent; return the answer: its kind and itself."""
        there = len(self.inbox)
        World.publish(self, f"$aws/things/{THING}/jobs/{tail}", json.dumps(body).encode(), qos=1)
        topic, payload = next(it for it in list(self.inbox)[there:] if it[0].endswith(("/accepted", "/rejected")))
        self.inbox.remove((topic, payload))
        return topic.rpartition("/")[2], json.loads(payload)

    # What tests ask

    def of(self, job_id: str = "AFR_OTA-u1") -> JobExecution:
        return self.control.execution(THING, job_id)

    @property
    def runs(self) -> bytes:
        """The image the device runs."""
        return self.images[-1]

    @property
    def requests(self) -> int:
        """How many GetStream requests were made."""
        return names(self.records).count(BLOCKS)
