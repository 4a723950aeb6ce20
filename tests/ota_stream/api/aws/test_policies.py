"""Policies are weighed as AWS documents it: one Deny is enough, then one Allow is, and doubt gives no right."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ota_stream.api.aws.moto.policies import Asking, Ruling, decide
from ota_stream.policies.patterns import matches

OBJECT = "arn:aws:s3:::images/app.bin"
ROLE = "arn:aws:iam::123456789012:role/ota"
ACCOUNT = frozenset({"123456789012", "arn:aws:iam::123456789012:root"})
READ = Asking("s3:GetObject", OBJECT, {"aws:securetransport": "true", "aws:principalarn": ROLE})
ALLOWED, SILENT, DENIED = Ruling.ALLOWED, Ruling.SILENT, Ruling.DENIED


def statement(**members: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*", **members}


def ruling(asking: Asking, *statements: dict[str, Any]) -> Ruling:
    return decide([json.dumps({"Version": "2012-10-17", "Statement": list(statements)})], asking).ruling


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({}, ALLOWED),
        ({"Action": "*"}, ALLOWED),
        ({"Action": ["s3:PutObject", "S3:getobject"]}, ALLOWED),  # actions have no case
        ({"Action": "s3:Get*"}, ALLOWED),
        ({"Action": "s3:GetObjec?"}, ALLOWED),
        ({"Action": "s3:GetObjec"}, SILENT),
        ({"Action": "s3.GetObject"}, SILENT),  # no regular expression
        ({"Action": 5}, SILENT),
        ({"Resource": OBJECT}, ALLOWED),
        ({"Resource": ["arn:aws:s3:::other/*", "arn:aws:s3:::images/*"]}, ALLOWED),
        ({"Resource": "arn:aws:s3:::IMAGES/*"}, SILENT),  # resources have
        ({"Resource": "arn:aws:s3:::images"}, SILENT),
        ({"Effect": "Deny"}, DENIED),
        ({"Effect": "Deny", "Resource": "arn:aws:s3:::other/*"}, SILENT),
        ({"Effect": "Perhaps"}, SILENT),
        ({"Effect": ["Allow"]}, SILENT),
    ],
)
def test_a_statement(members: dict[str, Any], expected: Ruling) -> None:
    assert ruling(READ, statement(**members)) is expected


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}, ALLOWED),
        ({"Effect": "Allow", "NotAction": ["s3:*"], "Resource": "*"}, SILENT),
        ({"Effect": "Deny", "NotAction": "s3:Put*", "Resource": "*"}, DENIED),
        ({"Effect": "Allow", "Action": "s3:*", "NotResource": "arn:aws:s3:::secret/*"}, ALLOWED),
        ({"Effect": "Deny", "Action": "s3:*", "NotResource": "arn:aws:s3:::other/*"}, DENIED),
        ({"Effect": "Allow", "Action": "s3:*", "NotResource": "arn:aws:s3:::images/*"}, SILENT),
        ({"Effect": "Allow", "Action": "s3:*"}, SILENT),  # concerns no resource
        ({"Effect": "Allow", "Resource": "*"}, SILENT),
    ],
)
def test_what_is_not_named_and_what_is_left_out(members: dict[str, Any], expected: Ruling) -> None:
    assert ruling(READ, members) is expected


def test_one_deny_wins_wherever_it_stands() -> None:
    deny = statement(Effect="Deny", Resource="arn:aws:s3:::images/*")
    assert ruling(READ, deny, statement()) is DENIED
    assert ruling(READ, statement(), deny) is DENIED
    documents = [json.dumps({"Statement": each}) for each in (statement(), deny)]  # one statement without a list
    assert decide(documents, READ).ruling is DENIED


@pytest.mark.parametrize(
    ("condition", "allow", "deny"),
    [
        ({}, ALLOWED, DENIED),
        ({"Bool": {"aws:SecureTransport": "false"}}, SILENT, SILENT),
        ({"Bool": {"AWS:securetransport": True}}, ALLOWED, DENIED),
        ({"ArnLike": {"aws:PrincipalArn": ["arn:aws:iam::1:*", "arn:aws:iam::*:role/o?a"]}}, ALLOWED, DENIED),
        ({"ArnNotEquals": {"aws:PrincipalArn": ROLE}}, SILENT, SILENT),
        ({"StringEquals": {"aws:PrincipalArn": ROLE}}, ALLOWED, DENIED),
        ({"StringEqualsIfExists": {"aws:PrincipalArn": ROLE.upper()}}, SILENT, SILENT),
        ({"StringEqualsIgnoreCase": {"aws:PrincipalArn": ROLE.upper()}}, ALLOWED, DENIED),
        ({"StringNotLike": {"aws:PrincipalArn": "*other*"}}, ALLOWED, DENIED),
        ({"Null": {"aws:PrincipalArn": "false"}}, ALLOWED, DENIED),
        ({"Null": {"aws:PrincipalArn": True}}, SILENT, SILENT),
        # two conditions: both have to hold
        ({"Bool": {"aws:SecureTransport": "true"}, "StringLike": {"aws:PrincipalArn": "no"}}, SILENT, SILENT),
        # one that nobody can decide gives no right
        ({"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}, SILENT, DENIED),
        ({"StringEquals": {"s3:ExistingObjectTag/x": "y"}}, SILENT, DENIED),
        ({"NumericLessThan": {"aws:PrincipalArn": 5}}, SILENT, DENIED),
        ({"StringEquals": "odd"}, SILENT, DENIED),
        ("odd", SILENT, DENIED),
    ],
)
def test_a_condition(condition: Any, allow: Ruling, deny: Ruling) -> None:
    assert ruling(READ, statement(Condition=condition)) is allow
    assert ruling(READ, statement(Effect="Deny", Condition=condition)) is deny


def test_what_cannot_be_decided_is_told() -> None:
    unknown = statement(Condition={"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}})
    verdict = decide([json.dumps({"Statement": [unknown]}), "no JSON", b"\xff", "[" * 100_000, "[]"], READ)
    assert verdict.ruling is SILENT
    assert verdict.doubts == (
        "ota-stream cannot decide the condition IpAddress of aws:SourceIp",
        *["a policy is not JSON"] * 4,
    )


IOT = Asking("sts:AssumeRole", None, {}, "Service", frozenset({"iot.amazonaws.com"}))
BY_ROLE = Asking("s3:GetObject", OBJECT, {}, "AWS", frozenset({ROLE}), ACCOUNT)


@pytest.mark.parametrize(
    ("asking", "principal", "allow", "deny"),
    [
        (IOT, {"Service": "iot.amazonaws.com"}, ALLOWED, DENIED),
        (IOT, {"Service": ["signer.amazonaws.com", "iot.amazonaws.com"]}, ALLOWED, DENIED),
        (IOT, {"Service": "ec2.amazonaws.com"}, SILENT, SILENT),
        (IOT, {"AWS": "iot.amazonaws.com"}, SILENT, SILENT),
        (IOT, "*", ALLOWED, DENIED),
        (IOT, None, SILENT, SILENT),
        (BY_ROLE, {"AWS": ROLE}, ALLOWED, DENIED),
        (BY_ROLE, {"AWS": "*"}, ALLOWED, DENIED),
        (BY_ROLE, {"AWS": "arn:aws:iam::123456789012:root"}, SILENT, DENIED),  # the role's own policies decide
        (BY_ROLE, {"AWS": [ROLE + "2"]}, SILENT, SILENT),
    ],
)
def test_a_principal(asking: Asking, principal: Any, allow: Ruling, deny: Ruling) -> None:
    members = {"Principal": principal, "Action": asking.action}
    assert ruling(asking, statement(**members)) is allow
    assert ruling(asking, statement(Effect="Deny", **members)) is deny


def test_all_but_a_principal_are_denied_and_never_allowed() -> None:
    for principal, expected in (({"AWS": ROLE}, SILENT), ({"AWS": ROLE + "2"}, DENIED)):
        assert ruling(BY_ROLE, statement(Effect="Deny", NotPrincipal=principal)) is expected
        assert ruling(BY_ROLE, statement(NotPrincipal=principal)) is SILENT


SIGNS = st.text("ab", max_size=8)


@given(st.lists(SIGNS | st.sampled_from("*?"), max_size=6), st.lists(SIGNS, min_size=6, max_size=6), SIGNS)
def test_a_pattern_matches_what_it_stands_for(parts: list[str], fillings: list[str], other: str) -> None:
    text = "".join(
        fill if part == "*" else (fill or "x")[0] if part == "?" else part
        for part, fill in zip(parts, fillings, strict=False)
    )
    pattern = "".join(parts)
    assert matches(pattern, text)
    assert matches(pattern.replace("*", "").replace("?", ""), other) is (
        pattern.replace("*", "").replace("?", "") == other
    )


def test_a_pattern_of_many_stars_is_quick_to_fail() -> None:
    assert not matches("*a" * 500 + "b", "a" * 5_000)


@given(st.recursive(st.none() | st.booleans() | st.text(max_size=5), lambda inner: st.lists(inner, max_size=3)))
def test_any_statement_is_weighed(value: Any) -> None:
    for name in ("Effect", "Action", "Resource", "NotAction", "Condition", "Principal", "NotPrincipal"):
        assert ruling(BY_ROLE, {**statement(Principal="*"), name: value}) in set(Ruling)
    assert decide([json.dumps({"Statement": value})], READ).ruling in set(Ruling)
