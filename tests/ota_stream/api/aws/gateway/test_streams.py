import base64
import json

import pytest
from botocore.exceptions import ClientError

from aws_cloud import AwsCloud, serving_aws
from ota_stream.signing.keys import Validity, mint_ca
from ota_stream.signing.platforms import Algorithm, KeyKind
from ota_stream.signing.signatures import sign
from ota_stream.streams import topics
from ota_stream.streams.service import StreamService

SIGNATURE = sign(b"image", mint_ca("ca", KeyKind.ECDSA, Validity(1.6e9, 4e9, 1)).key, Algorithm.SHA256_ECDSA)
ROLE = "arn:aws:iam::123456789012:role/ota"


def files(location):
    return [{"fileId": 0, "s3Location": location}]


def refused(call, **given):
    with pytest.raises(ClientError) as caught:
        call(**given)
    answer = caught.value.response
    return answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]


def test_a_stream_is_made_shown_changed_listed_and_deleted(client, image):  # SC-1 SC-2 SC-3 SC-4 SC-6 SC-7
    iot = client("iot")
    made = iot.create_stream(streamId="s1", description="one", files=files(image), roleArn=ROLE)
    arn = "arn:aws:iot:us-east-1:123456789012:stream/s1"
    assert (made["streamArn"], made["streamVersion"], made["description"]) == (arn, 1, "one")
    assert iot.update_stream(streamId="s1", description="two")["streamVersion"] == 2
    info = iot.describe_stream(streamId="s1")["streamInfo"]
    assert (info["description"], info["roleArn"], info["files"]) == ("two", ROLE, files(image))
    assert info["createdAt"] <= info["lastUpdatedAt"]
    assert [each["streamId"] for each in iot.list_streams()["streams"]] == ["s1"]
    iot.delete_stream(streamId="s1")
    assert refused(iot.describe_stream, streamId="s1") == ("ResourceNotFoundException", 404)


def test_a_taken_id_is_refused_and_named(client, image):  # SC-1
    iot = client("iot")
    iot.create_stream(streamId="s1", files=files(image), roleArn=ROLE)
    with pytest.raises(iot.exceptions.ResourceAlreadyExistsException) as caught:
        iot.create_stream(streamId="s1", files=files(image), roleArn=ROLE)
    assert caught.value.response["resourceId"] == "s1"
    assert caught.value.response["resourceArn"].endswith("stream/s1")


def test_a_file_twice_or_a_missing_object_makes_no_stream(client, image):  # SC-8
    iot = client("iot")
    twice = files(image) * 2
    assert refused(iot.create_stream, streamId="s", files=twice, roleArn=ROLE) == ("InvalidRequestException", 400)
    gone = files({"bucket": "images", "key": "none"})
    assert refused(iot.create_stream, streamId="s", files=gone, roleArn=ROLE) == ("ResourceNotFoundException", 404)
    assert iot.list_streams()["streams"] == []


def test_streams_are_listed_in_pages_either_way(client, image):  # SC-5
    iot = client("iot")
    for name in "abc":
        iot.create_stream(streamId=name, files=files(image), roleArn=ROLE)

    def names(**given):
        found, token = [], {}
        while True:
            page = iot.list_streams(maxResults=2, **given, **token)
            found += [each["streamId"] for each in page["streams"]]
            if "nextToken" not in page:
                return found
            token = {"nextToken": page["nextToken"]}

    assert names() == ["c", "b", "a"]
    assert names(ascendingOrder=True) == ["a", "b", "c"]
    assert refused(iot.list_streams, nextToken="?") == ("InvalidRequestException", 400)


def test_a_replaced_object_is_told_by_its_tag_unless_its_version_is_pinned(client, cloud: AwsCloud, image):  # SC-9
    iot, s3 = client("iot"), client("s3")
    iot.create_stream(streamId="pinned", files=files(image), roleArn=ROLE)
    newest = {"bucket": image["bucket"], "key": image["key"]}
    iot.create_stream(streamId="newest", files=files(newest), roleArn=ROLE)
    s3.put_object(Bucket="images", Key="app.bin", Body=b"other")

    def matches(stream_id):
        file = cloud.catalog.find(stream_id).files[0]
        return file.image.etag() == file.etag

    assert cloud.run(lambda: matches("pinned"))
    assert not cloud.run(lambda: matches("newest"))
    assert cloud.run(lambda: cloud.catalog.find("pinned").files[0].image.read(0, 3)) == b"xxx"


