"""The names of jobs, groups and their ARNs, and what each may contain (JC-1, JC-23)."""

import re
from typing import Final, Literal, NamedTuple

from ota_stream.jobs.options import JobOptions
from ota_stream.names import is_thing_name

NEXT: Final = "$next"  # JT-5: stands for the front of the queue, so no job can have this name

_JOB_ID: Final = re.compile(r"[a-zA-Z0-9_-]{1,64}")  # JC-1
_GROUP_NAME: Final = re.compile(r"[a-zA-Z0-9:_-]{1,128}")
_TARGET: Final = re.compile(r"(?:arn:[^:]*:iot:[^:]*:[^:]*:)?(thing|thinggroup)/(.*)", re.DOTALL)


class Target(NamedTuple):
    """What a job is for."""

    kind: Literal["thing", "thinggroup"]
    name: str


def is_job_id(text: str) -> bool:
    """Tell whether `text` may name a job."""
    return _JOB_ID.fullmatch(text) is not None


def is_group_name(text: str) -> bool:
    """Tell whether `text` may name a thing group."""
    return _GROUP_NAME.fullmatch(text) is not None


def target(text: str) -> Target | None:
    """Read a target: an ARN, or the end of one (`thing/T`, `thinggroup/G`). None when it is neither."""
    match = _TARGET.fullmatch(text)
    if match is None:
        return None
    kind, name = match.groups()
    if kind == "thing":
        return Target("thing", name) if is_thing_name(name) else None
    return Target("thinggroup", name) if is_group_name(name) else None


def arn(options: JobOptions, resource: str) -> str:
    """Return the ARN of `job/J`, `thing/T` or `thinggroup/G` (JC-23)."""
    return f"arn:{options.partition}:iot:{options.region}:{options.account_id}:{resource}"
