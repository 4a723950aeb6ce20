"""A served cloud that has the AWS API too: moto's state is the process's, so it is reset afterwards."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from http_cloud import HttpCloud
from ota_stream.api.app import create_app
from ota_stream.api.aws.gateway import Gateway
from ota_stream.api.guard import LocalOnly
from ota_stream.updates.options import UpdateOptions

Client = Callable[..., Any]


class AwsCloud(HttpCloud):
    """An HttpCloud with the gateway before it."""

    update_options = UpdateOptions(pace=0.0)

    async def _serve(self) -> None:
        rest, changed = self.services.rest, self.services.rights_changed
        self.gateway = Gateway(self.operated, create_app(self.operated), rest.backend, rest.state, changed)
        await self.server.serve(LocalOnly(self.gateway, self._names))

    async def _close(self) -> None:
        self.gateway.end_streams()
        await self.server.stop()
        await self.gateway.keep()
        self.gateway.close()


@contextmanager
def serving_aws(folder: Path, aws_backend: str | None = None) -> Iterator[AwsCloud]:
    """Serve a cloud with the AWS API over `folder` on a free port of 127.0.0.1."""
    cloud = AwsCloud(folder)
    cloud.aws_backend = aws_backend
    cloud.start()
    try:
        yield cloud
    finally:
        cloud.stop()


@contextmanager
def fresh_cloud(tmp_path: Path) -> Iterator[AwsCloud]:
    """Serve a new account, and empty moto afterwards."""
    folder = tmp_path / "cloud"
    folder.mkdir()
    with serving_aws(folder) as cloud:
        yield cloud
    forget_moto()


def clients(cloud: AwsCloud, monkeypatch: pytest.MonkeyPatch) -> Client:
    """Return what makes boto3 clients; each answer is held against the service's model by the SDK itself."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    session = boto3.Session("test", "test", region_name="us-east-1")

    def make(service: str, base: str | None = None, **config: Any) -> Any:
        return session.client(
            service, endpoint_url=base or cloud.base, config=Config(retries={"total_max_attempts": 1}, **config)
        )

    return make


def forget_moto() -> None:
    """Empty moto: its state is the process's, not the cloud's."""
    from moto.moto_api._internal.models import moto_api_backend  # noqa: PLC0415 - it costs a second

    moto_api_backend.reset()
