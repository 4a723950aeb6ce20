"""Policies, and what they say to whom: one table for the judgement, and for a plain evaluator to check it with."""

import json
import re
from typing import Any, NamedTuple

from ota_stream.policies.actions import RESOURCES, Action
from ota_stream.policies.principals import Policy, Principal, ThingView

ARN = "arn:aws:iot:us-east-1:123456789012"
CONNECT, PUBLISH, RETAIN = Action.CONNECT, Action.PUBLISH, Action.RETAIN_PUBLISH
SUBSCRIBE, RECEIVE = Action.SUBSCRIBE, Action.RECEIVE
THING = ThingView("lock-7", "DoorLock", {"room": "hall", "Floor": "2", "star": "*"})
CLIENT_ID = "${iot:ClientId}"
THING_NAME = "${iot:Connection.Thing.ThingName}"

Json = dict[str, Any]


def statement(actions: object, resources: object, effect: str = "Allow", **more: object) -> Json:
    """Return a statement; resources that are no ARN are of our region and account."""
    return {"Effect": effect, "Action": actions, "Resource": arns(resources), **more}


def arns(resources: object) -> object:
    if isinstance(resources, str):
        return resources if resources.startswith("arn:") or resources == "*" else f"{ARN}:{resources}"
    return [arns(each) for each in resources] if isinstance(resources, list) else resources


def policy(*statements: Json, name: str = "p") -> Policy:
    return Policy(name, json.dumps({"Version": "2012-10-17", "Statement": list(statements)}))


class Case(NamedTuple):
    """`yes` and `no` are (action, name); the client is `lock-7`, attached to a thing unless it says so."""

    why: str
    rule: str
    statements: list[Json]
    yes: list[tuple[Action, str]]
    no: list[tuple[Action, str]]
    client_id: str = "lock-7"
    thing: ThingView | None = THING
    address: str = "10.1.2.3"


def case(why: str, rule: str, *statements: Json, yes: object = (), no: object = (), **more: Any) -> Case:
    return Case(why, rule, list(statements), list(yes), list(no), **more)  # type: ignore[call-overload]


