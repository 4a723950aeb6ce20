"""What an account has outlives the process: all of it a stop, and of SIGKILL nothing is gone without being told."""

from pathlib import Path
from typing import Any

from aws_guide import ROLE_POLICY, make_role, until_made
from aws_logs import put, until
from aws_process import ACCOUNT, AwsProcess, simulator
from ota_stream.signing.keys import Validity, mint_ca
from ota_stream.signing.platforms import Algorithm, KeyKind
from ota_stream.signing.signatures import sign

IMAGE = b"firmware" * 1000
THING = f"arn:aws:iot:us-east-1:{ACCOUNT}:thing/kept"
SIGNATURE = sign(IMAGE, mint_ca("ca", KeyKind.ECDSA, Validity(1.6e9, 4e9, 1)).key, Algorithm.SHA256_ECDSA)
TAGS = [{"Key": "a", "Value": "1"}]
LEVEL = {"logTarget": {"targetType": "CLIENT_ID", "targetName": "loud"}, "logLevel": "INFO"}
EVENTS = [{"eventType": "DescribeStream", "logLevel": "ERROR", "logDestination": "AWSIotLogsV2/elsewhere"}]


def make_everything(cloud: AwsProcess) -> None:
    """Make one of all that is kept, by moto and by us."""
    s3, iot, logs = cloud.client("s3"), cloud.client("iot"), cloud.client("logs")
    s3.create_bucket(Bucket="kept")
    s3.put_bucket_versioning(Bucket="kept", VersioningConfiguration={"Status": "Enabled"})
    version = s3.put_object(Bucket="kept", Key="a.bin", Body=IMAGE)["VersionId"]
    place = {"bucket": "kept", "key": "a.bin", "version": version}
    role = make_role(cloud.client("iam"), "kept", ROLE_POLICY)
    iot.create_thing(thingName="kept")
    iot.create_thing_group(thingGroupName="kept")
    iot.add_thing_to_thing_group(thingName="kept", thingGroupName="kept")
    certificate = iot.create_keys_and_certificate(setAsActive=True)["certificateArn"]
    iot.attach_thing_principal(thingName="kept", principal=certificate)
    iot.create_stream(streamId="kept", files=[{"fileId": 0, "s3Location": place}], roleArn=role, tags=TAGS)
    signing = {
        "signature": {"inlineDocument": SIGNATURE}, "certificateChain": {"certificateName": "c"},
        "hashAlgorithm": "SHA256", "signatureAlgorithm": "ECDSA",
    }  # fmt: skip
    file = {"fileName": "a", "fileLocation": {"s3Location": place}, "codeSigning": {"customCodeSigning": signing}}
    iot.create_ota_update(otaUpdateId="kept", targets=[THING], files=[file], roleArn=role)
    until_made(lambda: iot.get_ota_update(otaUpdateId="kept"))
    iot.set_v2_logging_options(eventConfigurations=EVENTS)
    iot.set_v2_logging_level(**LEVEL)
    logs.put_retention_policy(logGroupName="AWSIoTLogsV2", retentionInDays=30)
    logs.create_log_group(logGroupName="mine")
    logs.create_log_stream(logGroupName="mine", logStreamName="s")
    put(logs, "mine", "s", "a line of mine")
    cloud.client("iot").update_event_configurations(eventConfigurations={"JOB": {"Enabled": True}})
    with cloud.thing("kept") as device:
        assert device.block("kept", c="first") == ""


def check_everything(cloud: AwsProcess, tokens: list[str]) -> None:
    """Look at all of it; the device's records are those of the tokens."""
    check_ours(cloud, tokens)
    s3, iot = cloud.client("s3"), cloud.client("iot")
    assert s3.get_object(Bucket="kept", Key="a.bin")["Body"].read() == IMAGE
    assert cloud.client("iam").get_role(RoleName="ota-stream-logging")["Role"]["Arn"] == options(cloud)["roleArn"]
    assert cloud.client("iam").get_role(RoleName="kept")["Role"]["RoleName"] == "kept"
    (principal,) = iot.list_thing_principals(thingName="kept")["principals"]
    (certificate,) = iot.list_certificates()["certificates"]
    assert (certificate["certificateArn"], certificate["status"]) == (principal, "ACTIVE")
    assert iot.list_things_in_thing_group(thingGroupName="kept")["things"] == ["kept"]
    (event,) = cloud.client("logs").filter_log_events(logGroupName="mine")["events"]
    assert event["message"] == "a line of mine"
    with cloud.thing("kept") as device:
        assert device.block("kept", c=f"at {len(tokens)}") == ""
        _, job = device.ask("jobs/$next/get")
        assert job["execution"]["jobId"] == "AFR_OTA-kept"
        (file,) = job["execution"]["jobDocument"]["afr_ota"]["files"]
        assert file["filesize"] == len(IMAGE)
        assert device.block(job["execution"]["jobDocument"]["afr_ota"]["streamname"]) == ""


