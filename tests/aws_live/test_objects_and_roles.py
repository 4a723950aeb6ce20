"""A stream over S3 and IAM: what is done to its object and its role shows at the next GetStream over MQTT."""

import json
from typing import Any

from aws_guide import TRUST, make_role
from aws_process import AwsProcess

READ = {"Effect": "Allow", "Action": ["s3:GetObject", "s3:GetObjectVersion"], "Resource": "arn:aws:s3:::objects/*"}
NOTHING = {"Effect": "Allow", "Action": "ec2:DescribeRegions", "Resource": "*"}


def policy(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def streamed(cloud: AwsProcess, stream_id: str, key: str, body: bytes) -> None:
    """Make a stream of its own role over the newest version of an object."""
    s3 = cloud.client("s3")
    if "objects" not in {bucket["Name"] for bucket in s3.list_buckets()["Buckets"]}:
        s3.create_bucket(Bucket="objects")
    s3.put_object(Bucket="objects", Key=key, Body=body)
    role = make_role(cloud.client("iam"), stream_id, policy(READ))
    files = [{"fileId": 0, "s3Location": {"bucket": "objects", "key": key}}]
    cloud.client("iot").create_stream(streamId=stream_id, files=files, roleArn=role)


def test_an_object_that_is_replaced_is_refused_until_the_stream_is_updated(cloud: AwsProcess):  # SC-9
    s3, iot = cloud.client("s3"), cloud.client("iot")
    streamed(cloud, "replaced", "one.bin", b"a" * 1000)
    with cloud.thing("reader-1") as device:
        assert device.block("replaced") == ""
        s3.put_object(Bucket="objects", Key="one.bin", Body=b"b" * 1000)
        assert device.block("replaced") == "ETagMismatch"
        s3.put_object(Bucket="objects", Key="one.bin", Body=b"a" * 1000)
        assert device.block("replaced") == "", "the content is the one the stream was made for"
        s3.put_object(Bucket="objects", Key="one.bin", Body=b"b" * 3000)
        assert device.block("replaced") == "ETagMismatch"
        files = [{"fileId": 0, "s3Location": {"bucket": "objects", "key": "one.bin"}}]
        assert iot.update_stream(streamId="replaced", files=files)["streamVersion"] == 2
        assert device.block("replaced", o=8) == "", "the stream has the new size"
        assert device.block("replaced", s=1) == "VersionMismatch"
        s3.delete_object(Bucket="objects", Key="one.bin")
        assert device.block("replaced") == "ResourceNotFound"


def test_a_role_that_loses_its_right_is_refused_until_it_has_it_back(cloud: AwsProcess):
    iam, s3 = cloud.client("iam"), cloud.client("s3")
    streamed(cloud, "guarded", "two.bin", b"a" * 1000)

    def allow(*statements: dict[str, Any]) -> None:
        iam.put_role_policy(RoleName="guarded", PolicyName="policy", PolicyDocument=json.dumps(policy(*statements)))

    def trust(service: str) -> None:
        document = json.dumps(TRUST).replace("iot.amazonaws.com", service)
        iam.update_assume_role_policy(RoleName="guarded", PolicyDocument=document)

    with cloud.thing("reader-2") as device:
        assert device.block("guarded") == ""
        allow(NOTHING)
        assert device.block("guarded") == "Unauthorized"
        allow(READ)
        assert device.block("guarded") == ""
        trust("ec2.amazonaws.com")
        assert device.block("guarded") == "Unauthorized"
        trust("iot.amazonaws.com")
        deny = {**READ, "Effect": "Deny", "Principal": "*", "Resource": "arn:aws:s3:::objects/two.bin"}
        s3.put_bucket_policy(Bucket="objects", Policy=json.dumps(policy(deny)))
        assert device.block("guarded") == "Unauthorized"
        s3.delete_bucket_policy(Bucket="objects")
        assert device.block("guarded") == ""
    refused = cloud.entries('{ $.streamId = "guarded" && $.status = "Failure" }')
    assert [entry["details"] for entry in refused] == [
        "The request is not authorized to access the stream file The request status is FAILURE."
    ] * 3
    assert {entry["logLevel"] for entry in refused} == {"DEBUG"}
