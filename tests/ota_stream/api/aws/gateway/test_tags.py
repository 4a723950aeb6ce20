"""Tags of what is ours are kept by us, of everything else by moto."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from aws_guide import ROLE_POLICY, make_role, until_made
from ota_stream.api.aws.handlers.tags import TAGS_MAX
from ota_stream.signing.keys import Validity, mint_ca
from ota_stream.signing.platforms import Algorithm, KeyKind
from ota_stream.signing.signatures import sign

IOT = "arn:aws:iot:us-east-1:123456789012:"


def refused(call: Callable[..., Any], **given: Any) -> tuple[str, int]:
    with pytest.raises(ClientError) as caught:
        call(**given)
    return caught.value.response["Error"]["Code"], caught.value.response["ResponseMetadata"]["HTTPStatusCode"]


@pytest.fixture
def job(client) -> str:
    return str(client("iot").create_job(jobId="j1", targets=[f"{IOT}thing/t1"], document="{}")["jobArn"])


def test_tags_of_a_job_are_set_overwritten_and_taken_away(client, job: str):
    iot = client("iot")
    assert iot.list_tags_for_resource(resourceArn=job)["tags"] == []
    iot.tag_resource(resourceArn=job, tags=[{"Key": "a", "Value": "1"}, {"Key": "b"}])
    iot.tag_resource(resourceArn=job, tags=[{"Key": "a", "Value": "2"}])
    iot.untag_resource(resourceArn=job, tagKeys=["b", "never there"])
    assert iot.list_tags_for_resource(resourceArn=job)["tags"] == [{"Key": "a", "Value": "2"}]


SIGNATURE = sign(b"image", mint_ca("ca", KeyKind.ECDSA, Validity(1.6e9, 4e9, 1)).key, Algorithm.SHA256_ECDSA)
TAGS = [{"Key": "a", "Value": "1"}]


def test_what_is_made_with_tags_has_them_until_it_is_deleted(client, image):
    iot, role = client("iot"), make_role(client("iam"), "r", ROLE_POLICY)
    target = {"targets": [f"{IOT}thing/t1"]}

    def made(tags) -> list[str]:
        stream = iot.create_stream(streamId="s", files=[{"fileId": 0, "s3Location": image}], roleArn=role, **tags)
        job = iot.create_job(jobId=f"j{len(tags)}", document="{}", **target, **tags)
        signing = {
            "signature": {"inlineDocument": SIGNATURE}, "certificateChain": {"certificateName": "c"},
            "hashAlgorithm": "SHA256", "signatureAlgorithm": "ECDSA",
        }  # fmt: skip
        file = {"fileName": "a", "fileLocation": {"s3Location": image}, "codeSigning": {"customCodeSigning": signing}}
        update = iot.create_ota_update(otaUpdateId="u", files=[file], roleArn=role, **target, **tags)
        until_made(lambda: iot.get_ota_update(otaUpdateId="u"))
        return [stream["streamArn"], job["jobArn"], update["otaUpdateArn"]]

    for given in (TAGS, []):
        arns = made({"tags": given} if given else {})
        assert [iot.list_tags_for_resource(resourceArn=arn)["tags"] for arn in arns] == [given] * 3
        iot.delete_stream(streamId="s")
        iot.delete_ota_update(otaUpdateId="u", forceDeleteAWSJob=True, deleteStream=True)


def test_what_would_have_too_many_tags_is_not_made(client):
    iot, tags = client("iot"), [{"Key": str(number)} for number in range(TAGS_MAX + 1)]
    given = {"jobId": "j1", "targets": [f"{IOT}thing/t1"], "document": "{}", "tags": tags}
    assert refused(iot.create_job, **given) == ("LimitExceededException", 410)
    assert iot.list_jobs()["jobs"] == []


def test_tags_of_a_signing_profile_are_a_map(client):
    signer = client("signer")
    material = {"certificateArn": "arn:aws:acm:us-east-1:123456789012:certificate/x"}
    arn = signer.put_signing_profile(
        profileName="pp", signingMaterial=material, platformId="AmazonFreeRTOS-Default",
        signingParameters={"certname": "c"}, tags={"c": "3"},
    )["arn"]  # fmt: skip
    assert signer.list_tags_for_resource(resourceArn=arn)["tags"] == {"c": "3"}
    signer.tag_resource(resourceArn=arn, tags={"a": "1", "b": "2"})
    signer.untag_resource(resourceArn=arn, tagKeys=["a"])
    assert signer.list_tags_for_resource(resourceArn=arn)["tags"] == {"b": "2", "c": "3"}


def test_a_resource_has_a_bounded_number_of_tags(client, job: str):
    iot = client("iot")
    iot.tag_resource(resourceArn=job, tags=[{"Key": str(number)} for number in range(TAGS_MAX)])
    assert refused(iot.tag_resource, resourceArn=job, tags=[{"Key": "more"}]) == ("LimitExceededException", 410)
    assert len(iot.list_tags_for_resource(resourceArn=job)["tags"]) == TAGS_MAX


@pytest.mark.parametrize("arn", ["stream/none", "otaupdate/none", "job/none"])
def test_what_is_not_there_has_no_tags(client, arn: str):
    iot = client("iot")
    for call, given in (
        (iot.tag_resource, {"tags": [{"Key": "a"}]}),
        (iot.untag_resource, {"tagKeys": ["a"]}),
        (iot.list_tags_for_resource, {}),
    ):
        assert refused(call, resourceArn=IOT + arn, **given) == ("ResourceNotFoundException", 404)


def test_a_profile_that_is_not_there_has_no_tags(client):
    arn = "arn:aws:signer:us-east-1:123456789012:/signing-profiles/none"
    assert refused(client("signer").list_tags_for_resource, resourceArn=arn) == ("ResourceNotFoundException", 404)


def test_what_is_no_arn_is_refused(client):
    assert refused(client("iot").list_tags_for_resource, resourceArn="job/j1") == ("InvalidRequestException", 400)


def test_what_is_not_ours_is_passed_on(client):
    """moto does not tag what belongs to iot; that it is asked shows in who refuses."""
    iot, signer = client("iot"), client("signer")
    for call, given in (
        (iot.tag_resource, {"tags": [{"Key": "a"}]}),
        (iot.untag_resource, {"tagKeys": ["a"]}),
        (iot.list_tags_for_resource, {}),
    ):
        assert refused(call, resourceArn=f"{IOT}thinggroup/g1", **given) == ("NotImplementedException", 501)
    other = "arn:aws:signer:us-east-1:123456789012:/other/x"
    assert signer.list_tags_for_resource(resourceArn=other)["tags"] == {}
