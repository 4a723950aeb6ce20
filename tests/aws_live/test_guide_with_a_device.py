"""The FreeRTOS guide's workflow with a device that lives it: boto3 over HTTP, the agent over MQTT, and its log."""

import json
from pathlib import Path
from urllib.request import urlopen

from aws_guide import ROLE_POLICY, file_to_sign, make_role, until_made
from aws_logs import rows
from aws_process import ACCOUNT, AwsProcess, until_entries
from images import image_bytes
from live import PATIENCE
from ota_stream.signing.keys import Validity, mint_ca, mint_code_signing
from ota_stream.signing.platforms import KeyKind
from processes import cli

IMAGE = image_bytes(70_000)  # 18 blocks of 4,096 bytes, which this agent asks for by eights
THING = "guide-thing"
CREATION = ["StartCodeSigning", "CreateStream", "CreateAWSJob", "CreateOTAUpdate"]
UPDATE_KEYS = ["timestamp", "logLevel", "accountId", "status", "actionType", "otaUpdateId"]  # of the seed, in its order
DEVICE_KEYS = [*UPDATE_KEYS[:-1], "protocol", "clientId", "topicName", "streamId"]
DETAILS = {
    "StartCodeSigning": "Start code signing job. The request status is SUCCESS.",
    "CreateStream": "Create stream. The request status is SUCCESS.",
    "CreateAWSJob": "Create AWS Job The request status is SUCCESS.",
    "CreateOTAUpdate": "OTAUpdate creation complete. The request status is SUCCESS.",
    "DeleteOTAUpdate": "Delete OTA Update. The request status is SUCCESS.",
}


def prepared(cloud: AwsProcess, folder: Path) -> tuple[str, str]:
    """Make bucket, image, role, certificate, profile and thing; return the image's version and the role's ARN."""
    s3, validity = cloud.client("s3"), Validity(1_600_000_000.0, 4_000_000_000.0, 4711)
    s3.create_bucket(Bucket="afr-ota-images")
    s3.put_bucket_versioning(Bucket="afr-ota-images", VersioningConfiguration={"Status": "Enabled"})
    version = s3.put_object(Bucket="afr-ota-images", Key="app.bin", Body=IMAGE)["VersionId"]
    s3.put_object(Bucket="afr-ota-images", Key="app.bin", Body=b"a later build, not meant")
    pair = mint_code_signing("guide signer", KeyKind.ECDSA, mint_ca("guide CA", KeyKind.ECDSA, validity), validity)
    (folder / "signer.pem").write_bytes(pair.certificate)
    arn = cloud.client("acm").import_certificate(Certificate=pair.certificate, PrivateKey=pair.key)["CertificateArn"]
    cloud.client("signer").put_signing_profile(
        profileName="guide_profile", signingMaterial={"certificateArn": arn}, platformId="AmazonFreeRTOS-Default",
        signingParameters={"certname": "/cert.pem"},
    )  # fmt: skip
    cloud.client("iot").create_thing(thingName=THING)
    return version, make_role(cloud.client("iam"), "ota-role", ROLE_POLICY)


