"""The decisions nobody documents, as named options. The defaults are the proposals of the fact sheet."""

from typing import Literal

from msgspec import Struct

from ota_stream.jobs import quotas


class JobOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """How the jobs service reads what AWS leaves open, and whose ARNs it writes."""

    strict: bool = False  # JX-5a, G-23: refuse IN_PROGRESS -> REJECTED
    terminal_update: Literal["InvalidStateTransition", "TerminalStateReached"] = "InvalidStateTransition"  # G-12
    terminal_describe: Literal["TerminalStateReached", "execution"] = "TerminalStateReached"  # spec 3.4
    default_rate: int | None = quotas.RATE_MAX  # JTM-8: things a minute without a rollout config; None is all at once
    deletion_seconds: float = 1.0  # JC-9: how long a job stays in DELETION_IN_PROGRESS
    active_max: int = quotas.ACTIVE_MAX  # JC-22
    partition: str = "aws"  # JC-23, and the two below
    region: str = "us-east-1"
    account_id: str = "123456789012"
