"""Identities for devices and operators, many in one call: certificates registered, attached to things and policies.

The AWS API can do the same in four calls for each; a thousand of them would take half a minute.
"""

from collections.abc import Mapping
from typing import Any, Final, Literal

from msgspec import Struct

from ota_stream.api.aws.clouded import AwsOperated
from ota_stream.api.aws.given import invalid
from ota_stream.api.aws.issuing import Issuer
from ota_stream.api.aws.moto.principals import ACTIVE
from ota_stream.api.aws.moto.state import backends_of
from ota_stream.names import is_thing_name
from ota_stream.policies.defaults import operator_policy, thing_policy

BATCH_MAX: Final = 250  # names in one call: a quarter of a second

Role = Literal["thing", "operator"]


class Order(Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """What is asked for: a certificate signing request (PEM) for each name, and what their holders shall be.

    The name of a `thing` is a thing's, which is made if there is none.
    """

    requests: dict[str, str]
    role: Role = "thing"


def check(order: Order) -> None:
    """Raise ControlError unless the order can be met."""
    if not 1 <= len(order.requests) <= BATCH_MAX:
        raise invalid(f"requests: 1 to {BATCH_MAX} in one call")
    for name in order.requests:
        if not is_thing_name(name):
            raise invalid(f"name {name[:200]!r}: use 1 to 128 of a-z A-Z 0-9 : _ -")


def issue(issuer: Issuer, order: Order) -> dict[str, str]:
    """Return a certificate (PEM) for each name: a millisecond each, so do it in a thread. Raises ControlError."""
    return {name: issuer.answer(request) for name, request in order.requests.items()}


def register(cloud: AwsOperated, order: Order, issued: Mapping[str, str]) -> dict[str, str]:
    """Have moto know the certificates, ACTIVE, with the policy of their role; return their ids by name."""
    registry = backends_of("iot")[cloud.account][cloud.region]
    wanted = operator_policy() if order.role == "operator" else thing_policy(_arn(registry))
    policy = registry.policies.get(wanted.name) or registry.create_policy(wanted.name, wanted.document)
    ids: dict[str, str] = {}
    for holder, pem in issued.items():
        certificate = registry.register_certificate_without_ca(pem, ACTIVE)
        registry.principal_policies[certificate.arn, policy.name] = (certificate, policy)
        if order.role == "thing":
            registry.principal_things[certificate.arn, holder] = (certificate, _thing(cloud, registry, holder))
        ids[holder] = certificate.certificate_id
    return ids


def _thing(cloud: AwsOperated, registry: Any, name: str) -> Any:  # noqa: ANN401 - moto's
    cloud.registry.create_thing(name)
    return registry.things.get(f"{_arn(registry)}:thing/{name}") or registry.create_thing(name, None, None)


def _arn(registry: Any) -> str:  # noqa: ANN401 - moto's
    """Return what ARNs begin with there."""
    return f"arn:aws:iot:{registry.region_name}:{registry.account_id}"