def test_a_device_is_told_that_the_object_was_replaced_or_deleted(client, cloud: AwsCloud, image):  # SC-9
    iot, s3 = client("iot"), client("s3")
    newest = {"bucket": image["bucket"], "key": image["key"]}
    iot.create_stream(streamId="newest", files=files(newest), roleArn=ROLE)
    topic = topics.parse("$aws/things/t1/streams/newest/get/json")

    def get_block():
        service = StreamService(cloud.catalog)
        answer = cloud.run(lambda: service.answer(topic, b'{"s": 1, "f": 0, "l": 1024, "o": 0, "n": 1}', "t1", 1.0))
        return [json.loads(reply.payload) for reply in answer.replies]

    assert base64.b64decode(get_block()[0]["p"]) == b"x" * 1024
    s3.put_object(Bucket="images", Key="app.bin", Body=b"y" * 5000)
    assert get_block()[0]["o"] == "ETagMismatch"
    s3.delete_object(Bucket="images", Key="app.bin")
    assert get_block()[0]["o"] == "ResourceNotFound"


def test_a_stream_of_a_running_update_is_not_deleted(client, cloud: AwsCloud, image):  # SC-11
    iot = client("iot")
    iot.create_stream(streamId="s1", files=files(image), roleArn=ROLE)
    cloud.works = False
    signature = {"signature": {"inlineDocument": SIGNATURE}, "hashAlgorithm": "SHA256", "signatureAlgorithm": "ECDSA"}
    chain = {"certificateChain": {"certificateName": "/cert.pem"}}
    iot.create_ota_update(
        otaUpdateId="u1", targets=["arn:aws:iot:us-east-1:123456789012:thing/t1"], roleArn=ROLE,
        files=[{"fileName": "a", "fileLocation": {"stream": {"streamId": "s1", "fileId": 0}},
                "codeSigning": {"customCodeSigning": {**signature, **chain}}}],
    )  # fmt: skip
    assert refused(iot.delete_stream, streamId="s1") == ("DeleteConflictException", 409)


def test_a_stream_outlives_a_restart(client, cloud: AwsCloud, image):
    iot = client("iot")
    iot.create_stream(streamId="s1", files=files(image), roleArn=ROLE, description="kept")
    iot.update_stream(streamId="s1", files=files(image))
    cloud.stop()
    with serving_aws(cloud.folder) as again:
        stream = again.run(lambda: again.catalog.find("s1"))
        assert (stream.version, stream.description, stream.files[0].size) == (2, "kept", 5000)
        assert again.run(lambda: stream.files[0].image.read(4998, 6000)) == b"xx"


def test_tags_of_a_stream_are_ours_and_those_of_a_thing_group_are_motos(client, image):
    iot = client("iot")
    arn = iot.create_stream(streamId="s1", files=files(image), roleArn=ROLE, tags=[{"Key": "a", "Value": "1"}])[
        "streamArn"
    ]
    iot.tag_resource(resourceArn=arn, tags=[{"Key": "b", "Value": "2"}])
    iot.untag_resource(resourceArn=arn, tagKeys=["a"])
    assert iot.list_tags_for_resource(resourceArn=arn)["tags"] == [{"Key": "b", "Value": "2"}]
    missing = arn.replace("s1", "s2")
    assert refused(iot.list_tags_for_resource, resourceArn=missing) == ("ResourceNotFoundException", 404)


def test_a_call_beyond_its_quota_is_throttled(client, cloud):
    asked: list[str] = []

    def allows(operation: str) -> bool:
        asked.append(operation)
        return len(asked) < 2

    cloud.gateway._allows = allows
    iot = client("iot")
    assert iot.list_streams()["streams"] == []
    assert refused(iot.list_streams) == ("ThrottlingException", 400)
    assert asked == ["ListStreams"] * 2
