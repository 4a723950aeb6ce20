"""Things and thing groups as far as jobs need them: who is a target, and what joining or leaving a group means."""

from collections.abc import Iterable

from msgspec.structs import replace

from ota_stream.answers import Effect
from ota_stream.jobs import checks
from ota_stream.jobs.book import JobBook
from ota_stream.jobs.changes import Change
from ota_stream.jobs.documents import Presign
from ota_stream.jobs.errors import already_exists, invalid_request, not_found
from ota_stream.jobs.executions import Event, Status
from ota_stream.jobs.jobs import Job, JobStatus, Thing, ThingGroup
from ota_stream.jobs.names import Target, is_group_name
from ota_stream.jobs.options import JobOptions
from ota_stream.names import is_thing_name


def things_of(book: JobBook, targets: Iterable[Target]) -> list[str]:
    """Return the things that targets stand for, each once. Raises ControlError when a thing group is not there."""
    things: dict[str, None] = {}
    for target in targets:
        if target.kind == "thing":
            things[target.name] = None
        elif target.name in book.groups:
            things.update(dict.fromkeys(book.members(target.name)))
        else:
            raise not_found("Thing group", target.name)
    return list(things)


def is_target(book: JobBook, job: Job, thing: str) -> bool:
    """Tell whether a thing is a target of a job now, by name or through a group."""
    over = book.groups_over(thing)
    return any(
        target.name == thing if target.kind == "thing" else target.name in over
        for target in checks.targets(job.spec.targets)
    )


def lacks(book: JobBook, job: Job, thing: str) -> bool:
    """Tell whether a thing has to get an execution of a job: it had none, or the last one was REMOVED."""
    latest = book.find(thing, job.job_id)
    return latest is None or latest.status is Status.REMOVED


def name_things(book: JobBook, things: Iterable[str]) -> None:
    """Keep the things that are not known yet: a thing exists when it is named."""
    for thing in things:
        if thing not in book.things:
            book.put_thing(Thing(thing))


class Registry:
    """The calls about things and thing groups (JC-15..JC-19). All raise ControlError."""

    def __init__(self, book: JobBook, options: JobOptions | None = None, presign: Presign | None = None) -> None:
        self._book = book
        self._options = options or JobOptions()
        self._presign = presign

    def create_thing(self, name: str) -> None:
        """Make a thing; quiet when it is there (JC-15)."""
        _check_thing(name)
        name_things(self._book, [name])

    def create_thing_group(self, name: str, parent: str | None = None) -> None:
        """Make a thing group; repeating it with the same parent is quiet (JC-17)."""
        if not is_group_name(name):
            raise invalid_request(f"Thing group {name[:200]!r}: use 1 to 128 of a-z A-Z 0-9 : _ -")
        if parent is not None and parent not in self._book.groups:
            raise not_found("Thing group", parent)
        wanted = ThingGroup(name, parent)
        if self._book.groups.get(name, wanted) != wanted:
            raise already_exists("Thing group", name)
        self._book.put_group(wanted)

    def delete_thing_group(self, name: str, now: float) -> Effect:
        """Delete a thing group, which its things leave (JC-19). Quiet when there is none, as in the API."""
        if name not in self._book.groups:
            return Effect()
        if self._book.has_children(name):
            raise invalid_request(f"Thing group {name}: delete the groups under it first")
        effects = [self.remove_thing_from_group(thing, name, now) for thing in list(self._book.members(name))]
        self._book.drop_group(name)
        return Effect.of(effects)

    def add_thing_to_group(self, thing: str, group: str, now: float) -> Effect:
        """Let a thing join a group, and so get the running continuous jobs of that group (JC-18)."""
        _check_thing(thing)
        self._check_group(group)
        name_things(self._book, [thing])
        known = self._book.things[thing]
        if group not in known.groups:
            self._book.put_thing(replace(known, groups=(*known.groups, group)))
        change = self._change(now)
        for job in self._continuous():
            if lacks(self._book, job, thing) and is_target(self._book, job, thing):
                self._book.wait(job.job_id, thing)
                change.roll_out(job.job_id)
        return change.effect()

    def remove_thing_from_group(self, thing: str, group: str, now: float) -> Effect:
        """Let a thing leave a group: what waits for it in continuous jobs of that group is REMOVED (JC-19, JX-10)."""
        self._check_group(group)
        known = self._book.things.get(thing)
        if known is None:
            raise not_found("Thing", thing)
        had = [job for job in self._continuous() if is_target(self._book, job, thing)]
        self._book.put_thing(replace(known, groups=tuple(name for name in known.groups if name != group)))
        change = self._change(now)
        for job in had:
            if is_target(self._book, job, thing):
                continue
            change.unwait(job.job_id, thing)
            latest = self._book.find(thing, job.job_id)
            if latest is not None and latest.pending:
                change.move(latest, Event.REMOVE)
        return change.effect()

    def delete_thing(self, thing: str, now: float) -> Effect:
        """Delete a thing: everything pending on it is REMOVED (JX-10). Quiet when there is none, as in the API."""
        change = self._change(now)
        if thing not in self._book.things:
            return change.effect()
        for job in self._book.in_status(JobStatus.IN_PROGRESS):
            change.unwait(job.job_id, thing)
        for execution in self._book.queue(thing):
            change.move(execution, Event.REMOVE)
        self._book.drop_thing(thing)
        return change.effect()

    def _change(self, now: float) -> Change:
        return Change(self._book, self._options, self._presign, now)

    def _continuous(self) -> list[Job]:
        return [job for job in self._book.in_status(JobStatus.IN_PROGRESS) if job.continuous]

    def _check_group(self, group: str) -> None:
        if group not in self._book.groups:
            raise not_found("Thing group", group)


def _check_thing(name: str) -> None:
    if not is_thing_name(name):
        raise invalid_request(f"Thing {name[:200]!r}: use 1 to 128 of a-z A-Z 0-9 : _ -")
