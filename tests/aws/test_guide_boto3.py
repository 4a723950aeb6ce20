"""The workflow of the FreeRTOS guide, walked with boto3: every answer is held against its model by the SDK."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from aws_guide import BUCKET, DEVICE_POLICY, IMAGE, ROLE_POLICY, THING, TRUST, check_signature, file_to_sign, until_made
from ota_stream.signing.keys import KeyPair
from ota_stream.signing.platforms import Algorithm
from ota_stream.signing.signatures import sign


def _prepared(client: Any, pair: KeyPair) -> tuple[str, str]:
    """Make bucket, image, role, profile, thing and policy; return the image's version and the role's ARN."""
    s3, iam, iot = client("s3"), client("iam"), client("iot")
    s3.create_bucket(Bucket=BUCKET)
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    version = s3.put_object(Bucket=BUCKET, Key="app.bin", Body=IMAGE)["VersionId"]
    role = iam.create_role(RoleName="ota-role", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
    iam.put_role_policy(RoleName="ota-role", PolicyName="ota", PolicyDocument=json.dumps(ROLE_POLICY))
    arn = client("acm").import_certificate(Certificate=pair.certificate, PrivateKey=pair.key)["CertificateArn"]
    client("signer").put_signing_profile(
        profileName="guide_profile",
        signingMaterial={"certificateArn": arn},
        platformId="AmazonFreeRTOS-Default",
        signingParameters={"certname": "/cert.pem"},
    )
    assert iot.create_thing(thingName="guide-thing")["thingArn"] == THING
    made = iot.create_keys_and_certificate(setAsActive=True)
    iot.create_policy(policyName="device", policyDocument=json.dumps(DEVICE_POLICY))
    iot.attach_policy(policyName="device", target=made["certificateArn"])
    iot.attach_thing_principal(thingName="guide-thing", principal=made["certificateArn"])
    return version, role


def test_the_guides_workflow(client: Any, signer_pair: KeyPair) -> None:
    version, role = _prepared(client, signer_pair)
    iot = client("iot")
    location = {"bucket": BUCKET, "key": "app.bin", "version": version}
    iot.create_stream(streamId="guide-stream", files=[{"fileId": 0, "s3Location": location}], roleArn=role)
    iot.create_ota_update(
        otaUpdateId="guide-update", targets=[THING], protocols=["MQTT"], targetSelection="SNAPSHOT",
        files=[file_to_sign(version)], roleArn=role,
    )  # fmt: skip
    info = until_made(lambda: iot.get_ota_update(otaUpdateId="guide-update"))
    assert (info["otaUpdateStatus"], info["awsIotJobId"]) == ("CREATE_COMPLETE", "AFR_OTA-guide-update")
    assert [each["otaUpdateId"] for each in iot.list_ota_updates()["otaUpdates"]] == ["guide-update"]
    signing = client("signer").describe_signing_job(jobId=info["otaUpdateFiles"][0]["codeSigning"]["awsSignerJobId"])
    signed = client("s3").get_object(Bucket=BUCKET, Key=signing["signedObject"]["s3"]["key"])
    assert signed["Body"].read() == IMAGE
    check_signature(iot.get_job_document(jobId=info["awsIotJobId"])["document"], signer_pair)
    assert iot.describe_job(jobId=info["awsIotJobId"])["job"]["targets"] == [THING]
    (execution,) = iot.list_job_executions_for_job(jobId=info["awsIotJobId"])["executionSummaries"]
    assert execution["jobExecutionSummary"]["status"] == "QUEUED"
    (execution,) = iot.list_job_executions_for_thing(thingName="guide-thing")["executionSummaries"]
    assert execution["jobId"] == info["awsIotJobId"]
    iot.cancel_job(jobId=info["awsIotJobId"], reasonCode="GUIDE", comment="the guide ends here")
    assert iot.describe_job(jobId=info["awsIotJobId"])["job"]["status"] == "CANCELED"
    iot.delete_ota_update(otaUpdateId="guide-update", deleteStream=True, forceDeleteAWSJob=True)
    with pytest.raises(iot.exceptions.ResourceNotFoundException):
        iot.get_ota_update(otaUpdateId="guide-update")
    iot.delete_stream(streamId="guide-stream")
    assert iot.list_streams()["streams"] == []


def test_a_device_lives_a_job_over_http(client: Any) -> None:
    iot, device = client("iot"), client("iot-jobs-data")
    iot.create_thing(thingName="guide-thing")
    assert device.get_pending_job_executions(thingName="guide-thing")["queuedJobs"] == []
    iot.create_job(jobId="j1", targets=[THING], document='{"do": "it"}')
    (pending,) = device.get_pending_job_executions(thingName="guide-thing")["queuedJobs"]
    assert pending["jobId"] == "j1"
    started = device.start_next_pending_job_execution(thingName="guide-thing", statusDetails={"step": "1"})["execution"]
    assert json.loads(started["jobDocument"]) == {"do": "it"}  # JS-5: text over HTTP
    assert device.describe_job_execution(thingName="guide-thing", jobId="$next")["execution"]["jobId"] == "j1"
    state = device.update_job_execution(
        thingName="guide-thing", jobId="j1", status="SUCCEEDED", includeJobExecutionState=True
    )
    assert state["executionState"]["status"] == "SUCCEEDED"
    with pytest.raises(ClientError) as refused:
        device.update_job_execution(thingName="guide-thing", jobId="j1", status="FAILED")
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] in {409, 410}
    assert iot.describe_job(jobId="j1")["job"]["status"] == "COMPLETED"


def test_a_thing_that_joins_a_group_gets_its_continuous_job(client: Any) -> None:
    iot = client("iot")
    group = iot.create_thing_group(thingGroupName="g1")["thingGroupArn"]
    iot.create_job(jobId="j1", targets=[group], document="{}", targetSelection="CONTINUOUS")
    iot.create_thing(thingName="guide-thing")
    iot.add_thing_to_thing_group(thingName="guide-thing", thingGroupName="g1")
    (execution,) = iot.list_job_executions_for_job(jobId="j1")["executionSummaries"]
    assert execution["thingArn"] == THING
    iot.remove_thing_from_thing_group(thingName="guide-thing", thingGroupName="g1")
    shown = iot.describe_job_execution(thingName="guide-thing", jobId="j1")["execution"]
    assert shown["status"] == "REMOVED"


def test_a_job_takes_its_document_from_s3(client: Any) -> None:
    s3, iot = client("s3"), client("iot")
    s3.create_bucket(Bucket=BUCKET)
    s3.put_object(Bucket=BUCKET, Key="job.json", Body=b'{"do": "it"}')
    source = f"https://{BUCKET}.s3.us-east-1.amazonaws.com/job.json"
    iot.create_job(jobId="j1", targets=[THING], documentSource=source)
    assert iot.get_job_document(jobId="j1")["document"] == '{"do": "it"}'


def test_refusals_are_the_exceptions_of_the_sdk(client: Any) -> None:
    iot = client("iot")
    with pytest.raises(iot.exceptions.ResourceNotFoundException):
        iot.describe_job(jobId="none")
    iot.create_job(jobId="j1", targets=[THING], document="{}")
    with pytest.raises(iot.exceptions.ResourceAlreadyExistsException):
        iot.create_job(jobId="j1", targets=[THING], document="{}")
    with pytest.raises(iot.exceptions.InvalidStateTransitionException):
        iot.delete_job(jobId="j1")
    with pytest.raises(iot.exceptions.InvalidRequestException):
        iot.create_job(jobId="j2", targets=[THING], document="no JSON")
    signer = client("signer")
    with pytest.raises(signer.exceptions.ResourceNotFoundException):
        signer.get_signing_profile(profileName="none")


def test_a_signature_goes_in_as_bytes_and_comes_back_as_bytes(client: Any, signer_pair: KeyPair) -> None:
    version, role = _prepared(client, signer_pair)
    iot = client("iot")
    der = sign(IMAGE, signer_pair.key, Algorithm.SHA256_ECDSA)
    signing = {
        "signature": {"inlineDocument": der},
        "certificateChain": {"certificateName": "/cert.pem"},
        "hashAlgorithm": "SHA256",
        "signatureAlgorithm": "ECDSA",
    }
    file = {**file_to_sign(version), "codeSigning": {"customCodeSigning": signing}}
    iot.create_ota_update(otaUpdateId="u1", targets=[THING], files=[file], roleArn=role)
    info = until_made(lambda: iot.get_ota_update(otaUpdateId="u1"))
    assert info["otaUpdateFiles"] == [file]
    assert info["awsJobExecutionsRolloutConfig"] == {}  # OL-9
    check_signature(iot.get_job_document(jobId=info["awsIotJobId"])["document"], signer_pair)


def test_a_signing_job_of_its_own_signs_for_an_update(client: Any, signer_pair: KeyPair) -> None:
    version, role = _prepared(client, signer_pair)
    iot, signer = client("iot"), client("signer")
    job_id = signer.start_signing_job(
        source={"s3": {"bucketName": BUCKET, "key": "app.bin", "version": version}},
        destination={"s3": {"bucketName": BUCKET, "prefix": "s/"}},
        profileName="guide_profile",
    )["jobId"]
    signer.get_waiter("successful_signing_job").wait(jobId=job_id)
    assert signer.list_signing_jobs(status="Succeeded")["jobs"][0]["jobId"] == job_id
    assert {"AmazonFreeRTOS-Default"} < {each["platformId"] for each in signer.list_signing_platforms()["platforms"]}
    file = {"fileName": "app.bin", "codeSigning": {"awsSignerJobId": job_id}}
    iot.create_ota_update(otaUpdateId="u1", targets=[THING], files=[file], roleArn=role)
    info = until_made(lambda: iot.get_ota_update(otaUpdateId="u1"))
    check_signature(iot.get_job_document(jobId=info["awsIotJobId"])["document"], signer_pair)
    signer.cancel_signing_profile(profileName="guide_profile")
    assert signer.list_signing_profiles()["profiles"] == []


def test_an_update_that_cannot_be_made_says_why_and_leaves_nothing(client: Any, signer_pair: KeyPair) -> None:  # OL-7
    _, role = _prepared(client, signer_pair)
    iot = client("iot")
    iot.create_ota_update(otaUpdateId="u1", targets=[THING], files=[file_to_sign("gone")], roleArn=role)
    info = until_made(lambda: iot.get_ota_update(otaUpdateId="u1"))
    assert (info["otaUpdateStatus"], info["errorInfo"]["code"]) == ("CREATE_FAILED", "AccessDeniedException")
    assert iot.list_jobs()["jobs"] == []
    assert iot.list_streams()["streams"] == []
