"""The services of one simulator over its database: what was acknowledged before a restart is there after it."""

import uuid
from collections.abc import Callable, Container
from pathlib import Path

from msgspec import Struct

from ota_stream.answers import Effect
from ota_stream.api.presign import Presigner
from ota_stream.clock import Clock
from ota_stream.jobs.book import JobBook, JobTables
from ota_stream.jobs.control import JobControl
from ota_stream.jobs.executions import JobExecution
from ota_stream.jobs.jobs import EventType, Job, Thing, ThingGroup, WaitingThing
from ota_stream.jobs.options import JobOptions
from ota_stream.jobs.queries import JobQueries
from ota_stream.jobs.registry import Registry
from ota_stream.jobs.service import JobService
from ota_stream.signing.jobs import SigningJob
from ota_stream.signing.profiles import SigningProfile
from ota_stream.signing.service import SigningBook, SigningService
from ota_stream.stores import keys as keys_store
from ota_stream.stores.keys import KeyFolder
from ota_stream.stores.objects import ObjectRow, ObjectStore
from ota_stream.stores.sqlite import Database
from ota_stream.streams.catalog import Catalog
from ota_stream.updates.creation import MadeStream
from ota_stream.updates.options import UpdateOptions
from ota_stream.updates.service import Below, UpdateBook, UpdateService
from ota_stream.updates.states import OtaUpdate


class Services(Struct, frozen=True):
    """Everything that decides, apart from streams."""

    jobs: JobService
    control: JobControl
    queries: JobQueries
    registry: Registry
    signing: SigningService
    updates: UpdateService
    objects: ObjectStore
    keys: KeyFolder
    presigner: Presigner
    groups: Container[str]
    arn: Callable[[str], str]

    def on_time(self, now: float) -> Effect:
        """Do what is due: roll-outs, time-outs, the next steps of updates. Costs two comparisons when nothing is."""
        effects = [
            service.on_time(now)
            for service in (self.updates, self.control)
            if (deadline := service.deadline()) is not None and deadline <= now
        ]
        return Effect(
            tuple(reply for effect in effects for reply in effect.replies),
            tuple(record for effect in effects for record in effect.records),
        )


class Place(Struct, frozen=True):
    """Where and how the services work: folder, address of presigned URLs, clock, options."""

    data_dir: Path
    http_base: str
    job_options: JobOptions
    update_options: UpdateOptions
    clock: Clock


def open_services(database: Database, catalog: Catalog, place: Place) -> Services:
    """Build the services over what the database has.

    Raises:
        StoreError: a stored value is damaged.
    """
    keys = KeyFolder(place.data_dir / keys_store.FOLDER, place.clock)
    presigner = Presigner(place.http_base, keys.secret("presigned URLs"))

    def presign(s3_url: str, seconds: float) -> str:
        return presigner.resolve(s3_url, place.clock.wall() + seconds)

    table = database.table
    job_options, update_options = place.job_options, place.update_options
    book = JobBook(
        JobTables(
            jobs=table("jobs", Job),
            executions=table("executions", JobExecution),
            waiting=table("waiting", WaitingThing),
            things=table("things", Thing),
            groups=table("groups", ThingGroup),
            event_types=table("event types", EventType),
        )
    )
    control = JobControl(book, job_options, presign)
    objects = ObjectStore(place.data_dir / "objects", table("objects", ObjectRow))
    signing = SigningService(
        SigningBook(
            profiles=table("signing profiles", SigningProfile),
            jobs=table("signing jobs", SigningJob),
            tokens=table("signing tokens", str),
        ),
        keys,
        _new_id,
    )
    updates = UpdateService(
        UpdateBook(updates=table("updates", OtaUpdate), streams=table("streams", MadeStream)),
        Below(catalog, signing, control, objects),
        _new_id,
        update_options,
    )
    return Services(
        jobs=JobService(book, job_options, presign),
        control=control,
        queries=JobQueries(book, job_options),
        registry=Registry(book, job_options, presign),
        signing=signing,
        updates=updates,
        objects=objects,
        keys=keys,
        presigner=presigner,
        groups=book.groups,
        arn=update_options.arn,
    )


def _new_id() -> str:
    return str(uuid.uuid4())