def check_ours(cloud: AwsProcess, tokens: list[str]) -> None:
    iot = cloud.client("iot")
    info = iot.describe_stream(streamId="kept")["streamInfo"]
    assert (info["streamVersion"], info["files"][0]["s3Location"]["bucket"]) == (1, "kept")
    assert iot.list_tags_for_resource(resourceArn=info["streamArn"])["tags"] == TAGS
    assert iot.get_ota_update(otaUpdateId="kept")["otaUpdateInfo"]["otaUpdateStatus"] == "CREATE_COMPLETE"
    (execution,) = iot.list_job_executions_for_thing(thingName="kept")["executionSummaries"]
    assert (execution["jobId"], execution["jobExecutionSummary"]["status"]) == ("AFR_OTA-kept", "QUEUED")
    assert (options(cloud)["defaultLogLevel"], options(cloud)["eventConfigurations"]) == ("DEBUG", EVENTS)
    assert iot.list_v2_logging_levels(targetType="CLIENT_ID")["logTargetConfigurations"] == [LEVEL]
    assert iot.describe_event_configurations()["eventConfigurations"]["JOB"] == {"Enabled": True}
    groups = cloud.client("logs").describe_log_groups(logGroupNamePrefix="AWSIot")["logGroups"]
    assert [(group["logGroupName"], group["retentionInDays"]) for group in groups] == [("AWSIotLogsV2", 30)]
    asked = cloud.entries('{ $.actionType = "GetStream" && $.streamId = "kept" }')
    assert [entry["clientToken"] for entry in asked] == tokens


def options(cloud: AwsProcess) -> dict[str, Any]:
    shown: dict[str, Any] = cloud.client("iot").get_v2_logging_options()
    return shown


def test_an_account_outlives_a_stop_and_sigkill(tmp_path: Path):
    with simulator(tmp_path) as cloud:
        make_everything(cloud)
        assert cloud.stop() == []
    with simulator(tmp_path) as cloud:
        check_everything(cloud, ["first"])
        cloud.client("s3").put_object(Bucket="kept", Key="b.bin", Body=b"later")
        until(lambda: not (tmp_path / "data" / "moto.unsaved").exists(), "the account is kept every few seconds")
        cloud.process.kill()
    with simulator(tmp_path) as cloud:
        check_everything(cloud, ["first", "at 1"])
        assert cloud.client("s3").get_object(Bucket="kept", Key="b.bin")["Body"].read() == b"later"
        cloud.client("s3").create_bucket(Bucket="too-late")
        cloud.client("iot").create_job(jobId="acknowledged", targets=[THING], document="{}")
        cloud.process.kill()
    is_kept = not (tmp_path / "data" / "moto.unsaved").exists()  # within the same second or not
    with simulator(tmp_path, "--log-level", "info") as cloud:
        assert cloud.client("iot").describe_job(jobId="acknowledged")["job"]["status"] == "IN_PROGRESS"
        buckets = {bucket["Name"] for bucket in cloud.client("s3").list_buckets()["Buckets"]}
        assert buckets == ({"kept", "too-late"} if is_kept else {"kept"})
        assert options(cloud)["defaultLogLevel"] == "INFO"
        with cloud.thing("kept") as device:
            assert device.block("kept", c="of no record") == ""
        assert len(cloud.entries('{ $.clientToken = "*" && $.streamId = "kept" }')) == 3
        lines = [line.split(" ", 2)[2] for line in cloud.stop()]
    assert lines == ([] if is_kept else [LOST])


LOST = (
    "state: it was killed before the last changes of buckets, roles, things and certificates were kept: those are gone"
)
