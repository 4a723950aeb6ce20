"""Registered certificates, as moto has them: whom one stands for, and which of them no CA of ours has signed."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from ota_stream.api.aws.moto.state import MotoState, backends_of
from ota_stream.policies.principals import Policy, Principal, ThingView

ACTIVE: Final = "ACTIVE"


class MotoPrincipals:
    """Satisfies `policies.principals.Principals`, in all regions. Call `changed` when anything of moto's may have been.

    moto keeps attachments as one flat table; here they are put in order once, when somebody is first looked for after
    a change. Before moto is loaded nobody is known.
    """

    def __init__(self, state: MotoState) -> None:
        self._state = state
        self._regions: tuple[_Region, ...] | None = None

    @property
    def are_none(self) -> bool:
        """Whether nothing was ever registered: then there is nothing to load."""
        return self._state.is_new

    def changed(self) -> None:
        """Look anew from now on."""
        self._regions = None

    def find(self, certificate_id: str) -> Principal | None:
        """Return whom the certificate stands for, or None when it is not registered (MS-4)."""
        return next((found for each in self._known() if (found := each.find(certificate_id)) is not None), None)

    def of_thing(self, name: str) -> tuple[Principal, ...]:
        """Return the certificates that are attached to a thing, whatever their status."""
        return tuple(principal for each in self._known() for principal in each.of_thing(name))

    def anchors(self) -> dict[str, str]:
        """Return what a listener may trust: every registered certificate and every active CA's, PEM by id."""
        if not self._state.ready:
            return {}
        found: dict[str, str] = {}
        for registry in self._registries():
            found |= {each.certificate_id: each.certificate_pem for each in list(registry.certificates.values())}
            authorities = list(registry.ca_certificates.values())
            found |= {each.certificate_id: each.certificate_pem for each in authorities if each.status == ACTIVE}
        return found

    def _known(self) -> "tuple[_Region, ...]":
        if not self._state.ready:
            return ()
        if self._regions is None:
            self._regions = tuple(_Region(registry) for registry in self._registries())
        return self._regions

    def _registries(self) -> Iterator[Any]:
        yield from dict(backends_of("iot")[self._state.account]).values()  # only regions that were ever asked


class _Region:
    """The attachments of one region."""

    def __init__(self, registry: Any) -> None:  # noqa: ANN401 - moto's
        self._certificates: Mapping[str, Any] = registry.certificates
        self._things: dict[str, list[Any]] = {}  # by ARN of a certificate
        self._policies: dict[str, list[Policy]] = {}  # by ARN of a certificate or of a thing group
        for arn, (_, thing) in _by_principal(registry.principal_things):
            self._things.setdefault(arn, []).append(thing)
        for arn, (_, policy) in _by_principal(registry.principal_policies):
            self._policies.setdefault(arn, []).append(Policy(policy.name, policy.document))
        self._of_groups: dict[str, list[Policy]] = {}  # by ARN of a thing
        for group in list(registry.thing_groups.values()):
            above = [each["groupArn"] for each in group.metadata.get("rootToParentThingGroups", ())]
            policies = [policy for arn in (*above, group.arn) for policy in self._policies.get(arn, ())]
            for thing in list(group.things) if policies else ():
                self._of_groups.setdefault(thing, []).extend(policies)

    def find(self, certificate_id: str) -> Principal | None:
        known = self._certificates.get(certificate_id)
        if known is None:
            return None
        things = tuple(self._view(thing) for thing in self._things.get(known.arn, ()))
        policies = tuple(self._policies.get(known.arn, ()))
        return Principal(certificate_id, known.arn, known.status == ACTIVE, things, policies)

    def of_thing(self, name: str) -> Iterator[Principal]:
        for arn, things in self._things.items():
            if any(thing.thing_name == name for thing in things):
                found = self.find(arn.rpartition("/")[2])
                if found is not None:
                    yield found

    def _view(self, thing: Any) -> ThingView:  # noqa: ANN401 - moto's
        kind = None if thing.thing_type is None else thing.thing_type.thing_type_name
        policies = tuple(dict.fromkeys(self._of_groups.get(thing.arn, ())))
        return ThingView(thing.thing_name, kind, dict(thing.attributes), policies)


def _by_principal(attached: Mapping[tuple[str, str], Any]) -> Iterator[tuple[str, Any]]:
    for (arn, _), value in list(attached.items()):
        yield arn, value
