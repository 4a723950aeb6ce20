"""Who a certificate stands for, as the judgement of policies needs to know it; where that is kept is not known here."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Protocol

from msgspec import Struct

_NOTHING: Final[Mapping[str, str]] = MappingProxyType({})


class Policy(Struct, frozen=True):
    """The default version of a policy: its name, and its document in JSON, as it was created."""

    name: str
    document: str


class ThingView(Struct, frozen=True):
    """A thing that a certificate is attached to, with what policy variables may ask of it (MP-6).

    `policies` are those of the thing groups that it is in, and of the groups above them: AWS has them apply to a
    connection whose client id is the thing's name.
    """

    name: str
    type_name: str | None = None
    attributes: Mapping[str, str] = _NOTHING
    policies: tuple[Policy, ...] = ()


class Principal(Struct, frozen=True):
    """A registered certificate: `certificate_id` is the SHA-256 of its DER form, in hex.

    `arn` is its ARN, whose region and account are those of what it may use. `active` is whether its status is ACTIVE.
    `policies` are those attached to the certificate itself.
    """

    certificate_id: str
    arn: str
    active: bool
    things: tuple[ThingView, ...] = ()
    policies: tuple[Policy, ...] = ()


class Principals(Protocol):
    """All registered certificates."""

    def find(self, certificate_id: str) -> Principal | None:
        """Return whom the certificate stands for, or None when it is not registered."""
        ...

    def of_thing(self, name: str) -> tuple[Principal, ...]:
        """Return the certificates that are attached to a thing, whatever their status."""
        ...