IS_ATTACHED = {"Bool": {"iot:Connection.Thing.IsAttached": ["true"]}}
CASES = [
    case("no statement allows nothing", "MP-8", no=[(CONNECT, "lock-7"), (PUBLISH, "a"), (RECEIVE, "a")]),
    case(
        "an action is allowed for itself alone",
        "MP-3",
        statement("iot:Publish", "topic/a"),
        yes=[(PUBLISH, "a")],
        no=[(RETAIN, "a"), (SUBSCRIBE, "a"), (RECEIVE, "a"), (PUBLISH, "b"), (PUBLISH, "A")],
    ),
    case(
        "names of actions have no case and may have wildcards",
        "MP-3",
        statement(["IOT:publish", "iot:R*"], "topic/a"),
        yes=[(PUBLISH, "a"), (RECEIVE, "a"), (RETAIN, "a")],
        no=[(SUBSCRIBE, "a"), (CONNECT, "a")],
    ),
    case(
        "every action, every resource",
        "MP-3",
        statement("iot:*", "*"),
        yes=[(CONNECT, "x"), (PUBLISH, "$aws/things/other/jobs/get"), (SUBSCRIBE, "#"), (RECEIVE, "x"), (RETAIN, "x")],
    ),
    case(
        "a star alone is every action", "MP-3", statement("*", "topic/a"), yes=[(PUBLISH, "a")], no=[(SUBSCRIBE, "a")]
    ),
    case(
        "each action has its kind of resource",
        "MP-4",
        statement("iot:*", ["client/c", "topic/t", "topicfilter/f"]),
        yes=[(CONNECT, "c"), (PUBLISH, "t"), (RECEIVE, "t"), (SUBSCRIBE, "f")],
        no=[(CONNECT, "t"), (PUBLISH, "f"), (SUBSCRIBE, "t"), (RECEIVE, "f"), (PUBLISH, "c")],
    ),
    case(
        "a star crosses slashes, and may stand for nothing",
        "MP-5",
        statement("iot:Publish", "topic/a/*/z"),
        yes=[(PUBLISH, "a/b/z"), (PUBLISH, "a/b/c/z"), (PUBLISH, "a//z")],
        no=[(PUBLISH, "a/z"), (PUBLISH, "a/b/z/")],
    ),
    case(
        "a question mark is one sign",
        "MP-5",
        statement("iot:Publish", "topic/room?/x*y?"),
        yes=[(PUBLISH, "room1/xy1"), (PUBLISH, "room//xaby2")],
        no=[(PUBLISH, "room/xy1"), (PUBLISH, "room12/xy1")],
    ),
    case(
        "plus and hash are ordinary signs",
        "MP-5",
        statement("iot:Subscribe", ["topicfilter/some/+/topic", "topicfilter/all/#"]),
        yes=[(SUBSCRIBE, "some/+/topic"), (SUBSCRIBE, "all/#")],
        no=[(SUBSCRIBE, "some/a/topic"), (SUBSCRIBE, "all/a"), (SUBSCRIBE, "all"), (SUBSCRIBE, "#")],
    ),
    case(
        "a star in a policy takes a filter with wildcards",
        "MP-5",
        statement("iot:Subscribe", "topicfilter/lock-7/*"),
        yes=[(SUBSCRIBE, "lock-7/#"), (SUBSCRIBE, "lock-7/+/x")],
        no=[(SUBSCRIBE, "+/x"), (SUBSCRIBE, "#")],
    ),
    case(
        "a shared subscription is judged word for word",
        "MP-5",
        statement("iot:Subscribe", ["topicfilter/a", "topicfilter/$share/g/b"]),
        yes=[(SUBSCRIBE, "$share/g/b")],
        no=[(SUBSCRIBE, "$share/g/a"), (SUBSCRIBE, "$share/h/b"), (SUBSCRIBE, "b")],
    ),
    case(
        "the client id",
        "MP-6",
        statement("iot:Connect", f"client/{CLIENT_ID}"),
        statement("iot:Publish", f"topic/my/{CLIENT_ID}/x"),
        yes=[(CONNECT, "lock-7"), (PUBLISH, "my/lock-7/x")],
        no=[(PUBLISH, "my/lock-8/x"), (PUBLISH, "my/*/x")],
        thing=None,
    ),
    case(
        "a client id of wildcards opens nothing else",
        "MP-6",
        statement("iot:Publish", f"topic/my/{CLIENT_ID}/x"),
        yes=[(PUBLISH, "my/*/x")],
        no=[(PUBLISH, "my/a/x"), (PUBLISH, "my/a/b/x")],
        client_id="*",
    ),
    case(
        "names of variables have no case",
        "MP-6",
        statement("iot:Publish", "topic/${IOT:CLIENTID}/${AWS:sourceip}"),
        yes=[(PUBLISH, "lock-7/10.1.2.3")],
    ),
    case(
        "the thing",
        "MP-6",
        statement(
            "iot:Publish",
            "topic/${iot:Connection.Thing.ThingTypeName}/${iot:Connection.Thing.Attributes[room]}/" + THING_NAME,
        ),
        yes=[(PUBLISH, "DoorLock/hall/lock-7")],
        no=[(PUBLISH, "DoorLock/hall/other"), (PUBLISH, "//")],
    ),
    case(
        "names of attributes have case",
        "MP-6",
        statement("iot:Publish", "topic/${iot:connection.thing.attributes[Floor]}"),
        yes=[(PUBLISH, "2")],
    ),
    case(
        "an attribute that is not there",
        "MP-7",
        statement("iot:Publish", ["topic/${iot:Connection.Thing.Attributes[floor]}", "topic/b"]),
        yes=[(PUBLISH, "b")],
        no=[(PUBLISH, "2"), (PUBLISH, "")],
    ),
    case(
        "an attribute of wildcards is no wildcard",
        "MP-6",
        statement("iot:Publish", "topic/${iot:Connection.Thing.Attributes[star]}"),
        yes=[(PUBLISH, "*")],
        no=[(PUBLISH, "a")],
    ),
    case(
        "without a thing its variables match nothing",
        "MP-7",
        statement("iot:*", [f"topic/{THING_NAME}*", "topic/x"]),
        yes=[(PUBLISH, "x")],
        no=[(PUBLISH, "lock-7"), (PUBLISH, ""), (PUBLISH, THING_NAME)],
        thing=None,
    ),
    case(
        "an unknown variable matches nothing",
        "MP-6",
        statement("iot:Publish", ["topic/${who:Knows}", "topic/b"]),
        yes=[(PUBLISH, "b")],
        no=[(PUBLISH, "${who:Knows}"), (PUBLISH, "")],
    ),
    case(
        "signs that mean something can be meant",
        "MP-5",
        statement("iot:Publish", "topic/${*}/${?}/${$}{x}"),
        yes=[(PUBLISH, "*/?/${x}")],
        no=[(PUBLISH, "a/b/${x}")],
    ),
    case(
        "an explicit deny wins, wherever it stands",
        "MP-8",
        statement("iot:Publish", f"topic/{THING_NAME}/bar", "Deny"),
        statement("iot:Publish", f"topic/{THING_NAME}/*"),
        yes=[(PUBLISH, "lock-7/foo")],
        no=[(PUBLISH, "lock-7/bar")],
    ),
    case(
        "a deny of a filter is of that filter alone",
        "MP-5",
        statement("iot:Subscribe", "topicfilter/a/*"),
        statement("iot:Subscribe", "topicfilter/a/secret/#", "Deny"),
        yes=[(SUBSCRIBE, "a/#"), (SUBSCRIBE, "a/secret/x")],
        no=[(SUBSCRIBE, "a/secret/#")],
    ),
    case(
        "all but some resources",
        "MP-4",
        {"Effect": "Allow", "Action": "iot:Receive", "NotResource": f"{ARN}:topic/a/secret/*"},
        yes=[(RECEIVE, "a/b"), (RECEIVE, "c")],
        no=[(RECEIVE, "a/secret/b"), (PUBLISH, "c")],
    ),
    case(
        "an exception without a value allows nothing",
        "MP-7",
        {"Effect": "Allow", "Action": "iot:Receive", "NotResource": f"{ARN}:topic/{THING_NAME}"},
        no=[(RECEIVE, "a")],
        thing=None,
    ),
    case(
        "an exception without a value denies all",
        "MP-7",
        statement("iot:*", "*"),
        {"Effect": "Deny", "Action": "iot:Receive", "NotResource": f"{ARN}:topic/{THING_NAME}"},
        yes=[(PUBLISH, "a")],
        no=[(RECEIVE, "lock-7")],
        thing=None,
    ),
    case(
        "all but some actions",
        "MP-3",
        {"Effect": "Allow", "NotAction": ["iot:Publish", "iot:C*"], "Resource": "*"},
        yes=[(RECEIVE, "a"), (SUBSCRIBE, "a"), (RETAIN, "a")],
        no=[(PUBLISH, "a"), (CONNECT, "lock-7")],
    ),
    case("only when attached", "MP-6", statement("iot:Connect", "*", Condition=IS_ATTACHED), yes=[(CONNECT, "lock-7")]),
    case(
        "... and not otherwise",
        "MP-7",
        statement("iot:Connect", "*", Condition=IS_ATTACHED),
        no=[(CONNECT, "lock-7")],
        thing=None,
    ),
    case(
        "by type and attribute",
        "MP-6",
        statement(
            "iot:Publish",
            "topic/stats",
            Condition={
                "StringEquals": {
                    "iot:Connection.Thing.Attributes[room]": "hall",
                    "iot:Connection.Thing.ThingTypeName": ["Lamp", "DoorLock"],
                }
            },
        ),
        statement(
            "iot:Publish", "topic/lamps", Condition={"StringEquals": {"iot:Connection.Thing.ThingTypeName": "Lamp"}}
        ),
        yes=[(PUBLISH, "stats")],
        no=[(PUBLISH, "lamps")],
    ),
    case(
        "by address",
        "MP-6",
        statement(
            "iot:Publish", "topic/in", Condition={"IpAddress": {"aws:SourceIp": ["192.168.0.0/16", "10.0.0.0/8"]}}
        ),
        statement("iot:Publish", "topic/out", Condition={"NotIpAddress": {"aws:SourceIp": "10.0.0.0/8"}}),
        statement("iot:Publish", "topic/one", Condition={"IpAddress": {"aws:SourceIp": "10.1.2.3"}}),
        statement("iot:Publish", "topic/odd", Condition={"IpAddress": {"aws:SourceIp": "10.1/8/x"}}),
        yes=[(PUBLISH, "in"), (PUBLISH, "one")],
        no=[(PUBLISH, "out"), (PUBLISH, "odd")],
    ),
    case(
        "a value of a condition has variables",
        "MP-6",
        statement("iot:Publish", "topic/a", Condition={"StringEquals": {"iot:ClientId": THING_NAME}}),
        statement("iot:Publish", "topic/b", Condition={"StringLike": {"iot:ClientId": f"{THING_NAME}*"}}),
        yes=[(PUBLISH, "a"), (PUBLISH, "b")],
        no=[(PUBLISH, "c")],
    ),
    case(
        "what is not there fulfils no condition but a negative one",
        "MP-7",
        statement("iot:Publish", "topic/a", Condition={"StringEquals": {"iot:Connection.Thing.ThingTypeName": "x"}}),
        statement("iot:Publish", "topic/b", Condition={"StringNotEquals": {"iot:Connection.Thing.ThingTypeName": "x"}}),
        statement(
            "iot:Publish", "topic/c", Condition={"StringEqualsIfExists": {"iot:Connection.Thing.ThingTypeName": "x"}}
        ),
        statement("iot:Publish", "topic/d", Condition={"Null": {"iot:Connection.Thing.ThingTypeName": "true"}}),
        statement(
            "iot:Publish", "topic/e", Condition={"ForAnyValue:StringLike": {"iot:Connection.Thing.ThingTypeName": "*"}}
        ),
        statement(
            "iot:Publish", "topic/f", Condition={"ForAllValues:StringLike": {"iot:Connection.Thing.ThingTypeName": "x"}}
        ),
        yes=[(PUBLISH, "b"), (PUBLISH, "c"), (PUBLISH, "d"), (PUBLISH, "f")],
        no=[(PUBLISH, "a"), (PUBLISH, "e")],
        thing=ThingView("lock-7"),
    ),
    case(
        "a condition that cannot be known gives no right and takes none back",
        "MP-8",
        statement("iot:*", "*"),
        statement("iot:Publish", "*", "Deny", Condition={"StringEquals": {"iot:Certificate.Subject.Country": "XX"}}),
        yes=[(RECEIVE, "a")],
        no=[(PUBLISH, "a")],
    ),
    case(
        "another region or account is another one",
        "MP-4",
        statement("iot:*", ["arn:aws:iot:eu-west-1:123456789012:topic/a", "arn:aws:iot:us-east-1:1:topic/a"]),
        no=[(PUBLISH, "a")],
    ),
    case(
        "wildcards in region and account", "MP-5", statement("iot:*", "arn:aws:iot:*:*:topic/a"), yes=[(PUBLISH, "a")]
    ),
    case(
        "no wildcard takes a thing into the rooms of another",
        "MP-1",
        statement("iot:Subscribe", f"topicfilter/$aws/things/{THING_NAME}/jobs/*"),
        yes=[(SUBSCRIBE, "$aws/things/lock-7/jobs/notify-next"), (SUBSCRIBE, "$aws/things/lock-7/jobs/#")],
        no=[
            (SUBSCRIBE, each)
            for each in (
                "#",
                "+/#",
                "$aws/#",
                "$aws/things/#",
                "$aws/things/+/jobs/notify-next",
                "$aws/things/other/jobs/notify",
                "$aws/things/lock-7/#",
                "$aws/things/lock-7/jobs",
                "$share/g/$aws/things/lock-7/jobs/x",
            )
        ],
    ),
]


