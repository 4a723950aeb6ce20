"""A served cloud with the AWS API, and boto3 clients for it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from aws_cloud import AwsCloud, Client, clients, fresh_cloud
from aws_guide import ROLE_POLICY, make_role


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[AwsCloud]:
    with fresh_cloud(tmp_path) as cloud:
        yield cloud


@pytest.fixture
def client(cloud: AwsCloud, monkeypatch: pytest.MonkeyPatch) -> Client:
    return clients(cloud, monkeypatch)


@pytest.fixture
def image(client: Client) -> dict[str, str]:
    """A versioned object: bucket, key and version; and the role that may read it."""
    make_role(client("iam"), "ota", ROLE_POLICY)
    s3 = client("s3")
    s3.create_bucket(Bucket="images")
    s3.put_bucket_versioning(Bucket="images", VersioningConfiguration={"Status": "Enabled"})
    version = s3.put_object(Bucket="images", Key="app.bin", Body=b"x" * 5000)["VersionId"]
    return {"bucket": "images", "key": "app.bin", "version": version}
