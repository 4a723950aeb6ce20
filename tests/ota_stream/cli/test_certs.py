"""`ota-stream certs` and devices with `--tls`: with a simulator, and before the first one."""

import gc
import hashlib
import ssl
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest

from images import image_bytes
from ota_device.errors import LinkError
from ota_device.link import Credentials, Link, LinkOptions
from processes import Process, cli, cli_here, serve
from tls_clients import make

IMAGE = image_bytes(30_000)


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("certs") / "data"


@pytest.fixture(scope="module")
def early(data_dir: Path) -> str:
    """What was printed when a thing got its identity before the first start."""
    done = cli_here("certs", "thing", "early", "--data-dir", data_dir)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def served(data_dir: Path, early: str) -> Iterator[Process]:  # noqa: ARG001 - before the start
    image = data_dir.parent / "fw.bin"
    image.write_bytes(IMAGE)
    with serve(image, data_dir, "--tls", "--tls-port", "0") as process:
        yield process


def test_three_files_are_written_and_a_command_to_try(data_dir: Path, early: str):
    folder = data_dir / "certs"
    assert {path.name for path in folder.iterdir()} >= {"early.cert.pem", "early.private.key", "ca.pem"}
    assert (folder / "early.private.key").stat().st_mode & 0o777 == 0o600
    its_id = hashlib.sha256(ssl.PEM_cert_to_DER_cert((folder / "early.cert.pem").read_text())).hexdigest()
    assert f"early: certificate {its_id}, ACTIVE, policy ota-stream-thing" in early
    assert "mosquitto_pub -h 127.0.0.1 -p 8883 --cafile" in early
    assert "PRIVATE" not in early


@pytest.mark.usefixtures("served")
def test_a_device_downloads_by_tls(data_dir: Path, tmp_path: Path):
    out = tmp_path / "copy.bin"
    done = cli("fetch", "fw", "--thing", "early", "--tls", "--data-dir", data_dir, "-o", out)
    assert done.returncode == 0, done.stderr
    assert out.read_bytes() == IMAGE


def test_many_are_minted_by_the_running_simulator(served: Process, data_dir: Path, tmp_path: Path):
    done = cli_here("certs", "thing", "--count", "300", "--prefix", "dev-", "-o", tmp_path, "--data-dir", data_dir)
    assert done.returncode == 0, done.stderr
    assert len(list(tmp_path.glob("dev-*.private.key"))) == 300
    iot = boto3.Session("t", "t", region_name="us-east-1").client(
        "iot", endpoint_url=f"http://127.0.0.1:{served.ready['http']['port']}"
    )
    (arn,) = iot.list_thing_principals(thingName="dev-300")["principals"]
    assert [policy["policyName"] for policy in iot.list_attached_policies(target=arn)["policies"]] == [
        "ota-stream-thing"
    ]


@pytest.mark.usefixtures("served")
def test_the_ca_is_the_one_that_signed(data_dir: Path, tmp_path: Path):
    done = cli_here("certs", "ca", "-o", tmp_path, "--data-dir", data_dir)
    assert (done.returncode, done.stdout) == (0, f"{tmp_path / 'ca.pem'}\n")
    assert (tmp_path / "ca.pem").read_bytes() == (data_dir / "certs" / "ca.pem").read_bytes()


def test_by_its_address_a_simulator_is_asked_too(served: Process, tmp_path: Path):
    url = f"http://127.0.0.1:{served.ready['http']['port']}"
    done = cli_here("certs", "operator", "me", "-o", tmp_path, "--endpoint-url", url)
    assert done.returncode == 0, done.stderr
    assert "policy ota-stream-operator" in done.stdout
    done = cli_here("certs", "ca", "-o", tmp_path, "--endpoint-url", "http://127.0.0.1:1")
    assert done.returncode == 1
    assert done.stderr == "error: no simulator listens at http://127.0.0.1:1: start `ota-stream serve`\n"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["thing"], "name a thing, or say --count"),
        (["thing", "a/b"], "name 'a/b': use 1 to 128 of a-z A-Z 0-9 : _ -"),
        (["thing", "early"], "early.private.key is there already: take it away, or choose another directory"),
    ],
)
@pytest.mark.usefixtures("early")
def test_what_cannot_be_minted_is_told(data_dir: Path, arguments: list[str], told: str):
    done = cli_here("certs", *arguments, "--data-dir", data_dir)
    assert done.returncode == 1
    assert told in done.stderr


@pytest.mark.usefixtures("served")
def test_a_device_without_its_files_is_told_how_to_get_them(data_dir: Path):
    done = cli("fetch", "fw", "--thing", "nobody", "--tls", "--data-dir", data_dir)
    assert done.returncode == 1
    assert "nobody.cert.pem is not there: `ota-stream certs thing` writes it" in done.stderr


@pytest.mark.filterwarnings("ignore:Exception ignored in. <ssl.SSLSocket:pytest.PytestUnraisableExceptionWarning")
def test_a_device_that_is_refused_is_told_so(served: Process, data_dir: Path, tmp_path: Path):
    """With TLS 1.3 it learns it at its first read."""
    stranger, folder = make(tmp_path, "stranger"), data_dir / "certs"
    own = Credentials(folder / "early.cert.pem", folder / "early.private.key", folder / "ca.pem")

    def told(port: int, credentials: Credentials) -> str:
        with pytest.raises(LinkError) as caught, Link("localhost", port, "early", LinkOptions(credentials=credentials)):
            pass
        told = str(caught.value)
        del caught
        gc.collect()  # paho forgets to close the socket of a handshake that failed
        return told

    port = served.ready["mqtts"]["port"]
    refused = told(port, Credentials(stranger.cert, stranger.key, own.ca))
    assert "it may not accept the certificate" in refused or "no TLS with" in refused
    assert "is not who it should be" in told(port, Credentials(own.certificate, own.key, stranger.cert))
    assert "is it the TLS port?" in told(served.port, own) or "cannot reach" in told(served.port, own)
    assert "cannot be used" in told(port, Credentials(own.key, own.key, own.ca))
