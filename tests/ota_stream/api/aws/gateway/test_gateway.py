import gc
import json

import pytest
from botocore.exceptions import ClientError
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from aws_cloud import AwsCloud, serving_aws
from ota_stream.answers import Audience
from ota_stream.api.aws import gateway
from ota_stream.stores.errors import StoreError

ROLE = "arn:aws:iam::123456789012:role/ota"


def signed(service, region="us-east-1"):
    return {"authorization": f"AWS4-HMAC-SHA256 Credential=k/20260101/{region}/{service}/aws4_request, Signature=0"}


def refused(call, **given):
    with pytest.raises(ClientError) as caught:
        call(**given)
    answer = caught.value.response
    return answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Message"]


def test_s3_keeps_versions_and_gives_ranges_and_presigned_urls(client, cloud: AwsCloud, image):
    s3 = client("s3")
    s3.put_object(Bucket="images", Key="a b/%2F+ü.bin", Body=b"0123456789")
    got = s3.get_object(Bucket="images", Key="a b/%2F+ü.bin", Range="bytes=2-4")
    assert (got["ResponseMetadata"]["HTTPStatusCode"], got["Body"].read()) == (206, b"234")
    assert s3.head_object(Bucket="images", Key="app.bin")["ContentLength"] == 5000
    versions = s3.list_object_versions(Bucket="images", Prefix="app")["Versions"]
    assert [each["VersionId"] for each in versions] == [image["version"]]
    for signature in ("s3v4", "s3"):
        url = client("s3", signature_version=signature).generate_presigned_url(
            "get_object", Params={"Bucket": "images", "Key": "app.bin"}
        )
        answer = cloud.ask("GET", url.removeprefix(cloud.base), range="bytes=0-9")
        assert (answer.status, answer.body) == (206, b"x" * 10)


def test_iam_sts_and_the_registry_of_things_are_motos(client):
    iam, iot = client("iam"), client("iot")
    iam.create_role(RoleName="ota", AssumeRolePolicyDocument="{}")
    assert iam.get_role(RoleName="ota")["Role"]["Arn"] == ROLE
    assert client("sts").get_caller_identity()["Account"] == "123456789012"
    iot.create_thing(thingName="t1")
    iot.create_thing_group(thingGroupName="g1")
    iot.add_thing_to_thing_group(thingName="t1", thingGroupName="g1")
    assert iot.list_things_in_thing_group(thingGroupName="g1")["things"] == ["t1"]
    iot.create_policy(policyName="p", policyDocument='{"Version": "2012-10-17", "Statement": []}')
    arn = iot.create_keys_and_certificate(setAsActive=True)["certificateArn"]
    iot.attach_policy(policyName="p", target=arn)
    iot.attach_thing_principal(thingName="t1", principal=arn)
    assert iot.list_thing_principals(thingName="t1")["principals"] == [arn]


def test_a_certificate_is_signed_by_the_simulators_ca(client, cloud: AwsCloud):
    iot = client("iot")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "t1")])
    csr = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, hashes.SHA256())
    pem = csr.public_bytes(serialization.Encoding.PEM).decode()
    ca = x509.load_pem_x509_certificate(cloud.run(lambda: cloud.operated.keys.ca().certificate))
    for made in (iot.create_certificate_from_csr(certificateSigningRequest=pem), iot.create_keys_and_certificate()):
        x509.load_pem_x509_certificate(made["certificatePem"].encode()).verify_directly_issued_by(ca)
        shown = iot.describe_certificate(certificateId=made["certificateId"])["certificateDescription"]
        assert (shown["certificatePem"], shown["status"]) == (made["certificatePem"], "INACTIVE")
    assert refused(iot.create_certificate_from_csr, certificateSigningRequest="no")[:2] == (
        "InvalidRequestException",
        400,
    )


def test_a_published_message_is_handed_to_the_broker(client, cloud: AwsCloud):
    client("iot-data").publish(topic="a/b", qos=1, payload=b"\x00hi")
    (reply,) = cloud.replies
    assert (reply.topic, reply.payload, reply.qos, reply.to) == ("a/b", b"\x00hi", 1, Audience.SUBSCRIBERS)
    assert refused(client("iot-data").publish, topic="$aws/things/x")[0] == "InvalidRequestException"


