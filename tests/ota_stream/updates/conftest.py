"""A small cloud without I/O: real services over tables that keep nothing but bytes, so that a restart is a real one."""

import hashlib
import json
from collections.abc import MutableMapping
from functools import cache

import msgspec
import pytest

from images import MemoryImage, image_bytes
from ota_stream.jobs.book import JobBook, JobTables
from ota_stream.jobs.control import JobControl
from ota_stream.jobs.executions import JobExecution
from ota_stream.jobs.jobs import EventType, Job, Thing, ThingGroup, WaitingThing
from ota_stream.jobs.options import JobOptions
from ota_stream.records import UpdateRecord
from ota_stream.signing.jobs import SigningJob
from ota_stream.signing.keys import Validity, mint_ca, mint_code_signing
from ota_stream.signing.platforms import KeyKind
from ota_stream.signing.profiles import SigningProfile
from ota_stream.signing.service import SigningBook, SigningService
from ota_stream.streams.catalog import Catalog, ImageForbidden, ImageGone
from ota_stream.updates.creation import MadeStream
from ota_stream.updates.messages import (
    CertificateChain,
    CodeSigning,
    CreateOtaUpdate,
    CustomCodeSigning,
    FileLocation,
    InlineSignature,
    S3Destination,
    S3Location,
    SigningDestination,
    SigningProfileParameter,
    StartSigningJobParameter,
    StreamLocation,
    UpdateFile,
)
from ota_stream.updates.objects import StoredObject
from ota_stream.updates.options import UpdateOptions
from ota_stream.updates.service import Below, UpdateBook, UpdateService
from ota_stream.updates.states import OtaUpdate

NOW = 1_700_000_000.0
ROLE = "arn:aws:iam::123456789012:role/ota"
THING = "arn:aws:iot:us-east-1:123456789012:thing/lock-1"
FIRMWARE = image_bytes(50_000)


START_NEW = CodeSigning(
    start_signing_job_parameter=StartSigningJobParameter(
        SigningProfileParameter("arn:aws:acm:signer", "AmazonFreeRTOS-Default", "Code Verify Key"),
        "ecdsa_profile",
        SigningDestination(S3Destination("signed", "SignedImages/")),
    )
)
START_EXISTING = CodeSigning(
    start_signing_job_parameter=StartSigningJobParameter(
        signing_profile_name="ecdsa_profile", destination=SigningDestination(S3Destination("signed"))
    )
)
DER = bytes.fromhex("3006020105020107")
CUSTOM = CodeSigning(
    custom_code_signing=CustomCodeSigning(
        InlineSignature(DER), CertificateChain("custom.crt", "PEM"), "SHA256", "ECDSA"
    )
)


class Table(MutableMapping):
    """Structs by name, kept as the JSON a store would keep."""

    def __init__(self, shape):
        self._rows: dict[str, bytes] = {}
        self._shape = shape

    def __getitem__(self, name):
        return msgspec.json.decode(self._rows[name], type=self._shape)

    def __setitem__(self, name, value):
        self._rows[name] = msgspec.json.encode(value)

    def __delitem__(self, name):
        del self._rows[name]

    def __iter__(self):
        return iter(list(self._rows))

    def __len__(self):
        return len(self._rows)


class MemoryObjects:
    """Buckets of versioned objects; `forbidden` keys cannot be read."""

    def __init__(self):
        self.versions: dict[tuple[str, str], list[bytes]] = {}
        self.forbidden: set[str] = set()

    def find(self, bucket, key, version):
        if key in self.forbidden:
            raise ImageForbidden(f"{key} may not be read")
        versions = self.versions.get((bucket, key), [])
        number = int(version) if version is not None else len(versions)
        if not 1 <= number <= len(versions):
            raise ImageGone(f"{key} is not there")
        return StoredObject(bucket, key, str(number), MemoryImage(versions[number - 1]))

    def put(self, bucket, key, content):
        self.versions.setdefault((bucket, key), []).append(content)
        return str(len(self.versions[bucket, key]))


