"""Which documents AWS IoT takes, the policies we know ourselves, and what a person is told about a thing."""

import json

import pytest

from ota_stream.errors import ControlError
from ota_stream.policies import defaults
from ota_stream.policies.documents import SIZE_MAX, MalformedPolicy, check
from ota_stream.policies.service import ATTACHED_MAX, PolicyService, Ruling
from policy_cases import ARN, CASES, PUBLISH, SUBSCRIBE, Registry, policy, principal, statement

OK = statement("iot:Publish", "*")


def text(*statements: object, **more: object) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements), **more})


@pytest.mark.parametrize(
    "document",
    [text(), text(OK), text(Statement=OK), text({**OK, "Sid": "x"}), defaults.operator_policy().document,
     defaults.thing_policy(ARN).document, *(policy(*case.statements).document for case in CASES)],
)  # fmt: skip
def test_a_document_is_taken(document: str):
    check(document)


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ("", "it is not JSON"),
        ("[" * 2_000, "it is not JSON"),
        ("[]", "it is not a JSON object"),
        ("{}", "its Version must be 2012-10-17"),
        (text(Version="2008-10-17"), "its Version must be 2012-10-17"),
        ('{"Version":"2012-10-17"}', "its Statement must be a statement or a list of them"),
        (text("x"), "its Statement must be a statement or a list of them"),
        (text({**OK, "Effect": "allow"}), "the Effect of a statement must be Allow or Deny"),
        (text({**OK, "Effect": []}), "the Effect of a statement must be Allow or Deny"),
        (text({"Effect": "Allow", "Action": "iot:*"}), "Resource of a statement must be a text or a list of texts"),
        (text({"Effect": "Allow", "Resource": "*"}), "Action of a statement must be a text or a list of texts"),
        (text({**OK, "Action": []}), "Action of a statement must be a text or a list of texts"),
        (text({**OK, "Resource": ["*", 1]}), "Resource of a statement must be a text or a list of texts"),
        (text({**OK, "Sid": "x" * SIZE_MAX}), "characters without white space, at most 2048 are allowed"),
    ],
)
def test_a_document_is_refused(document: str, reason: str):
    with pytest.raises(MalformedPolicy) as caught:
        check(document)
    assert caught.value.name == "MalformedPolicyException"
    assert reason in caught.value.reason


def test_white_space_does_not_count():
    check(json.dumps(json.loads(text(OK)), indent=400))


OWN = "$aws/things/d/jobs/get"


def service(*principals: object) -> PolicyService:
    return PolicyService(Registry(*principals), ARN)  # type: ignore[arg-type]


def test_a_thing_without_a_certificate_is_judged_by_the_default_policy():
    (ruling,) = service().check("d", PUBLISH, OWN)
    assert ruling == Ruling("the default policy, as d has no certificate", None)
    (ruling,) = service().check("d", SUBSCRIBE, "#")
    assert ruling.rule == "no statement of policy ota-stream-thing allows it"
    with pytest.raises(ControlError, match="no thing name"):
        service().check("+", PUBLISH, "a")


def test_a_thing_is_judged_by_each_of_its_certificates():
    rulings = service(
        principal("a", defaults.thing_policy(ARN), thing="d"),
        principal("b", policy(OK), thing="d", active=False),
        principal("c", thing="d"),
        principal("x", policy(OK), thing="other"),
    ).check("d", PUBLISH, OWN)
    assert rulings == (
        Ruling("certificate a", None),
        Ruling("certificate b", "the certificate is not ACTIVE"),
        Ruling("certificate c", "no policy is attached"),
    )


def test_a_certificate_has_a_few_policies():
    full = service(principal("c", *(policy(OK, name=str(number)) for number in range(ATTACHED_MAX))))
    full.check_attachable("c", "3")  # it is there already
    full.check_attachable("nobody", "new")
    with pytest.raises(ControlError, match="No more than 10 policies"):
        full.check_attachable("c", "new")
