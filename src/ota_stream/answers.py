"""What a service gives back: replies for the wire and the record for the log, never one without the other."""

from collections.abc import Iterable
from enum import Enum

from msgspec import Struct

from ota_stream.records import Record


class Audience(Enum):
    """Who gets a reply."""

    EVERYONE = "the requester once, subscribed or not, and every other client subscribed to the topic"
    REQUESTER = "the requesting connection only, subscribed or not, once (JT-9, JT-12)"
    SUBSCRIBERS = "whoever is subscribed to the topic (JT-10)"


class Reply(Struct, frozen=True, gc=False):
    """One message of an answer. `qos` is the service's side of min(published, granted); 0 for who did not subscribe."""

    topic: str
    payload: bytes
    qos: int = 0
    to: Audience = Audience.EVERYONE


class Answer(Struct, frozen=True, gc=False):
    """All that comes of one request: its replies and its record. A rejection is an answer too.

    `also` are records of what followed from it: a job that is complete now, for instance.
    """

    replies: tuple[Reply, ...]
    record: Record
    also: tuple[Record, ...] = ()


class Effect(Struct, frozen=True, gc=False):
    """What comes of something no device asked for: an operator's call, or time that has passed."""

    replies: tuple[Reply, ...] = ()
    records: tuple[Record, ...] = ()

    @classmethod
    def of(cls, effects: Iterable["Effect"]) -> "Effect":
        """Return what comes of several, in their order."""
        known = tuple(effects)
        return cls(
            tuple(reply for effect in known for reply in effect.replies),
            tuple(record for effect in known for record in effect.records),
        )


class Refusal(Struct, frozen=True, gc=False):
    """A publish to a reserved topic that is no request of any service, so no record has a name for it.

    `reason` is one line for the broker's log: refused is never silent.
    """

    replies: tuple[Reply, ...]
    reason: str
