"""Whom a certificate stands for, read from moto as the AWS API has filled it (MS-4), and many minted in one call."""

import json

import pytest
from botocore.exceptions import ClientError
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from aws_cloud import AwsCloud
from ota_stream.api.aws import provisioning
from ota_stream.api.aws.issuing import Issuer
from ota_stream.api.aws.moto.principals import MotoPrincipals
from ota_stream.api.aws.provisioning import BATCH_MAX, Order
from ota_stream.errors import ControlError
from ota_stream.policies.principals import Policy

DOCUMENT = json.dumps({"Version": "2012-10-17", "Statement": []})


@pytest.fixture
def principals(cloud: AwsCloud) -> MotoPrincipals:
    return cloud.services.principals


def test_a_certificate_has_its_things_policies_and_status(client, principals: MotoPrincipals):
    iot = client("iot")
    iot.create_thing_type(thingTypeName="lock")
    iot.create_thing(thingName="t1", thingTypeName="lock", attributePayload={"attributes": {"floor": "2"}})
    made = iot.create_keys_and_certificate(setAsActive=True)
    its_id, arn = made["certificateId"], made["certificateArn"]
    iot.attach_thing_principal(thingName="t1", principal=arn)
    iot.create_policy(policyName="p", policyDocument=DOCUMENT)
    iot.attach_policy(policyName="p", target=arn)
    found = principals.find(its_id)
    assert found is not None
    assert (found.certificate_id, found.arn, found.active) == (its_id, arn, True)
    assert found.policies == (Policy("p", DOCUMENT),)
    (thing,) = found.things
    assert (thing.name, thing.type_name, thing.attributes) == ("t1", "lock", {"floor": "2"})
    assert principals.of_thing("t1") == (found,)
    iot.update_certificate(certificateId=its_id, newStatus="REVOKED")
    assert principals.find(its_id).active is False
    iot.detach_policy(policyName="p", target=arn)
    iot.detach_thing_principal(thingName="t1", principal=arn)
    assert (principals.find(its_id).things, principals.find(its_id).policies) == ((), ())
    iot.delete_certificate(certificateId=its_id)
    assert principals.find(its_id) is None
    assert principals.of_thing("t1") == ()


def test_policies_of_groups_and_of_those_above_them_are_those_of_the_thing(client, principals: MotoPrincipals):
    iot = client("iot")
    iot.create_thing(thingName="t1")
    above = iot.create_thing_group(thingGroupName="above")["thingGroupArn"]
    below = iot.create_thing_group(thingGroupName="below", parentGroupName="above")["thingGroupArn"]
    for name, target in (("of-above", above), ("of-below", below)):
        iot.create_policy(policyName=name, policyDocument=DOCUMENT)
        iot.attach_policy(policyName=name, target=target)
    iot.add_thing_to_thing_group(thingGroupName="below", thingName="t1")
    made = iot.create_keys_and_certificate(setAsActive=True)
    iot.attach_thing_principal(thingName="t1", principal=made["certificateArn"])
    found = principals.find(made["certificateId"])
    assert [policy.name for policy in found.things[0].policies] == ["of-above", "of-below"]
    iot.remove_thing_from_thing_group(thingGroupName="below", thingName="t1")
    assert principals.find(made["certificateId"]).things[0].policies == ()


def test_the_default_version_counts(client, principals: MotoPrincipals):
    iot = client("iot")
    made = iot.create_keys_and_certificate(setAsActive=True)
    iot.create_policy(policyName="p", policyDocument=DOCUMENT)
    iot.attach_policy(policyName="p", target=made["certificateArn"])
    newer = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*"}]})
    iot.create_policy_version(policyName="p", policyDocument=newer, setAsDefault=True)
    assert principals.find(made["certificateId"]).policies == (Policy("p", newer),)
    iot.set_default_policy_version(policyName="p", policyVersionId="1")
    assert principals.find(made["certificateId"]).policies == (Policy("p", DOCUMENT),)


def csr() -> str:
    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    return request.sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256()).public_bytes(Encoding.PEM).decode()


def test_a_batch_is_registered_attached_and_known(cloud: AwsCloud, client, principals: MotoPrincipals):
    client("iot").create_thing(thingName="a")  # is there already, and stays who it is
    order = Order({"a": csr(), "b": csr()})
    issued = provisioning.issue(Issuer(cloud.operated.keys.ca(), cloud.operated.clock.wall()), order)
    ids = provisioning.register(cloud.operated, order, issued)
    principals.changed()
    for name, its_id in ids.items():
        found = principals.find(its_id)
        assert [thing.name for thing in found.things] == [name]
        assert [policy.name for policy in found.policies] == ["ota-stream-thing"]
        assert x509.load_pem_x509_certificate(issued[name].encode()).not_valid_after_utc.year == 2049
    assert len(client("iot").list_things()["things"]) == 2


@pytest.mark.parametrize(
    ("order", "told"),
    [
        (Order({}), "1 to 250"),
        (Order(dict.fromkeys(map(str, range(BATCH_MAX + 1)), "")), "1 to 250"),
        (Order({"a/b": ""}), "name 'a/b'"),
    ],
)
def test_an_order_that_cannot_be_met_is_refused(order: Order, told: str):
    with pytest.raises(ControlError, match=told):
        provisioning.check(order)


def test_what_is_no_signing_request_is_refused(cloud: AwsCloud, client):
    with pytest.raises(ControlError, match="not a PEM certificate signing request"):
        provisioning.issue(Issuer(cloud.operated.keys.ca(), 0.0), Order({"a": "hello"}))
    with pytest.raises(ClientError, match="not a PEM certificate signing request"):
        client("iot").create_certificate_from_csr(certificateSigningRequest="hello")
