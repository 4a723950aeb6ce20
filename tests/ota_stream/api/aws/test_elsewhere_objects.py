"""Objects at another endpoint: a cloud of ours plays it, on a real socket."""

import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from aws_cloud import AwsCloud, forget_moto, serving_aws
from live import MovableClock
from ota_stream.api.aws.elsewhere_objects import LOOK_EVERY, REST, ElsewhereObjects
from ota_stream.stores.objects import ObjectStore
from ota_stream.streams.catalog import ImageError, ImageForbidden, ImageGone

IMAGE = b"x" * 5000


@pytest.fixture
def there(tmp_path: Path) -> Iterator[AwsCloud]:
    (tmp_path / "there").mkdir()
    with serving_aws(tmp_path / "there") as cloud:
        yield cloud
    forget_moto()


@pytest.fixture
def s3(there: AwsCloud) -> Any:
    client = boto3.client("s3", "us-east-1", endpoint_url=there.base, aws_access_key_id="a", aws_secret_access_key="b")
    client.create_bucket(Bucket="images")
    client.put_bucket_versioning(Bucket="images", VersioningConfiguration={"Status": "Enabled"})
    client.put_object(Bucket="images", Key="app.bin", Body=IMAGE)
    return client


class Far:
    def __init__(self, folder: Path, url: str, **more: float) -> None:
        self.clock = MovableClock()
        self.below = ObjectStore(folder, {})
        self.objects = ElsewhereObjects(self.below, url, self.clock.monotonic, **more)


@pytest.fixture
def far(there: AwsCloud, tmp_path: Path) -> Far:
    return Far(tmp_path / "here", there.base)


def test_an_object_there_is_read_by_version_and_by_name(far: Far, s3: Any):
    first = far.objects.find("images", "app.bin")
    assert (first.image.size, first.image.read(0, 3)) == (5000, b"xxx")
    s3.put_object(Bucket="images", Key="app.bin", Body=b"second")
    far.clock.move(LOOK_EVERY)
    second = far.objects.find("images", "app.bin")
    assert second.image.read(0, 10) == b"second"
    assert first.image.etag() == second.image.etag()  # followed by name: a stream of the first says ETagMismatch
    pinned = far.objects.find("images", "app.bin", first.version)
    assert pinned.image.etag() != second.image.etag()
    assert pinned.image.read(4990, 5000) == b"x" * 10


def test_a_tag_is_believed_for_a_second(far: Far, s3: Any):
    image = far.objects.find("images", "app.bin").image
    tag = image.etag()
    s3.put_object(Bucket="images", Key="app.bin", Body=b"second")
    assert image.etag() == tag
    far.clock.move(LOOK_EVERY)
    assert image.etag() != tag


@pytest.mark.usefixtures("s3")
@pytest.mark.parametrize(
    "name", [("images", "no.bin", None), ("no-such-bucket", "app.bin", None), ("images", "app.bin", "9")]
)
def test_what_is_not_there_is_gone(far: Far, name: tuple[str, str, str | None]):
    with pytest.raises((ImageGone, ImageForbidden)):
        far.objects.find(*name)


def test_an_object_that_was_replaced_before_it_was_read_is_gone(far: Far, s3: Any):
    image = far.objects.find("images", "app.bin").image
    s3.put_object(Bucket="images", Key="app.bin", Body=b"second")
    with pytest.raises(ImageGone, match="replaced"):
        image.read(0, 1)


def test_an_object_is_put_into_the_bucket_that_is_there(far: Far, s3: Any):
    version = far.objects.put("images", "made.bin", b"made")
    assert s3.get_object(Bucket="images", Key="made.bin", VersionId=version)["Body"].read() == b"made"
    far.objects.put("only-here", "app.bin", b"own")
    assert far.objects.find("only-here", "app.bin").image.read(0, 3) == b"own"
    with pytest.raises(ClientError):
        s3.head_bucket(Bucket="only-here")


def test_an_endpoint_that_is_not_there_has_no_objects(tmp_path: Path):
    far = Far(tmp_path, "http://127.0.0.1:1")
    with pytest.raises(ImageError, match="does not answer"):
        far.objects.find("images", "app.bin")


def test_an_endpoint_that_hangs_is_left_alone_for_a_while(tmp_path: Path):
    with socket.create_server(("127.0.0.1", 0)) as hanging:
        far = Far(tmp_path, f"http://127.0.0.1:{hanging.getsockname()[1]}", within=0.05)

        def asked() -> int:
            hanging.setblocking(False)
            connections = 0
            with suppress(BlockingIOError):
                while True:
                    hanging.accept()[0].close()
                    connections += 1
            return connections

        for connections in (1, 0, 0):
            with pytest.raises(ImageError, match="does not answer"):
                far.objects.find("images", "app.bin")
            assert asked() == connections
        far.clock.move(REST)
        with pytest.raises(ImageError, match="does not answer"):
            far.objects.find("images", "app.bin")
        assert asked() == 1


def test_a_stream_is_made_of_an_object_elsewhere(there: AwsCloud, s3: Any, tmp_path: Path):
    (tmp_path / "front").mkdir()
    with serving_aws(tmp_path / "front", there.base) as front:
        iot = boto3.Session("a", "b", region_name="us-east-1").client("iot", endpoint_url=front.base)
        file = {"fileId": 0, "s3Location": {"bucket": "images", "key": "app.bin"}}
        iot.create_stream(streamId="s1", files=[file], roleArn="arn:aws:iam::123456789012:role/not-looked-at")
        content = front.run(lambda: front.catalog.find("s1").files[0].image.read(0, 5000))
        assert content == IMAGE
        s3.delete_object(Bucket="images", Key="app.bin")
