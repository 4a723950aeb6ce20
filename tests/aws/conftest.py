"""A simulator that is served on a free port, for SDKs and the command line of AWS to talk to."""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from aws_cloud import AwsCloud, Client, clients, fresh_cloud
from aws_shell import AwsShell
from ota_stream.signing.keys import KeyPair, Validity, mint_ca, mint_code_signing
from ota_stream.signing.platforms import KeyKind

KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}

Aws = Callable[..., Any]


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[AwsCloud]:
    with fresh_cloud(tmp_path) as cloud:
        yield cloud


@pytest.fixture
def client(cloud: AwsCloud, monkeypatch: pytest.MonkeyPatch) -> Client:
    return clients(cloud, monkeypatch)


@pytest.fixture
def environment(cloud: AwsCloud, tmp_path: Path) -> dict[str, str]:
    """What the command line of AWS finds in its environment."""
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
        **KEYS,
        "AWS_ENDPOINT_URL": cloud.base,
        "AWS_MAX_ATTEMPTS": "1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": str(tmp_path / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials"),
    }


@pytest.fixture(scope="session")
def shell() -> Iterator[AwsShell]:
    with AwsShell() as shell:
        yield shell


@pytest.fixture
def aws(shell: AwsShell, environment: dict[str, str], tmp_path: Path) -> Aws:
    """Run the command line of AWS (v1) as a user does; return its JSON, or its text when that is none."""

    def run(*arguments: str, fails: bool = False) -> Any:
        done = shell.run("--output", "json", *arguments, env=environment, cwd=tmp_path)
        assert (done.returncode != 0) == fails, f"aws {' '.join(arguments)}: {done.stdout}{done.stderr}"
        if fails:
            return done.stderr
        try:
            return json.loads(done.stdout)
        except ValueError:
            return done.stdout

    return run


@pytest.fixture(scope="session")
def signer_pair() -> KeyPair:
    """A code-signing certificate that somebody made with OpenSSL, so to say."""
    validity = Validity(1_600_000_000.0, 4_000_000_000.0, 4711)
    ca = mint_ca("guide CA", KeyKind.ECDSA, validity)
    return mint_code_signing("guide signer", KeyKind.ECDSA, ca, validity)