def test_the_guide_from_the_bucket_to_the_log_with_a_device(cloud: AwsProcess, tmp_path: Path):
    version, role = prepared(cloud, tmp_path)
    iot = cloud.client("iot")
    iot.create_ota_update(
        otaUpdateId="guide", targets=[f"arn:aws:iot:us-east-1:{ACCOUNT}:thing/{THING}"], protocols=["MQTT", "HTTP"],
        targetSelection="SNAPSHOT", files=[file_to_sign(version)], roleArn=role,
    )  # fmt: skip
    info = until_made(lambda: iot.get_ota_update(otaUpdateId="guide"))
    assert info["otaUpdateStatus"] == "CREATE_COMPLETE", info
    job_id = info["awsIotJobId"]

    with cloud.thing(THING) as other_agent:  # one that chooses HTTP
        _, answer = other_agent.ask("jobs/$next/get")
    (file,) = answer["execution"]["jobDocument"]["afr_ota"]["files"]
    with urlopen(file["update_data_url"], timeout=PATIENCE) as answer:  # noqa: S310 - http, to ourselves
        assert answer.read() == IMAGE

    arguments = ["--thing", THING, "--port", str(cloud.mqtt[1]), "--ca", str(tmp_path / "signer.pem")]
    device = cli("device", *arguments, "--flash", tmp_path / "flash", "--once")
    assert device.returncode == 0, device.stdout + device.stderr
    assert device.stdout.splitlines()[-1].startswith(f"job {job_id}: SUCCEEDED")
    assert IMAGE in (tmp_path / "flash" / "slot-b").read_bytes()

    (execution,) = iot.list_job_executions_for_job(jobId=job_id)["executionSummaries"]
    assert execution["jobExecutionSummary"]["status"] == "SUCCEEDED"
    assert iot.describe_job(jobId=job_id)["job"]["status"] == "COMPLETED"
    stream_id = json.loads(iot.get_job_document(jobId=job_id)["document"])["afr_ota"]["streamname"]

    check_log_of_update(cloud, job_id, stream_id)
    check_log_of_device(cloud, job_id, stream_id)

    iot.delete_ota_update(otaUpdateId="guide", deleteStream=True, forceDeleteAWSJob=True)
    (deleted,) = until_entries(cloud, '{ $.actionType = "DeleteOTAUpdate" && $.otaUpdateId = "guide" }', 1)
    assert deleted["details"] == DETAILS["DeleteOTAUpdate"]
    assert stream_id not in {each["streamId"] for each in iot.list_streams()["streams"]}
    with cloud.thing(THING) as again:
        assert again.block(stream_id) == "ResourceNotFound"


def check_log_of_update(cloud: AwsProcess, job_id: str, stream_id: str) -> None:  # LR-1..LR-4, OL-3
    entries = until_entries(cloud, '{ $.otaUpdateId = "guide" }', 4)
    assert [entry["actionType"] for entry in entries] == CREATION
    more = {"CreateStream": {"streamId": stream_id}, "CreateAWSJob": {"awsJobId": job_id}}
    for entry in entries:
        action = entry["actionType"]
        assert list(entry) == [*UPDATE_KEYS, *more.get(action, ()), "details"]
        assert entry.items() >= more.get(action, {}).items()
        common = (entry["logLevel"], entry["accountId"], entry["status"], entry["details"])
        assert common == ("DEBUG", ACCOUNT, "Success", DETAILS[action])


def check_log_of_device(cloud: AwsProcess, job_id: str, stream_id: str) -> None:  # LR-6, LR-8, LR-11, LR-13
    pattern = (
        f'{{ ($.actionType = "GetStream") && ($.clientId = "{THING}") && ($.topicName = "*/streams/{stream_id}/*") }}'
    )
    asked = until_entries(cloud, pattern, 3)
    assert len(asked) == 3
    for entry in asked:
        assert [key for key in entry if key != "clientToken"] == [*DEVICE_KEYS, "details"]
        assert (entry["protocol"], entry["streamId"]) == ("MQTT", stream_id)
        assert entry["topicName"] == f"$aws/things/{THING}/streams/{stream_id}/get/cbor"
        assert entry["details"] == "The request status is SUCCESS."
    ended = cloud.entries(
        f'{{ $.eventType = "UpdateJobExecution" && $.details = %SUCCEEDED% && $.jobId = "{job_id}" }}'
    )
    assert [entry["clientId"] for entry in ended] == [THING]
    (counted,) = cloud.entries(f'{{ $.eventType = "ReportFinalJobExecutionCount" && $.jobId = "{job_id}" }}')
    assert "SUCCEEDED job execution count: 1" in counted["details"]
    assert "clientId" not in counted
    others = cloud.entries(f'{{ $.streamId = "{stream_id}" && $.actionType != "GetStream" }}')
    assert [entry["actionType"] for entry in others] == ["CreateStream"]
    assert cloud.entries(f'"{stream_id}" -GetStream') == others
    newest = cloud.client("logs").start_query(
        logGroupName="AWSIotLogsV2", startTime=0, endTime=4_000_000_000,
        queryString=f'filter streamId = "{stream_id}" | stats count(*) as n by actionType | sort actionType',
    )["queryId"]  # fmt: skip
    assert rows(cloud.client("logs"), newest) == [
        {"actionType": "CreateStream", "n": "1"}, {"actionType": "GetStream", "n": "3"}
    ]  # fmt: skip
