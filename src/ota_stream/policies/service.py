"""The IoT policies service: lets clients in, gives them their rights, and tells a person why."""

from functools import partial
from typing import Any, Final

from msgspec import Struct

from ota_stream.errors import ControlError
from ota_stream.names import is_thing_name
from ota_stream.policies import defaults, suggestion
from ota_stream.policies.actions import Action
from ota_stream.policies.judgement import Asker, judge
from ota_stream.policies.principals import Principal, Principals, ThingView
from ota_stream.policies.rights import AllRights, Generation, Rights, Standing
from ota_stream.policies.usage import Usage

ATTACHED_MAX: Final = 10  # policies of a certificate
ADDRESS: Final = "127.0.0.1"  # whom a check is made for, unless it says so


class Ruling(Struct, frozen=True):
    """What is said to one action of a thing: `rule` is None when it is allowed, `by` whose policies were asked."""

    by: str
    rule: str | None


class PolicyService:
    """Judges by the policies as they are when it is asked.

    `arn` is what ARNs of the account begin with where no certificate tells it, `arn:aws:iot:us-east-1:123456789012`.
    Call `changed` when a certificate, thing, thing group or policy may be another one.
    """

    def __init__(self, principals: Principals, arn: str) -> None:
        self.arn = arn
        self._principals = principals
        self._generation = Generation()
        self._usage = Usage()
        self._of_things = defaults.thing_policy(arn)

    def changed(self) -> None:
        """Judge anew from now on, those who are connected too."""
        self._generation.number += 1

    # Admission

    def admit(self, certificate_id: str, client_id: str, address: str) -> Rights | str:
        """Return the rights of a client that holds a certificate, or the rule that keeps it out (MU-1)."""
        return self._let_in(Rights(partial(self._stand, certificate_id, client_id, address), *self._common()))

    def admit_as_thing(self, client_id: str, address: str) -> Rights | str:
        """Return the rights a thing has by default: those of the thing whose name is the client id."""
        if not is_thing_name(client_id):
            return f"the client id {client_id[:128]!r} is no thing name: use 1 to 128 of a-z A-Z 0-9 : _ -"
        return self._let_in(Rights(partial(self._stand_as_thing, client_id, address), *self._common()))

    def admit_anybody(self, client_id: str) -> AllRights:
        """Return all rights; what the client does with them is remembered."""
        self._usage.note(client_id, Action.CONNECT, client_id)
        return AllRights(client_id, self._usage.note)

    def _common(self) -> tuple[Generation, Any]:
        return self._generation, self._usage.note

    def _let_in(self, rights: Rights) -> Rights | str:
        rule = rights.stay()
        return rights if rule is None else rule

    def _stand(self, certificate_id: str, client_id: str, address: str) -> Standing | str:
        principal = self._principals.find(certificate_id)
        if principal is None:
            return f"the certificate {certificate_id} is not registered"  # MS-4
        if not principal.active:
            return f"the certificate {certificate_id} is not ACTIVE"
        return _standing(principal, client_id, address)

    def _stand_as_thing(self, client_id: str, address: str) -> Standing:
        return Standing(Asker(self.arn, client_id, address, ThingView(client_id)), (self._of_things,))

    def check_attachable(self, certificate_id: str, policy: str) -> None:
        """Refuse one policy more than a certificate can have. Raises ControlError (LimitExceededException)."""
        principal = self._principals.find(certificate_id)
        names = set[str]() if principal is None else {each.name for each in principal.policies}
        if policy not in names and len(names) >= ATTACHED_MAX:
            told = f"No more than {ATTACHED_MAX} policies can be attached to a certificate"
            raise ControlError("LimitExceededException", 410, told)

    # A person's questions

    def check(self, thing: str, action: Action, name: str) -> tuple[Ruling, ...]:
        """Return what is said to a thing, by each certificate it has; by the default policy when it has none.

        Raises:
            ControlError: this is no thing name.
        """
        if not is_thing_name(thing):
            raise ControlError("InvalidRequestException", 400, f"{thing[:128]!r} is no thing name")
        found = self._principals.of_thing(thing)
        if not found:
            asker = Asker(self.arn, thing, ADDRESS, ThingView(thing))
            by = f"the default policy, as {thing} has no certificate"
            return (Ruling(by, judge((self._of_things,), action, name, asker)),)
        return tuple(Ruling(f"certificate {each.certificate_id}", _ruling(each, thing, action, name)) for each in found)

    def suggest(self, thing: str) -> dict[str, Any]:
        """Return the least policy document for what a client of this name used since the start.

        Raises:
            ControlError: nothing is known of it, not all, or more than fits into a policy.
        """
        uses = self._usage.of(thing)
        if not uses:
            told = f"Nothing is known of {thing[:128]!r}: no client of this name has connected since the start"
            raise ControlError("ResourceNotFoundException", 404, told)
        found = suggestion.least(uses, self.arn) if self._usage.is_whole(thing) else None
        if found is None:
            raise ControlError("LimitExceededException", 410, f"{thing} uses more topics than one policy can name")
        return found


def _standing(principal: Principal, client_id: str, address: str) -> Standing:
    """Return where the holder of a certificate stands. Its thing is the one of the client id's name (MP-7)."""
    thing = next((each for each in principal.things if each.name == client_id), None)
    arn = principal.arn.rpartition(":")[0]
    policies = principal.policies if thing is None else (*principal.policies, *thing.policies)
    return Standing(Asker(arn, client_id, address, thing), tuple(dict.fromkeys(policies)))


def _ruling(principal: Principal, thing: str, action: Action, name: str) -> str | None:
    if not principal.active:
        return "the certificate is not ACTIVE"
    standing = _standing(principal, thing, ADDRESS)
    return judge(standing.policies, action, name, standing.asker)
