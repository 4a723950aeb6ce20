"""The OTA update service: one call makes a signed image, its stream and its job, and tells how far it is."""

from collections.abc import Callable, Iterable, MutableMapping

from msgspec import Struct
from msgspec.structs import replace

from ota_stream.answers import Effect
from ota_stream.errors import ControlError, OtaStreamError
from ota_stream.jobs.control import JobControl
from ota_stream.jobs.jobs import Job, JobStatus
from ota_stream.records import Action, JobCountRecord, Record, UpdateRecord
from ota_stream.signing.jobs import SigningJob
from ota_stream.signing.service import SigningService
from ota_stream.streams.catalog import Catalog
from ota_stream.updates import checks, creation, errors, timeline
from ota_stream.updates.creation import MadeStream, Means
from ota_stream.updates.errors import ErrorInfo
from ota_stream.updates.messages import CreateOtaUpdate
from ota_stream.updates.objects import Objects
from ota_stream.updates.options import UpdateOptions
from ota_stream.updates.roles import AnyRole, Roles
from ota_stream.updates.states import NEXT, OtaUpdate, Step, UpdateStatus, following, steps
from ota_stream.updates.timeline import Moment

PAGE_MAX = 250  # OU-3


class UpdateBook(Struct, frozen=True):
    """What the service remembers: updates by id, and the streams it has made by stream id."""

    updates: MutableMapping[str, OtaUpdate]
    streams: MutableMapping[str, MadeStream]


class Below(Struct, frozen=True):
    """The services an OTA update stands on."""

    streams: Catalog
    signing: SigningService
    jobs: JobControl
    objects: Objects


class Page(Struct, frozen=True):
    """A part of a list; `next_token` asks for the next part, None when there is none."""

    updates: tuple[OtaUpdate, ...]
    next_token: str | None