def test_endpoints_and_events(client):
    iot = client("iot")
    assert iot.describe_endpoint(endpointType="iot:Data-ATS")["endpointAddress"] == "127.0.0.1:1883"
    iot.update_event_configurations(eventConfigurations={"JOB": {"Enabled": True}})
    events = iot.describe_event_configurations()["eventConfigurations"]
    assert [kind for kind, row in events.items() if row["Enabled"]] == ["JOB"]


def test_an_operation_nobody_has_is_told_at_once(client):
    code, status, message = refused(client("iot").list_fleet_metrics)
    assert (code, status) == ("NotImplementedException", 501)
    assert "ListFleetMetrics" in message


def test_constraints_are_told_in_the_words_of_aws(client):
    create = client("iot").create_stream
    given = {"files": [{"fileId": 300, "s3Location": {"bucket": "b", "key": "k"}}], "roleArn": ROLE}
    code, status, message = refused(create, streamId="a b", description="x\ny", **given)
    assert (code, status) == ("InvalidRequestException", 400)
    assert message == (
        "3 validation errors detected: Value 'a b' at 'streamId' failed to satisfy constraint: "
        "Member must satisfy regular expression pattern: [a-zA-Z0-9_-]+; Value 'x?y' at 'description' failed to "
        "satisfy constraint: Member must satisfy regular expression pattern: [^\\p{C}]+; Value '300' at "
        "'files.1.member.fileId' failed to satisfy constraint: Member must have value less than or equal to 255"
    )
    assert "length less than or equal to 128" in refused(create, streamId="a" * 129, **given)[2]


@pytest.mark.parametrize("body", [b"{", b"[]", b'"x"', b"\xff", b"[" * 100_000, b'{"files": 5}', b'{"files": [3]}'])
def test_a_body_that_cannot_be_read_is_refused(cloud: AwsCloud, body: bytes):
    answer = cloud.ask("POST", "/streams/s1", body, **signed("iot"))
    assert answer.status == 400
    assert answer.headers["x-amzn-errortype"] == "SerializationException"
    assert "Traceback" not in answer.body.decode()


def test_a_body_cannot_say_what_the_path_says(cloud: AwsCloud, image):
    body = {"streamId": "other", "roleArn": ROLE, "files": [{"fileId": 0, "s3Location": image}]}
    assert cloud.ask("POST", "/streams/s1", body, **signed("iot")).json["streamId"] == "s1"


@pytest.mark.parametrize(
    ("service", "target", "status", "name"),
    [
        ("ec2", "/", 501, "NotImplementedException"),
        ("iot/x", "/", 400, "IncompleteSignatureException"),
        ("iot", "/nowhere/at/all", 404, "UnknownOperationException"),
        ("iot-jobs-data", "/streams", 404, "UnknownOperationException"),
    ],
)
def test_a_wrong_scope_is_refused(cloud: AwsCloud, service, target, status, name):
    answer = cloud.ask("GET", target, **signed(service))
    assert (answer.status, answer.json["__type"]) == (status, name)


@pytest.mark.parametrize(
    ("service", "target"), [("iot", "/streams"), ("execute-api", "/streams"), ("iotdata", "/"), ("iot-data", "/")]
)
def test_a_service_is_known_by_all_names_that_sdks_have_signed_it_with(cloud: AwsCloud, service, target):
    assert cloud.ask("GET", target, **signed(service)).status == (200 if target == "/streams" else 404)


def test_what_is_not_signed_goes_where_it_went(cloud: AwsCloud):
    assert cloud.ask("GET", "/_ota/streams").json == {"streams": []}
    assert cloud.ask("GET", "/images/app.bin").status == 403


def test_a_large_body_is_refused_and_a_page_of_another_site_too(cloud: AwsCloud):
    assert cloud.ask("POST", "/streams/s1", b"x" * (2 * 1024 * 1024 + 1), **signed("iot")).status == 413
    assert cloud.ask("GET", "/streams", origin="http://evil.example", **signed("iot")).status == 403
    assert cloud.ask("GET", "/streams", host="evil.example", **signed("iot")).status == 403


