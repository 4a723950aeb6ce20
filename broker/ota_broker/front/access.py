"""What one connection may do, and who it is: the front door asks, the policies answer."""

from typing import Final, Protocol

from msgspec import Struct


class Identity(Struct, frozen=True):
    """Who stands behind a connection, told by its transport: known before the first byte of MQTT.

    `certificate_id` is the certificate's (SHA-256 of its DER form, in hex), None for somebody who showed none.
    `signed`: a WebSocket whose request had a signature or a token, as those of operators have.
    """

    certificate_id: str | None = None
    signed: bool = False


ANONYMOUS: Final = Identity()


class Denial(Struct, frozen=True):
    """What was denied to whom. `peer` is its `host:port`, `rule` says which rule says no, in one line."""

    action: str
    resource: str
    rule: str
    client_id: str
    peer: str
    identity: Identity


class Refusals(Protocol):
    """Has what was refused recorded (MU-8). Neither may raise, or take long: peers decide how often they are called."""

    def denied(self, denial: Denial) -> None:
        """Take note of what a client may not do."""
        ...

    def dismissed(self, client_id: str, peer: str, identity: Identity, cause: str, reason: str) -> None:
        """Take note of a connection that was ended for what its client did. `cause` is AWS's word (MB-12)."""
        ...


class Access(Protocol):
    """The rights of one connection. Each answer is None for yes, or the rule that says no, in one line."""

    def stay(self) -> str | None:
        """May it be connected still? Asked when something about rights has changed (iot:Connect)."""
        ...

    def publish(self, topic: str, *, retain: bool) -> str | None:
        """May it publish to this topic? (iot:Publish, iot:RetainPublish)."""
        ...

    def subscribe(self, topic_filter: str) -> str | None:
        """May it subscribe with this filter, word for word? (iot:Subscribe, MP-5)."""
        ...

    def receive(self, topic: str) -> str | None:
        """May it be sent a message on this topic? Asked at every delivery (iot:Receive, MP-3)."""
        ...


class Admission(Protocol):
    """Judges a CONNECT, before anything that is stored is touched."""

    def admit(self, client_id: str, identity: Identity, address: str) -> Access | str:
        """Return what the client may do, or the rule that keeps it out. `address` is its IP address."""
        ...


class Anything:
    """All rights."""

    def stay(self) -> str | None:
        """Yes."""
        return None

    def publish(self, topic: str, *, retain: bool) -> str | None:  # noqa: ARG002 - Access
        """Yes."""
        return None

    def subscribe(self, topic_filter: str) -> str | None:  # noqa: ARG002 - Access
        """Yes."""
        return None

    def receive(self, topic: str) -> str | None:  # noqa: ARG002 - Access
        """Yes."""
        return None


ANYTHING: Final = Anything()


class Unrecorded:
    """Records no refusals."""

    def denied(self, denial: Denial) -> None:
        """Do nothing."""

    def dismissed(self, client_id: str, peer: str, identity: Identity, cause: str, reason: str) -> None:
        """Do nothing."""


class Everybody:
    """Lets everybody in, with all rights."""

    def admit(self, client_id: str, identity: Identity, address: str) -> Access | str:  # noqa: ARG002 - Admission
        """Yes."""
        return ANYTHING