@cache
def pair(name, kind):
    validity = Validity(NOW - 86_400, NOW + 86_400, int.from_bytes(hashlib.sha256(name.encode()).digest()[:8]))
    return mint_code_signing(name, kind, mint_ca("CA", KeyKind.ECDSA, validity), validity)


class MemoryKeys:
    """A key store that mints on first use."""

    def get_or_mint(self, certificate, kind):
        return pair(certificate, kind)


class World:
    """The services and what outlives them. `restart` is a new process over the same tables."""

    NOW, FIRMWARE, THING, ROLE, DER = NOW, FIRMWARE, THING, ROLE, DER
    START_NEW, START_EXISTING, CUSTOM = START_NEW, START_EXISTING, CUSTOM

    def __init__(self, **options):
        self.options = UpdateOptions(**{"pace": 0.25, **options})
        self.objects = MemoryObjects()
        self.keys = MemoryKeys()
        self.signing_book = SigningBook(Table(SigningProfile), Table(SigningJob), Table(str))
        self.book = UpdateBook(Table(OtaUpdate), Table(MadeStream))
        self.job_tables = JobTables(
            Table(Job), Table(JobExecution), Table(WaitingThing), Table(Thing), Table(ThingGroup), Table(EventType)
        )
        self._numbers = iter(range(1, 100_000))
        self.restart()

    def new_id(self):
        return f"00000000-0000-4000-8000-{next(self._numbers):012}"

    def restart(self):
        self.catalog = Catalog()
        self.signing = SigningService(self.signing_book, self.keys, self.new_id)
        self.jobs = JobControl(JobBook(self.job_tables), JobOptions())
        below = Below(self.catalog, self.signing, self.jobs, self.objects)
        self.service = UpdateService(self.book, below, self.new_id, self.options)
        return self.service.restore()

    def step(self):
        """Let the next step happen, at the moment it is due: its time and its effect."""
        now = self.service.deadline()
        return now, self.service.on_time(now)

    def run(self):
        """Let all creations end; the records they wrote."""
        records = []
        while self.service.deadline() is not None:
            records += self.step()[1].records
        return records

    @staticmethod
    def asked(ota_update_id, *files, **more):
        """A request for an update of one thing."""
        return CreateOtaUpdate(ota_update_id, (THING,), files, ROLE, **more)

    @staticmethod
    def file(location=None, signing=None, name="fw.bin", **more):
        """A file of a request."""
        return UpdateFile(name, file_location=location or FileLocation(), code_signing=signing or CodeSigning(), **more)

    def create(self, request, now=NOW):
        """Create an update and let it come to its end: the update and the records."""
        self.service.create(request, now)
        records = self.run()
        return self.service.get(request.ota_update_id), records

    def document(self, ota_update_id):
        """The text of an update's job document."""
        return self.jobs.job(self.service.get(ota_update_id).job_id).spec.document

    def files_of(self, ota_update_id):
        """The files of an update's job document."""
        return json.loads(self.document(ota_update_id))["afr_ota"]["files"]

    @staticmethod
    def actions(records):
        """The actions of the records of updates."""
        return [record.action for record in records if isinstance(record, UpdateRecord)]

    def a_group(self, name):
        """A thing group without things."""
        self.job_tables.groups[name] = ThingGroup(name)
        self.restart()

    def a_stream(self, stream_id="callers"):
        """A stream the caller has made, with file 3."""
        self.catalog.put(stream_id, {3: MemoryImage(FIRMWARE)})
        return FileLocation(stream=StreamLocation(stream_id, 3))

    def an_object(self, key="firmware.bin", content=FIRMWARE):
        """An object in bucket `fw`."""
        return FileLocation(s3_location=S3Location("fw", key, self.objects.put("fw", key, content)))

    def a_signing_job(self, content=FIRMWARE):
        """A signing job that was done before: the code signing that names it."""
        location = self.an_object("signed-before.bin", content)
        update, _ = self.create(self.asked("before-" + self.new_id(), self.file(location, START_NEW)))
        return CodeSigning(aws_signer_job_id=update.request.files[0].code_signing.aws_signer_job_id)


@pytest.fixture
def world():
    return World()


@pytest.fixture(scope="session")
def make_world():
    """Worlds with options."""
    return World
