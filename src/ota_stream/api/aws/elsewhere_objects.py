"""The objects of S3 at another endpoint (`--aws-backend`): asked for over HTTP, each version's bytes once."""

import time
from collections.abc import Callable
from typing import Any, Final

from ota_stream.api.aws.contents import Contents
from ota_stream.stores.objects import ObjectStore
from ota_stream.streams.catalog import Image, ImageError, ImageForbidden, ImageGone
from ota_stream.updates.objects import StoredObject

LOOK_EVERY: Final = 1.0  # seconds a tag is believed before the endpoint is asked again
WITHIN: Final = 2.0  # seconds the endpoint may take; the broker waits for it
REST: Final = 10.0  # seconds an endpoint that took longer is not asked: the broker has other devices too

Name = tuple[str, str, str | None]
"""Bucket, key and version; None for the newest."""


class ElsewhereImage:
    """The image of an object there (satisfies `streams.catalog.Image`), followed by name: the newest when unpinned."""

    def __init__(self, objects: "ElsewhereObjects", name: Name, size: int, tag: str) -> None:
        self.size = size
        self._objects = objects
        self._name = name
        self._tag = tag

    def etag(self) -> str:
        """Return the tag of the object as it was within the last second (SC-9). Raises ImageError."""
        return str(self._objects.head(self._name)["ETag"])

    def read(self, start: int, end: int) -> bytes:
        """Return bytes of the content that had the tag at the beginning. Raises ImageError."""
        return self._objects.content(self._name, self._tag)[start:end]


class ElsewhereObjects:
    """Satisfies `updates.objects.Objects`: what the command line has uploaded comes first, then the endpoint."""

    def __init__(
        self, below: ObjectStore, url: str, now: Callable[[], float] = time.monotonic, within: float = WITHIN
    ) -> None:
        self._below = below
        self._url = url
        self._now = now
        self._within = within
        self._rests_until = 0.0
        self._heads: dict[Name, tuple[float, dict[str, Any]]] = {}
        self._contents = Contents()
        self._made: Any = None

    def find(self, bucket: str, key: str, version: str | None = None) -> StoredObject:
        """Return a version of an object, the newest for None. Raises ImageError."""
        try:
            return self._below.find(bucket, key, version)
        except ImageGone:
            name = (bucket, key, version)
        head = self.head(name)
        image: Image = ElsewhereImage(self, name, int(head["ContentLength"]), str(head["ETag"]))
        return StoredObject(bucket, key, str(head.get("VersionId") or "null"), image)

    def put(self, bucket: str, key: str, content: bytes) -> str:
        """Keep an object at the endpoint when the bucket is there, or beside what the command line has uploaded."""
        try:
            return str(self._ask("put_object", (bucket, key, None), Body=content).get("VersionId") or "null")
        except ImageGone:
            return self._below.put(bucket, key, content)

    def head(self, name: Name) -> dict[str, Any]:
        """Return what the endpoint says about an object. Raises ImageError."""
        at, head = self._heads.get(name, (0.0, None))
        if head is None or self._now() - at >= LOOK_EVERY:
            head = self._ask("head_object", name)
            self._heads[name] = (self._now(), head)
        return head

    def content(self, name: Name, tag: str) -> bytes:
        """Return all bytes of the object that had this tag, fetched once. Raises ImageError."""

        def fetch() -> bytes:
            answer = self._ask("get_object", name)
            if answer["ETag"] != tag:
                raise ImageGone(f"object {name[0]}/{name[1]} has been replaced")
            content: bytes = answer["Body"].read()
            return content

        return self._contents.get((name, tag), fetch)

    def _ask(self, operation: str, name: Name, **more: object) -> dict[str, Any]:
        from botocore.exceptions import BotoCoreError, ClientError, ConnectTimeoutError, ReadTimeoutError  # type: ignore[import-untyped,unused-ignore] # noqa: PLC0415 - a quarter of a second, and few need it

        bucket, key, version = name
        if self._now() < self._rests_until:
            raise ImageError(f"object {bucket}/{key}: the AWS backend {self._url} does not answer")
        pinned = {} if version is None else {"VersionId": version}
        try:
            answer: dict[str, Any] = getattr(self._client(), operation)(Bucket=bucket, Key=key, **pinned, **more)
        except ClientError as error:
            told: Any = error.response
            status = told["ResponseMetadata"].get("HTTPStatusCode")
            kind = ImageForbidden if status == 403 else ImageGone  # noqa: PLR2004 - HTTP
            raise kind(f"object {bucket}/{key} at {self._url}: {told['Error'].get('Code')}") from None
        except BotoCoreError as error:
            if isinstance(error, ConnectTimeoutError | ReadTimeoutError):
                self._rests_until = self._now() + REST
            raise ImageError(f"object {bucket}/{key}: the AWS backend {self._url} does not answer: {error}") from None
        return answer

    def _client(self) -> Any:  # noqa: ANN401 - the SDK makes its clients at run time
        if self._made is None:
            import boto3  # type: ignore[import-untyped,unused-ignore] # noqa: PLC0415 - as above
            from botocore.config import Config  # type: ignore[import-untyped,unused-ignore] # noqa: PLC0415

            connect: Any = boto3.client  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
            limits = Config(connect_timeout=self._within, read_timeout=self._within, retries={"total_max_attempts": 1})
            keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
            self._made = connect("s3", "us-east-1", endpoint_url=self._url, config=limits, **keys)
        return self._made