class UpdateService:
    """Creates, shows and deletes OTA updates.

    After a restart, one made over the same book goes on where the last one was.
    """

    def __init__(
        self,
        book: UpdateBook,
        below: Below,
        new_id: Callable[[], str],
        options: UpdateOptions | None = None,
        roles: Roles | None = None,
    ) -> None:
        self._book = book
        self._options = options or UpdateOptions()
        self._means = Means(
            below.streams,
            below.signing,
            below.jobs,
            below.objects,
            book.streams,
            self._options,
            new_id,
            roles or AnyRole(),
        )
        self._due = {update.ota_update_id: update.due for update in book.updates.values() if update.due is not None}

    def restore(self) -> tuple[str, ...]:
        """Put the streams made before a restart back into the catalog. Return a line for each that cannot be."""
        failures: list[str] = []
        for made in self._book.streams.values():
            try:
                creation.provide(self._means, made)
            except OtaStreamError as error:
                failures.append(f"stream {made.stream_id} of OTA update {made.ota_update_id} is lost: {error}")
        return tuple(failures)

    # What an operator asks

    def create(self, request: CreateOtaUpdate, now: float, *, as_role: bool = False) -> tuple[OtaUpdate, Effect]:
        """Take a request in; its creation goes on in `on_time` (OL-2), with `as_role` in its role (OL-13).

        Raises:
            ControlError: InvalidRequestException; ResourceAlreadyExistsException.
        """
        checks.check(request, self._options)
        if request.ota_update_id in self._book.updates:
            raise errors.already_exists(f"OTA update {request.ota_update_id}")
        first = steps(request)[0]
        as_role = as_role and self._options.roles == "check"
        update = OtaUpdate(request, now, now, step=first, due=now + self._options.pace, as_role=as_role)
        return self._put(update), Effect()

    def get(self, ota_update_id: str) -> OtaUpdate:
        """Return an update. Raises ControlError (ResourceNotFoundException)."""
        update = self._book.updates.get(ota_update_id)
        if update is None:
            raise errors.not_found(f"OTA update {ota_update_id!r}")
        return update

    def list(
        self, status: UpdateStatus | None = None, max_results: int = PAGE_MAX, next_token: str | None = None
    ) -> Page:
        """Return updates, newest first (OU-3). Raises ControlError (InvalidRequestException) for a bad page."""
        if not 1 <= max_results <= PAGE_MAX:
            raise errors.invalid_request(f"maxResults: {max_results} is outside 1 to {PAGE_MAX}")
        found = [each for each in self._book.updates.values() if status is None or each.status is status]
        found.sort(key=_age, reverse=True)
        if next_token is not None:
            after = _read_token(next_token)
            found = [each for each in found if _age(each) < after]
        page, more = found[:max_results], len(found) > max_results
        return Page(tuple(page), _token(page[-1]) if more else None)

    def delete(self, ota_update_id: str, *, delete_stream: bool, force_delete_job: bool, now: float) -> Effect:
        """Delete an update; with the flags, the stream made for it and its job too (OL-11).

        What cannot be deleted leaves the update in DELETE_FAILED, with a failure's record.

        Raises:
            ControlError: ResourceNotFoundException; VersionConflictException, it is still being created;
                InvalidRequestException, its job is running and there is no force (G-19).
        """
        update = self.get(ota_update_id)
        if UpdateStatus.DELETE_IN_PROGRESS not in NEXT[update.status]:
            raise errors.version_conflict(
                f"OTA update {ota_update_id} is {update.status.value}: wait until that is over"
            )
        job = self._job_of(update)
        running = job is not None and job.running
        if running and not force_delete_job and self._options.running_job == "refuse":  # G-19
            raise errors.invalid_request(
                f"job {update.job_id} has not ended: cancel it first, or use forceDeleteAWSJob"
            )
        effect = Effect()
        try:
            if job is not None and force_delete_job:
                effect = self._means.jobs.delete_job(job.job_id, now, force=True)
        except ControlError as error:
            info = ErrorInfo.of(error)
            self._put(replace(update, status=UpdateStatus.DELETE_FAILED, modified_at=now, error=info))
            return Effect(records=(UpdateRecord(now, Action.DELETE_OTA_UPDATE, ota_update_id, failure=info.message),))
        if delete_stream and update.stream_id is not None:  # a caller's stream is never in `stream_id`
            self._drop_stream(update.stream_id)
        del self._book.updates[ota_update_id]
        record = UpdateRecord(now, Action.DELETE_OTA_UPDATE, ota_update_id)  # LR-5
        return Effect(effect.replies, (*effect.records, record))

    def user_of(self, stream_id: str) -> str | None:
        """Return an update that needs this stream: it is being created, or its job runs (SC-11)."""
        for update in self._book.updates.values():
            streams = {file.stream.stream_id for file in update.request.files if file.stream is not None}
            if stream_id in streams or stream_id == update.stream_id:
                job = self._job_of(update)
                if update.due is not None or (job is not None and job.running):
                    return update.ota_update_id
        return None

    def moments(self, ota_update_id: str) -> tuple[Moment, ...]:
        """Return the moments of an update that AWS logs. Raises ControlError (ResourceNotFoundException)."""
        update = self.get(ota_update_id)
        stream = self._book.streams.get(update.stream_id or "")
        return timeline.moments(update, self._signing_of(update), stream, self._job_of(update))

    # What time brings

    def deadline(self) -> float | None:
        """Return when `on_time` has something to do, epoch seconds; None for never."""
        return min(self._due.values(), default=None)

    def on_time(self, now: float) -> Effect:
        """Take the next step of every creation that is due: one step each."""
        due = sorted((at, ota_update_id) for ota_update_id, at in self._due.items() if at <= now)
        effects = [self._step(self._book.updates[ota_update_id], now) for _, ota_update_id in due]
        return Effect.of(effects)

    def follow(self, records: Iterable[Record]) -> tuple[Record, ...]:
        """Return what else shall be recorded when these are: the end of an update, if that is asked for (spec 5.4)."""
        if not self._options.record_update_end:
            return ()
        prefix = self._options.job_prefix
        return tuple(
            UpdateRecord(record.at, Action.CREATE_OTA_UPDATE, record.job_id[len(prefix) :])
            for record in records
            if isinstance(record, JobCountRecord)
            and record.job_id.startswith(prefix)
            and record.job_id[len(prefix) :] in self._book.updates
        )

    def _step(self, update: OtaUpdate, now: float) -> Effect:
        step = update.step or Step.COMPLETE
        try:
            done, effect = creation.take(step, self._means, update, now)
        except OtaStreamError as error:
            info = ErrorInfo.of(error)  # OL-7
            if update.stream_id is not None:  # nobody could ever use it
                self._drop_stream(update.stream_id)
            failed = replace(update, status=UpdateStatus.CREATE_FAILED, error=info, step=None, due=None, stream_id=None)
            self._put(replace(failed, modified_at=now))
            return Effect(records=(creation.record(step, update, now, info.message),))
        after = following(done.request, step)
        if after is None:
            self._put(replace(done, status=UpdateStatus.CREATE_COMPLETE, modified_at=now, step=None, due=None))
        else:
            status, due = UpdateStatus.CREATE_IN_PROGRESS, now + self._options.pace
            self._put(replace(done, status=status, modified_at=now, step=after, due=due))
        return effect

    def _put(self, update: OtaUpdate) -> OtaUpdate:
        self._book.updates[update.ota_update_id] = update
        if update.due is None:
            self._due.pop(update.ota_update_id, None)
        else:
            self._due[update.ota_update_id] = update.due
        return update

    def _job_of(self, update: OtaUpdate) -> Job | None:
        """Return the update's job, unless it is gone or going."""
        try:
            job = self._means.jobs.job(update.job_id or "")
        except ControlError:
            return None
        return None if job.status is JobStatus.DELETION_IN_PROGRESS else job

    def _signing_of(self, update: OtaUpdate) -> SigningJob | None:
        """Return the signing job that an update had last, unless it is gone."""
        started = [file.code_signing.aws_signer_job_id for file in update.request.files]
        job_id = next((each for each in reversed(started) if each is not None), "")
        try:
            return self._means.signing.describe_job(job_id)
        except ControlError:
            return None

    def _drop_stream(self, stream_id: str) -> None:
        self._book.streams.pop(stream_id, None)
        if self._means.streams.find(stream_id) is not None:
            self._means.streams.delete(stream_id)


def _age(update: OtaUpdate) -> tuple[float, str]:
    return update.created_at, update.ota_update_id


def _token(update: OtaUpdate) -> str:
    return f"{update.created_at!r}/{update.ota_update_id}"


def _read_token(text: str) -> tuple[float, str]:
    created_at, _, ota_update_id = text.partition("/")
    try:
        return float(created_at), ota_update_id
    except ValueError:
        raise errors.invalid_request("nextToken: use the one of the page before, unchanged") from None
