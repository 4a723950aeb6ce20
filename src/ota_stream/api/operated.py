"""The cloud as its operator has it: the services that take calls, and how what comes of a call is kept and sent."""

from collections.abc import Callable, Collection
from dataclasses import dataclass

from ota_stream.answers import Effect
from ota_stream.api.presign import Presigner
from ota_stream.clock import Clock
from ota_stream.jobs.control import JobControl
from ota_stream.jobs.queries import JobQueries
from ota_stream.jobs.registry import Registry
from ota_stream.jobs.service import JobService
from ota_stream.policies.service import PolicyService
from ota_stream.signing.service import SigningService
from ota_stream.stores.keys import KeyFolder
from ota_stream.streams.catalog import Catalog
from ota_stream.updates.objects import Objects
from ota_stream.updates.service import UpdateService


@dataclass(frozen=True)
class Operated:
    """Everything the HTTP side works with, all of it on the broker's event loop.

    `jobs` is the operator's side of jobs, `devices` that of devices.
    `hand_over` sends the replies of an effect and keeps its records; `commit` writes every changed state and record
    to the disk, and may raise StoreError. `groups` and `things` are the names of those there are (`JobBook`).
    `arn` writes the ARN of `otaupdate/ID`, `thing/T`, ... in this account (`UpdateOptions.arn`).
    """

    catalog: Catalog
    jobs: JobControl
    devices: JobService
    queries: JobQueries
    registry: Registry
    signing: SigningService
    updates: UpdateService
    objects: Objects
    keys: KeyFolder
    presigner: Presigner
    clock: Clock
    hand_over: Callable[[Effect], None]
    commit: Callable[[], None]
    groups: Collection[str]
    things: Collection[str]
    arn: Callable[[str], str]
    policies: PolicyService