# A plain evaluator: slow, obvious, and sharing nothing with the real one but the words


def plainly(statements: list[Json], action: Action, name: str, values: dict[str, str | None]) -> bool:
    """Judge statements without conditions, as the rules of evaluation are written down."""
    resource = f"{ARN}:{RESOURCES[action]}/{name}"
    effects = {each["Effect"] for each in statements if _concerns(each, action, resource, values)}
    return effects == {"Allow"}


def _concerns(each: Json, action: Action, resource: str, values: dict[str, str | None]) -> bool:
    for element, asked, flags in (("Action", action.value, re.IGNORECASE), ("Resource", resource, 0)):
        excepts = f"Not{element}" in each
        texts = each[f"Not{element}" if excepts else element]
        patterns = [_regex(text, values) for text in ([texts] if isinstance(texts, str) else texts)]
        hit = any(pattern is not None and re.fullmatch(pattern, asked, flags | re.DOTALL) for pattern in patterns)
        if hit is excepts or (excepts and None in patterns and each["Effect"] == "Allow"):
            return False
    return True


def _regex(text: str, values: dict[str, str | None]) -> str | None:
    pieces = []
    for piece in re.split(r"(\$\{[^}]*\}|[*?])", text):
        if piece == "*":
            pieces.append(".*")
        elif piece == "?":
            pieces.append(".")
        elif piece.startswith("${"):
            value = values.get(piece[2:-1])
            if value is None:
                return None
            pieces.append(re.escape(value))
        else:
            pieces.append(re.escape(piece))
    return "".join(pieces)


class Registry:
    """Principals that a test changes."""

    def __init__(self, *principals: Principal) -> None:
        self.known = {each.certificate_id: each for each in principals}

    def find(self, certificate_id: str) -> Principal | None:
        return self.known.get(certificate_id)

    def of_thing(self, name: str) -> tuple[Principal, ...]:
        return tuple(each for each in self.known.values() if any(thing.name == name for thing in each.things))


def principal(certificate_id: str, *policies: Policy, thing: str | None = None, **more: Any) -> Principal:
    things = () if thing is None else (ThingView(thing),)
    return Principal(
        certificate_id,
        f"{ARN}:cert/{certificate_id}",
        **{"active": True, "things": things, "policies": policies, **more},
    )
