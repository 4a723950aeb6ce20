"""Two simulators, one the rest of AWS for the other: buckets and roles there, streams, jobs and devices here."""

from pathlib import Path

from aws_guide import ROLE_POLICY, make_role
from aws_logs import until
from aws_process import AwsProcess, refusal, simulator
from images import image_bytes
from processes import cli

IMAGE = image_bytes(30_000)


def served(folder: Path, name: str) -> Path:
    place = folder / name
    place.mkdir()
    return place


def make_stream(here: AwsProcess) -> None:
    s3 = here.client("s3")
    s3.create_bucket(Bucket="far")
    s3.put_object(Bucket="far", Key="a.bin", Body=IMAGE)
    role = make_role(here.client("iam"), "far", ROLE_POLICY)
    files = [{"fileId": 0, "s3Location": {"bucket": "far", "key": "a.bin"}}]
    here.client("iot").create_stream(streamId="near", files=files, roleArn=role)


def test_the_bucket_is_there_and_the_stream_is_here(tmp_path: Path):
    with simulator(served(tmp_path, "there")) as there:
        with simulator(served(tmp_path, "here"), "--aws-backend", there.base) as here:
            make_stream(here)
            assert there.client("s3").get_object(Bucket="far", Key="a.bin")["Body"].read() == IMAGE
            assert there.client("iam").get_role(RoleName="far")["Role"]["RoleName"] == "far"
            assert "near" not in {each["streamId"] for each in there.client("iot").list_streams()["streams"]}

            copy = tmp_path / "copy.bin"
            got = cli("fetch", "near", "--port", str(here.mqtt[1]), "-o", copy)
            assert (got.returncode, copy.read_bytes() == IMAGE) == (0, True), got.stderr
            with there.thing("d") as device:
                assert device.block("near") == "ResourceNotFound"
            assert {entry["streamId"] for entry in here.entries('{ $.actionType = "GetStream" }')} == {"near"}
            assert there.entries('{ $.streamId = "near" && $.status = "Success" }') == []

            there.client("s3").put_object(Bucket="far", Key="a.bin", Body=IMAGE[::-1])
            with here.thing("d") as device:
                until(lambda: device.block("near") == "ETagMismatch", "the object has been replaced")
                assert there.stop() == []
                assert refusal(here.client("s3").list_buckets) == ("ServiceUnavailableException", 503)
                until(lambda: device.block("near") == "InternalError", "the tag is believed for a second")
                assert device.block("fw") == "", "what is here is served on"
            lines = here.stop()
        assert all("Traceback" not in line for line in lines)