def test_the_rest_of_aws_may_be_elsewhere(cloud: AwsCloud, tmp_path):
    (tmp_path / "front").mkdir()
    with serving_aws(tmp_path / "front", cloud.base) as front:
        assert front.ask("PUT", "/far", **signed("s3")).status == 200
        assert front.ask("GET", "/streams", **signed("iot")).json == {"streams": []}
    assert cloud.ask("HEAD", "/far", **signed("s3")).status == 200


def test_a_backend_that_is_not_there_is_told(tmp_path):
    with serving_aws(tmp_path, "http://127.0.0.1:1") as front:
        answer = front.ask("GET", "/things", **signed("iot"))
    assert answer.status == 503  # an SDK may try again
    assert "does not answer" in json.loads(answer.body)["message"]


@pytest.mark.parametrize(
    ("service", "target", "target_header", "words"),
    [
        ("s3", "/a/b/c?uploads", "", b"<Error><Code>"),
        ("iam", "/?Action=ListRoles&Version=2010-05-08", "", b"<ErrorResponse>"),
        ("acm", "/", "CertificateManager.ListCertificates", b"__type"),
    ],
)
def test_a_backend_that_fails_is_told_in_the_words_of_the_service(tmp_path, service, target, target_header, words):
    with serving_aws(tmp_path, "http://127.0.0.1:1") as front:
        answer = front.ask("POST", target, x_amz_target=target_header, **signed(service))
    assert answer.status == 503
    assert words in answer.body


def test_a_change_that_cannot_be_kept_is_not_acknowledged(cloud: AwsCloud, image, caplog):
    def full():
        raise StoreError("the disk is full")

    cloud.run(lambda: setattr(cloud, "commit", full))
    body = {"roleArn": ROLE, "files": [{"fileId": 0, "s3Location": image}]}
    answer = cloud.ask("POST", "/streams/s1", body, **signed("iot"))
    assert (answer.status, answer.json["message"]) == (500, "the disk is full")
    assert "the disk is full" in caplog.text
    cloud.run(lambda: setattr(cloud, "commit", cloud.database.flush))


def test_a_fault_of_ours_is_told_without_a_traceback_to_the_caller(cloud: AwsCloud, caplog):
    def fault():
        raise ZeroDivisionError

    cloud.run(lambda: setattr(cloud, "commit", fault))
    answer = cloud.ask("PATCH", "/event-configurations", {"eventConfigurations": {}}, **signed("iot"))
    assert (answer.status, answer.headers["x-amzn-errortype"]) == (500, "InternalFailureException")
    assert b"Traceback" not in answer.body
    assert "ZeroDivisionError" in caplog.text


@pytest.mark.usefixtures("image")
def test_what_the_command_line_has_uploaded_feeds_streams_too(client, cloud: AwsCloud):
    kind = "application/octet-stream"
    put = cloud.ask("PUT", "/_ota/objects/mine/app.bin", b"z" * 10, content_type=kind)
    iot = client("iot")
    location = {"bucket": "mine", "key": "app.bin", "version": put.json["version"]}
    iot.create_stream(streamId="s1", files=[{"fileId": 0, "s3Location": location}], roleArn=ROLE)
    assert cloud.run(lambda: cloud.catalog.find("s1").files[0].image.read(0, 4)) == b"zzzz"


def test_a_signed_image_goes_into_the_bucket_of_s3(client, cloud: AwsCloud, image):
    version = cloud.run(lambda: cloud.operated.objects.put(image["bucket"], "signed/x", b"content"))
    got = client("s3").get_object(Bucket="images", Key="signed/x", VersionId=version)
    assert got["Body"].read() == b"content"
    assert cloud.run(lambda: cloud.operated.objects.find("images", "signed/x").version) == version


@pytest.mark.parametrize("given", [{"topic": "a/+"}, {"topic": "a" * 257}, {"topic": "a", "retain": True}])
def test_a_message_that_cannot_be_published_is_refused(client, cloud: AwsCloud, given):
    assert refused(client("iot-data").publish, payload=b"x", **given)[:2] == ("InvalidRequestException", 400)
    assert cloud.replies == []


def test_what_warming_up_makes_is_not_the_collectors_business_any_more(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(gateway, "_warm", [])
    before = gc.get_freeze_count()
    gateway.warm_up()
    assert gc.get_freeze_count() > before
    assert gc.isenabled()
