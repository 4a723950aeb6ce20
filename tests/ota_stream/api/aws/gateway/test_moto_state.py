from pathlib import Path

import boto3
import pytest

from aws_cloud import AwsCloud, forget_moto, serving_aws
from ota_stream.api.aws.moto.state import MotoState
from ota_stream.signing.keys import Validity, mint_ca, mint_code_signing
from ota_stream.signing.platforms import KeyKind

ROLE = "arn:aws:iam::123456789012:role/ota"


def new_client(cloud: AwsCloud, service: str):
    return boto3.Session("test", "test", region_name="us-east-1").client(service, endpoint_url=cloud.base)


def fill(cloud: AwsCloud, image) -> dict[str, str]:
    iot = new_client(cloud, "iot")
    iot.create_thing(thingName="t1")
    validity = Validity(1_600_000_000.0, 4_000_000_000.0, 4711)
    pair = mint_code_signing("signer", KeyKind.ECDSA, mint_ca("ca", KeyKind.ECDSA, validity), validity)
    signer = new_client(cloud, "acm").import_certificate(Certificate=pair.certificate, PrivateKey=pair.key)
    iot.create_stream(streamId="s1", files=[{"fileId": 0, "s3Location": image}], roleArn=ROLE)
    return {
        "device": iot.create_keys_and_certificate()["certificateId"],
        "signer": signer["CertificateArn"],
    }


def test_what_moto_has_outlives_a_restart(cloud: AwsCloud, image):
    made = fill(cloud, image)
    cloud.stop()
    forget_moto()
    with serving_aws(cloud.folder) as again:
        stream = again.run(lambda: again.catalog.find("s1"))
        assert again.run(lambda: stream.files[0].image.read(0, 3)) == b"xxx"  # a device may be the first to ask
        assert new_client(again, "iam").get_role(RoleName="ota")["Role"]["Arn"] == ROLE
        iot = new_client(again, "iot")
        assert [thing["thingName"] for thing in iot.list_things()["things"]] == ["t1"]
        assert iot.describe_certificate(certificateId=made["device"])
        assert new_client(again, "acm").describe_certificate(CertificateArn=made["signer"])
        s3 = new_client(again, "s3")
        assert s3.put_object(Bucket="images", Key="app.bin", Body=b"2")["VersionId"] != image["version"]
        old = s3.get_object(Bucket="images", Key="app.bin", VersionId=image["version"])
        assert old["Body"].read() == b"x" * 5000


@pytest.mark.parametrize("content", [b"ota-stream moto state, moto 1.0\nxyz", b"", b"junk" * 100])
def test_a_file_of_another_version_or_a_damaged_one_is_told_and_moved_aside(tmp_path: Path, caplog, content: bytes):
    (tmp_path / "moto.state").write_bytes(content)
    state = MotoState(tmp_path)
    assert "are gone" in (state.doubt() or "")
    state.load()
    assert "are gone" in caplog.text
    assert (tmp_path / "moto.unreadable").read_bytes() == content
    assert MotoState(tmp_path).doubt() is None


@pytest.mark.usefixtures("image")
def test_the_file_is_for_its_owner_only(cloud: AwsCloud):
    cloud.stop()
    assert cloud.services.moto.path.stat().st_mode & 0o777 == 0o600
