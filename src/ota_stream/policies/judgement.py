"""What policies say to one action of one client: explicit deny wins, then one allow is enough, else no (MP-8)."""

from collections.abc import Iterable, Sequence
from typing import Final

from msgspec import Struct

from ota_stream.policies.actions import Action, resource_of
from ota_stream.policies.conditions import fulfilled
from ota_stream.policies.documents import Effect, MalformedPolicy, Statement, statements
from ota_stream.policies.patterns import Value
from ota_stream.policies.principals import Policy, ThingView

_THING: Final = "iot:connection.thing."
_ATTRIBUTE: Final = _THING + "attributes["
_ARN_FIELDS: Final = 5  # before the resource


class Asker(Struct, frozen=True):
    """Who asks: what the variables and conditions of policies may ask of a connection (MP-6).

    `arn` is what the ARNs of its account begin with, `arn:aws:iot:us-east-1:123456789012`. `thing` is the thing whose
    name is the client id, when the certificate is attached to it (MP-7).
    """

    arn: str
    client_id: str
    source_ip: str
    thing: ThingView | None = None

    def value(self, key: str) -> str | None:
        """Return the value of a variable or key, None when it has none. Raises KeyError for one not known here."""
        if key.startswith(_THING):
            return self._of_thing(key)
        return {"iot:clientid": self.client_id, "aws:sourceip": self.source_ip}[key]

    def _of_thing(self, key: str) -> str | None:
        thing = self.thing
        if key == "iot:connection.thing.isattached":
            return "false" if thing is None else "true"
        if thing is None:  # MP-7
            return None
        if key == "iot:connection.thing.thingname":
            return thing.name
        if key == "iot:connection.thing.thingtypename":
            return thing.type_name
        if key.startswith(_ATTRIBUTE) and key.endswith("]"):
            return thing.attributes.get(key[len(_ATTRIBUTE) : -1])
        raise KeyError(key)


def judge(policies: Sequence[Policy], action: Action, name: str, asker: Asker) -> str | None:
    """Return None when the policies allow it, else the rule that says no, in one clause.

    `name` is the client id, topic or filter that the action is about.
    """
    resource = f"{asker.arn}:{resource_of(action, name)}"
    allowed, doubts = False, list[str]()
    for policy in policies:
        try:
            several = statements(policy)[action]
        except MalformedPolicy as error:
            doubts.append(f"policy {policy.name} is malformed: {error.reason}")
            continue
        for statement in several:
            if not _is_about(statement, resource, asker.value):
                continue
            holds, doubt = fulfilled(statement.conditions, asker.value)
            if doubt is not None:
                doubts.append(doubt)
            if statement.effect is Effect.DENY and (holds or doubt is not None):
                return _told(f"explicit deny: statement {statement.number} of policy {statement.policy}", doubts[-1:])
            allowed = allowed or holds
    return None if allowed else _told(_silence(policies, action, name, asker), doubts)


def _is_about(statement: Statement, resource: str, value: Value) -> bool:
    patterns = [template.pattern(value) for template in statement.resources]
    if any(pattern is not None and pattern.matches(resource) for pattern in patterns):
        return not statement.excepts
    # An exception that has no value excepts nothing: no right may come of that.
    return statement.excepts and (statement.effect is Effect.DENY or None not in patterns)  # MP-7


def _told(rule: str, doubts: Iterable[str]) -> str:
    told = "; ".join(dict.fromkeys(doubts))
    return f"{rule} ({told})" if told else rule


def _silence(policies: Sequence[Policy], action: Action, name: str, asker: Asker) -> str:
    """Return who is silent, and whether somebody speaks of another region or account: mostly that is the reason."""
    if not policies:
        return "no policy is attached"
    names = ", ".join(policy.name for policy in policies)
    rule = f"no statement of {'policy' if len(policies) == 1 else 'policies'} {names} allows it"
    for policy in policies:
        for statement in _readable(policy, action):
            for elsewhere in _elsewhere(statement, resource_of(action, name), asker):
                return f"{rule}; statement {statement.number} of {policy.name} does in {elsewhere}, this is {asker.arn}"
    return rule


def _readable(policy: Policy, action: Action) -> Sequence[Statement]:
    try:
        return statements(policy)[action]
    except MalformedPolicy:
        return ()


def _elsewhere(statement: Statement, resource: str, asker: Asker) -> Iterable[str]:
    if statement.effect is Effect.DENY or statement.excepts:
        return
    for template in statement.resources:
        head = ":".join(template.text.split(":", _ARN_FIELDS)[:_ARN_FIELDS])
        pattern = template.pattern(asker.value)
        if head != asker.arn and pattern is not None and pattern.matches(f"{head}:{resource}"):
            yield head
