"""What all faults have in common: a name, and whom and what they befall."""

from fnmatch import fnmatchcase
from typing import Annotated, Any, ClassVar, Final, Literal

import msgspec
from msgspec import Meta, Struct

from ota_stream.answers import Answer
from ota_stream.faults import span
from ota_stream.faults.served import Served
from ota_stream.faults.subject import Subject

Operation = Literal[
    "GetStream",
    "DescribeStream",
    "GetPendingJobExecution",
    "StartNextPendingJobExecution",
    "DescribeJobExecution",
    "UpdateJobExecution",
    "Notify",
    "NotifyNext",
    "CONNECT",
    "SUBSCRIBE",
    "UNSUBSCRIBE",
    "PUBLISH",
    "PINGREQ",
    "GetObject",
]
DOWNLOAD: Final = "GetObject"
Way = Literal["request", "arrival", "answer", "packet", "download"]
Share = Annotated[float, Meta(gt=0, le=1)]
Times = Annotated[int, Meta(ge=1)]
Seconds = Annotated[float, Meta(ge=0, le=86_400)]
Name = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]


class Fault(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="fault"):
    """One fault: a function Answer -> Answer, for downloads Served -> Served, and what it is for.

    What is left out matches everything.

    `thing`, `stream`, `job` and `object_key` (`BUCKET/KEY`) are names with `*` and `?`; `blocks` and `attempts` ranges
    (`7`, `3-9`, `3-`); an attempt is how often the same has been asked or sent for a thing. `share` of what matches is
    hit, as `seed` has it, and no more than so many `times`. `since` and `until` are seconds after the fault was set.
    """

    way: ClassVar[Way] = "answer"
    """Whether the cloud is not asked and a refusal made instead, or what arrives of a request is another thing, or of
    an answer; or whether it stands between device and broker, or in the way of downloads over HTTP alone."""
    downloads: ClassVar[bool] = False
    """Whether it can befall a download over HTTP, besides what it is in the way of, or alone."""
    joint: ClassVar[bool] = False
    """Whether it is about several messages together; it then gives back as many as it was given."""
    queued: ClassVar[bool] = False
    """Whether a message it has made late holds up those that come after it for the same thing."""

    name: Name | None = None
    thing: str | None = None
    stream: str | None = None
    job: str | None = None
    operation: Operation | None = None
    file: int | None = None
    object_key: str | None = None
    blocks: int | str | None = None
    attempts: int | str | None = None
    times: Times | None = None
    share: Share = 1.0
    seed: int = 0
    since: Seconds = 0.0
    until: Seconds | None = None

    def __post_init__(self) -> None:
        """Check the ranges, and that there can be such a fault of a download. Raises ValueError."""
        for text in (self.blocks, self.attempts):
            if text is not None:
                span.parse(text)
        if self.operation == DOWNLOAD and not self.befalls_downloads():
            raise ValueError(f"{DOWNLOAD}: nothing like this can befall a download")

    def stands(self) -> Way:
        """Return which way it is in, of those that messages take."""
        return self.way

    def befalls_downloads(self) -> bool:
        """Tell whether it can befall a download, as it is."""
        return self.downloads

    def ways(self) -> frozenset[Way]:
        """Return all ways it is in: of messages and of downloads, unless its operation says which."""
        of_messages: set[Way] = set() if self.operation == DOWNLOAD else {self.stands()}
        of_downloads: set[Way] = (
            {"download"} if self.operation in {None, DOWNLOAD} and self.befalls_downloads() else set()
        )
        return frozenset(of_messages | of_downloads)

    def apply(self, answer: Answer) -> Answer:
        """Return what the device gets instead; the same answer when this fault has no hold on it."""
        return answer

    def serve(self, served: Served) -> Served:
        """Return what a download is answered instead; the same when this fault has no hold on it."""
        return served

    def matches(self, subject: Subject) -> bool:
        """Tell whether a message is one of those it is for, apart from attempt, share and time."""
        return (
            _like(self.thing, subject.thing)
            and _like(self.stream, subject.stream)
            and _like(self.job, subject.job)
            and self.operation in {None, subject.operation}
            and self.file in {None, subject.file}
            and _like(self.object_key, subject.object_key)
            and (self.blocks is None or any(block in span.parse(self.blocks) for block in subject.blocks))
        )

    def lasts(self, age: float) -> bool:
        """Tell whether it is in force, `age` seconds after it was set."""
        return self.since <= age and (self.until is None or age < self.until)

    @classmethod
    def kind(cls) -> str:
        """Return what this kind of fault is called."""
        return str(cls.__struct_config__.tag)

    def shown(self) -> dict[str, Any]:
        """Return it as JSON, without what is as usual."""
        usual = {field.name: field.default for field in msgspec.structs.fields(self)}
        members = msgspec.to_builtins(self)
        return {key: value for key, value in members.items() if key == "fault" or value != usual[key]}


def _like(pattern: str | None, name: str | None) -> bool:
    return pattern is None or (name is not None and fnmatchcase(name, pattern))
