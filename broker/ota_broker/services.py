"""The services of one simulator over its database: what was acknowledged before a restart is there after it."""

from collections.abc import Callable, Iterator
from pathlib import Path

from msgspec import Struct

from ota_broker import rest_of_aws
from ota_broker.dice import Dice, Ids
from ota_broker.logging_account import open_logging
from ota_broker.rest_of_aws import RestOfAws
from ota_stream.answers import Effect
from ota_stream.api.aws import live_tails
from ota_stream.api.aws.cloud_logs import CloudLogs, cloud_logs
from ota_stream.api.aws.clouded import AwsOperated, Tags
from ota_stream.api.aws.moto.principals import MotoPrincipals
from ota_stream.api.aws.moto.state import MotoState
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
from ota_stream.logs import groups
from ota_stream.logs.service import LoggingService
from ota_stream.policies.service import PolicyService
from ota_stream.signing.jobs import SigningJob
from ota_stream.signing.profiles import SigningProfile
from ota_stream.signing.service import SigningBook, SigningService
from ota_stream.stores import keys as keys_store
from ota_stream.stores.kept_streams import KeptStream, KeptStreams
from ota_stream.stores.keys import KeyFolder
from ota_stream.stores.log_events import StoredEvents
from ota_stream.stores.objects import ObjectRow, ObjectStore
from ota_stream.stores.sqlite import Database
from ota_stream.streams.catalog import Catalog
from ota_stream.updates.creation import MadeStream
from ota_stream.updates.options import UpdateOptions
from ota_stream.updates.service import Below, UpdateBook, UpdateService
from ota_stream.updates.states import OtaUpdate


class Place(Struct, frozen=True):
    """Where and how the services work.

    Folder, address of presigned URLs, options, clock, URL of another AWS, the records' log group, and seconds between
    two portions of a live tail.
    """

    data_dir: Path
    http_base: str
    job_options: JobOptions
    update_options: UpdateOptions
    clock: Clock
    aws_backend: str | None = None
    log_group: str = groups.REAL
    tail_pace: float = live_tails.PACE
    dice: Dice = Dice()
    machine: Clock | None = None  # by which others check certificates, when it is not `clock`


def _nobody_is_connected(_client_id: str, _clean: bool, _silent: bool) -> bool:  # noqa: FBT001 - AwsOperated
    return False


class Outlets(Struct, frozen=True):
    """What leaves the services by the process, as Operated and AwsOperated say."""

    hand_over: Callable[[Effect], None]
    commit: Callable[[], None]
    address: Callable[[str], str]
    end_connection: Callable[[str, bool, bool], bool] = _nobody_is_connected


class Services(Struct, frozen=True):
    """Everything that decides, apart from what devices ask of streams: `cloud` as those who call over HTTP have it.

    `rest` is the rest of AWS, and `moto` what is kept of it in this process; `principals` are its certificates.
    """

    cloud: AwsOperated
    book: JobBook
    rest: RestOfAws
    moto: MotoState
    principals: MotoPrincipals

    def restore(self) -> Iterator[str]:
        """Bring back what was under way; the lines say what of it is lost."""
        yield from self.cloud.updates.restore()
        self.cloud.kept.restore()
        doubt = self.moto.doubt()
        if doubt is not None:
            yield doubt

    def rights_changed(self) -> None:
        """Judge anew what roles may do, and so what is logged; and whom certificates stand for."""
        self.principals.changed()
        self.cloud.policies.changed()
        self.rest.roles.changed()
        self.cloud.logs.settings.changed()

    def on_time(self, now: float) -> Effect:
        """Do what is due: roll-outs, time-outs, the next steps of updates. Costs two comparisons when nothing is."""
        effects = [
            service.on_time(now)
            for service in (self.cloud.updates, self.cloud.jobs)
            if (deadline := service.deadline()) is not None and deadline <= now
        ]
        return Effect.of(effects)


def open_services(
    database: Database, events: StoredEvents, catalog: Catalog, place: Place, outlets: Outlets
) -> Services:
    """Build the services over what the database has, and the log groups that AWS IoT writes.

    Raises:
        StoreError: a stored value is damaged.
    """
    keys = KeyFolder(place.data_dir / keys_store.FOLDER, place.machine or place.clock, place.dice.secret)
    presigner = Presigner(place.http_base, keys.secret("presigned URLs"))

    def presign(s3_url: str, seconds: float, thing: str) -> str:
        return presigner.resolve(s3_url, place.clock.wall() + seconds, thing)

    table = database.table
    job_options, update_options = place.job_options, place.update_options
    book = _job_book(database)
    control = JobControl(book, job_options, presign)
    dice = place.dice
    moto = MotoState(place.data_dir, update_options.account_id, dice.of("moto").getrandbits(64))
    own = ObjectStore(place.data_dir / "objects", table("objects", ObjectRow), dice.of("versions").randbytes)
    if place.aws_backend is None:
        rest = rest_of_aws.in_process(moto, update_options.region, own, keys)
    else:
        rest = rest_of_aws.elsewhere(place.aws_backend, own, keys)
    signing = SigningService(
        SigningBook(
            profiles=table("signing profiles", SigningProfile),
            jobs=table("signing jobs", SigningJob),
            tokens=table("signing tokens", str),
        ),
        rest.keys,
        Ids(dice.of("signing")),
    )
    updates = UpdateService(
        UpdateBook(updates=table("updates", OtaUpdate), streams=table("streams", MadeStream)),
        Below(catalog, signing, control, rest.objects),
        Ids(dice.of("updates")),
        update_options,
        rest.roles,
    )
    roles = rest.roles if update_options.roles == "check" else None
    principals = MotoPrincipals(moto)
    settings = open_logging(database, book, rest, moto, place.log_group)
    book.on_membership = settings.changed
    cloud = AwsOperated(
        catalog=catalog,
        jobs=control,
        devices=JobService(book, job_options, presign),
        queries=JobQueries(book, job_options),
        registry=Registry(book, job_options, presign),
        signing=signing,
        updates=updates,
        objects=rest.objects,
        kept=KeptStreams(table("kept streams", KeptStream), catalog, rest.objects, roles),
        keys=keys,
        presigner=presigner,
        clock=place.clock,
        hand_over=outlets.hand_over,
        commit=outlets.commit,
        groups=book.groups,
        things=book.things,
        event_types=book.event_types,
        tags=table("tags", Tags),
        arn=update_options.arn,
        address=outlets.address,
        end_connection=outlets.end_connection,
        logs=_cloud_logs(database, place, settings, events, rest),
        account=moto.account,
        policies=PolicyService(principals, update_options.arn("").removesuffix(":")),
    )
    return Services(cloud, book, rest, moto, principals)


def _cloud_logs(
    database: Database, place: Place, settings: LoggingService, events: StoredEvents, rest: RestOfAws
) -> CloudLogs:
    options = place.update_options
    return cloud_logs(
        settings,
        events,
        rest.log_events,
        retentions=database.table("log retentions", int),
        arn=f"arn:{options.partition}:logs:{options.region}:{options.account_id}:log-group:",
        listed=place.log_group,
        new_id=Ids(place.dice.of("live tails")),
        monotonic=place.clock.monotonic,
        pace=place.tail_pace,
    )


def _job_book(database: Database) -> JobBook:
    return JobBook(
        JobTables(
            jobs=database.table("jobs", Job),
            executions=database.table("executions", JobExecution),
            waiting=database.table("waiting", WaitingThing),
            things=database.table("things", Thing),
            groups=database.table("groups", ThingGroup),
            event_types=database.table("event types", EventType),
        )
    )
