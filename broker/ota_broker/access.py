"""Who may come in, and as whom: by certificate the policies decide, without one a setting (docs/policies.md)."""

from enum import StrEnum

from ota_broker.front.access import Access, Identity
from ota_stream.policies.service import PolicyService


class Anonymous(StrEnum):
    """What somebody may do who shows no certificate."""

    OPERATOR = "operator"  # everything: that is the point of a simulator
    THING = "thing"  # what the thing of that name may by default: least rights without certificates
    REFUSE = "refuse"


class PolicyAdmission:
    """Satisfies `front.access.Admission`."""

    def __init__(self, policies: PolicyService, anonymous: Anonymous) -> None:
        self._policies = policies
        self._anonymous = anonymous

    def admit(self, client_id: str, identity: Identity, address: str) -> Access | str:
        """Return what the client may do, or the rule that keeps it out (MU-1)."""
        if identity.certificate_id is not None:
            return self._policies.admit(identity.certificate_id, client_id, address)
        if identity.signed or self._anonymous is Anonymous.OPERATOR:
            return self._policies.admit_anybody(client_id)
        if self._anonymous is Anonymous.THING:
            return self._policies.admit_as_thing(client_id, address)
        return "it shows no certificate, and `--anonymous refuse` asks for one"
