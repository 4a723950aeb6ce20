"""What policies say: the table of cases, and equality with a plain evaluator on any policy and any topic."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ota_stream.policies.actions import Action
from ota_stream.policies.judgement import Asker, judge
from ota_stream.policies.principals import Policy, ThingView
from ota_stream.policies.rights import Generation, Rights, Standing
from policy_cases import ARN, CASES, CLIENT_ID, PUBLISH, SUBSCRIBE, THING_NAME, Case, plainly, policy, statement


def asker_of(case: Case) -> Asker:
    return Asker(ARN, case.client_id, case.address, case.thing)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.why)
def test_a_policy_says(case: Case):  # MP-1..MP-8
    policies = (policy(*case.statements),)
    for action, name in case.yes:
        assert judge(policies, action, name, asker_of(case)) is None, (action, name)
    for action, name in case.no:
        assert judge(policies, action, name, asker_of(case)) is not None, (action, name)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.why)
def test_several_policies_are_one(case: Case):
    apart = [policy(each, name=f"p{number}") for number, each in enumerate(case.statements)]
    for action, name in (*case.yes, *case.no):
        expected = judge((policy(*case.statements),), action, name, asker_of(case)) is None
        assert (judge(apart, action, name, asker_of(case)) is None) is expected


# What the rule that says no is called

ASKER = Asker(ARN, "d", "127.0.0.1", ThingView("d"))
ALLOW = statement("iot:Publish", "topic/*")
DENY = statement("iot:Publish", "topic/x", "Deny")
ODD = {"StringEquals": {"iot:Certificate.Issuer.Country": "XX"}}

DOUBT = "ota-stream cannot decide the condition StringEquals of iot:Certificate.Issuer.Country"


@pytest.mark.parametrize(
    ("policies", "rule"),
    [
        ([], "no policy is attached"),
        ([policy(DENY)], "explicit deny: statement 1 of policy p"),
        ([policy(ALLOW, name="a"), policy(ALLOW, DENY, name="b")], "explicit deny: statement 2 of policy b"),
        ([policy(statement("iot:Publish", "topic/y"))], "no statement of policy p allows it"),
        ([policy(name="a"), policy(name="b")], "no statement of policies a, b allows it"),
        (
            [policy(statement("iot:Publish", "arn:aws:iot:eu-west-1:1:topic/x"))],
            "no statement of policy p allows it; statement 1 of p does in arn:aws:iot:eu-west-1:1, this is " + ARN,
        ),
        (
            [policy(statement("iot:Publish", "topic/x", Condition=ODD))],
            f"no statement of policy p allows it ({DOUBT})",
        ),
        ([Policy("p", "{")], "no statement of policy p allows it (policy p is malformed: it is not JSON)"),
        ([Policy("q", "[]"), policy(ALLOW)], None),  # what is malformed says nothing
    ],
)
def test_the_rule_is_named(policies: list[Policy], rule: str | None):
    assert judge(policies, PUBLISH, "x", ASKER) == rule


# Any policy, any topic

VALUES = {"iot:ClientId": "d*", "iot:Connection.Thing.ThingName": "d*", "iot:Connection.Thing.ThingTypeName": None}
WORDS = st.sampled_from(
    ["a", "b", "/", "*", "?", "+", "#", CLIENT_ID, THING_NAME, "${iot:Connection.Thing.ThingTypeName}"]
)
RESOURCES = st.builds(
    lambda kind, words: f"{ARN}:{kind}/{''.join(words)}",
    st.sampled_from(["topic", "topicfilter", "client", "t*"]),
    st.lists(WORDS, max_size=6),
) | st.just("*")
ACTIONS = st.sampled_from([*(action.value for action in Action), "iot:*", "iot:?ublish", "*", "IOT:RECEIVE", "other:x"])


def _statement(effect: str, actions: list[str], resources: list[str], not_action: bool, not_resource: bool) -> dict:
    return {
        "Effect": effect,
        "NotAction" if not_action else "Action": actions,
        "NotResource" if not_resource else "Resource": resources,
    }


STATEMENTS = st.builds(
    _statement,
    st.sampled_from(["Allow", "Allow", "Deny"]),
    st.lists(ACTIONS, min_size=1, max_size=2),
    st.lists(RESOURCES, min_size=1, max_size=2),
    st.booleans(),
    st.booleans(),
)
NAMES = st.lists(st.sampled_from(["a", "b", "/", "d*", "+", "#", "*", "d"]), max_size=6).map("".join)
DOCUMENTS = st.lists(STATEMENTS, max_size=4)


@given(st.lists(DOCUMENTS, min_size=1, max_size=3), st.lists(st.tuples(st.sampled_from(Action), NAMES), max_size=8))
@example([[statement("iot:Publish", "topic/*a*b")]], [(PUBLISH, "aab"), (PUBLISH, "ab"), (PUBLISH, "ba")])
def test_rights_are_what_a_plain_evaluator_says(documents: list[list[dict]], asked: list[tuple[Action, str]]):
    policies = tuple(policy(*each, name=str(number)) for number, each in enumerate(documents))
    everything = [each for document in documents for each in document]
    standing = Standing(Asker(ARN, "d*", "::1", ThingView("d*")), policies)
    rights = Rights(lambda: standing, Generation(), lambda *_: None)
    assert (rights.stay() is None) is plainly(everything, Action.CONNECT, "d*", VALUES)
    for action, name in asked * 2:  # the second time from memory
        expected = plainly(everything, action, name, VALUES)
        if action is Action.RETAIN_PUBLISH:
            expected = expected and plainly(everything, PUBLISH, name, VALUES)
            assert (rights.publish(name, retain=True) is None) is expected
        elif action is PUBLISH:
            assert (rights.publish(name, retain=False) is None) is expected
        elif action is SUBSCRIBE:
            assert (rights.subscribe(name) is None) is expected
        elif action is Action.RECEIVE:
            assert (rights.receive(name) is None) is expected
        else:
            assert (judge(policies, action, name, standing.asker) is None) is expected


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(JSON, st.sampled_from(["Effect", "Action", "Resource", "NotAction", "NotResource", "Condition", "Sid"]))
def test_any_document_is_judged(value: object, member: str):
    for document in (value, {"Version": "2012-10-17", "Statement": value}):
        assert isinstance(judge([Policy("p", json.dumps(document))], PUBLISH, "x", ASKER), str)
    odd = policy({**statement("iot:Publish", "topic/x"), member: value})
    assert judge([odd], PUBLISH, "x", ASKER) is None or isinstance(judge([odd], PUBLISH, "x", ASKER), str)
    rule = judge([policy(statement("iot:*", "*", "Deny", Condition=value)), policy(ALLOW)], PUBLISH, "x", ASKER)
    assert rule is None or rule.startswith("explicit deny"), "a deny whose condition is odd is a deny"


@pytest.mark.parametrize("depth", [1, 50, 400, 900, 990])
def test_a_deep_document_is_judged(depth: int):
    deep = '{"a":' * depth + "1" + "}" * depth
    for condition in (deep, f'{{"StringEquals":{deep}}}', f'{{"StringEquals":{{"iot:ClientId":{deep}}}}}'):
        text = f'{{"Effect":"Allow","Action":"iot:*","Resource":"*","Condition":{condition}}}'
        document = f'{{"Version":"2012-10-17","Statement":{text}}}'
        assert isinstance(judge([Policy("p", document)], PUBLISH, "x", ASKER), str)


def test_a_policy_of_many_stars_is_judged_quickly():
    stars = statement("iot:Publish", "topic/" + "*a" * 900 + "b")
    assert judge([policy(stars)], PUBLISH, "a" * 256, ASKER) is not None
