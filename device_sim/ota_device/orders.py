"""What an agent tells its surroundings to do: one value for each, to be carried out in the order given."""

from enum import StrEnum

from msgspec import Struct

from ota_device.document import Job
from ota_device.flash import Event, Target
from ota_device.reception import Piece


class Subscribe(Struct, frozen=True):
    """Subscribe to a topic."""

    topic: str
    qos: int


class Unsubscribe(Struct, frozen=True):
    """End a subscription."""

    topic: str


class Publish(Struct, frozen=True, gc=False):
    """Publish a message. With QoS 1 nothing after it is done before it has been acknowledged."""

    topic: str
    payload: bytes
    qos: int


class Get(Struct, frozen=True):
    """Get a range of the image by HTTP, the bytes from `start` up to `end`. The agent wants `on_range` at once."""

    url: str
    start: int
    end: int


class Open(Struct, frozen=True):
    """Prepare the spare slot. The agent wants `on_opened` at once."""

    target: Target


class Keep(Struct, frozen=True, gc=False):
    """Write a block into the slot."""

    piece: Piece


class Check(Struct, frozen=True):
    """Verify the image in the slot. The agent wants `on_checked` at once."""

    job: Job


class Complete(Struct, frozen=True):
    """The verified image is to be tried at the next boot."""


class Mark(Struct, frozen=True):
    """Let something happen to the slot under update. `reason` is a Code, for a rejection."""

    event: Event
    reason: int = 0


class Reboot(Struct, frozen=True):
    """Start anew from what is on the flash. The agent is over."""


class Stop(Struct, frozen=True):
    """The agent is over, until somebody starts the device again."""


class Say(Struct, frozen=True):
    """Tell the person who watches. One line."""

    text: str


class Outcome(StrEnum):
    """How a job ended on this device."""

    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    IGNORED = "IGNORED"  # the cloud does not hear of it, and the job stays


class Ended(Struct, frozen=True):
    """A job came to its end on this device. `reason` is for a person; an ignored job has no id."""

    job_id: str
    outcome: Outcome
    reason: str = ""


OnSlot = Open | Check | Complete | Mark
Order = Subscribe | Unsubscribe | Publish | Get | Keep | Reboot | Stop | Say | Ended | OnSlot
