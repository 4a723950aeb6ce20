"""Workers that speak TLS with their broker: certificates of our own CA, on both sides."""

import socketserver
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from threading import Thread
from typing import NamedTuple

import pytest

from images import image_bytes
from ota_broker.config import ConfigError
from ota_broker.system_clock import SystemClock
from ota_broker.workers.settings import TransportName, WorkerSettings
from ota_broker.workers.tls import context_of
from ota_stream.stores.keys import KeyFolder
from processes import cli
from shared_world import Nats, free_port, mosquitto_engine, running, worker
from small_fleet import Fleet

SIZE = 100_000
IMAGE = image_bytes(SIZE)
SHOW_ONE = "(if it asks for a certificate of this worker: --cert and --key)"


class Files(NamedTuple):
    """PEM files: the CA, the server's certificate and key, and what a worker has to say of itself."""

    ca: Path
    cert: Path
    key: Path
    worker: list[str]


@pytest.fixture
def files(tmp_path: Path) -> Files:
    data, folder = tmp_path / "data", tmp_path / "certs"
    made = cli("certs", "operator", "worker", "-o", folder, "--data-dir", data)
    assert made.returncode == 0, made.stderr
    cert, key = KeyFolder(data / "keys", SystemClock()).server(["127.0.0.1"])
    known = ["--cert", str(folder / "worker.cert.pem"), "--key", str(folder / "worker.private.key")]
    return Files(folder / "ca.pem", cert, key, known)


class Broker(NamedTuple):
    """Where things connect, and what workers are told of it."""

    port: int
    options: list[str]


@contextmanager
def nats_by_tls(folder: Path, files: Files) -> Iterator[Broker]:
    tls = f'tls {{ cert_file: "{files.cert}", key_file: "{files.key}", ca_file: "{files.ca}", verify: true }}\n'
    server = Nats(folder / "nats", more=tls)
    try:
        yield Broker(server.mqtt_port, ["--transport", "nats", "--url", server.url.replace("nats:", "tls:")])
    finally:
        server.stop()


@contextmanager
def hanging_up() -> Iterator[int]:
    """Accept who connects, hear its first words and close."""

    class Deaf(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.recv(1)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Deaf) as server:
        Thread(target=server.serve_forever).start()
        yield server.server_address[1]
        server.shutdown()


@contextmanager
def mosquitto_by_tls(folder: Path, files: Files) -> Iterator[Broker]:
    port = free_port()
    tls = (
        f"listener {port} 127.0.0.1\ncafile {files.ca}\ncertfile {files.cert}\nkeyfile {files.key}\n"
        "require_certificate true\nuser root\n"  # started by root it would be another, who may not read the files
    )
    with mosquitto_engine(folder, bridge=True, more=tls) as (plain, _):
        url = f"mqtts://127.0.0.1:{port}"
        yield Broker(plain, ["--transport", "mqtt", "--url", url, "--prefix", "ota/req/"])


@pytest.mark.parametrize("brokers", [nats_by_tls, mosquitto_by_tls])
async def test_a_worker_trusts_its_broker_and_is_trusted_by_certificate(
    brokers: Callable[[Path, Files], AbstractContextManager[Broker]], files: Files, tmp_path: Path
):
    (tmp_path / "app.bin").write_bytes(IMAGE)
    store = str(tmp_path / "streams.json")
    assert cli("shared", "stream", "fw", tmp_path / "app.bin", "--store", store).returncode == 0
    with brokers(tmp_path, files) as (port, options):
        told = [*options, "--store", store, "--records", str(tmp_path / "records")]
        trusting = [*told, "--root-ca", str(files.ca)]
        stranger, nobody = cli("worker", *told, *files.worker), cli("worker", *trusting)
        with running(worker(*trusting, *files.worker)):
            fleet = Fleet([port], 5, "fw", SIZE)
            await fleet.run(within=30)
    assert {thing.download.image for thing in fleet.things} == {IMAGE}
    assert stranger.returncode == nobody.returncode == 1
    assert "certificate verify failed" in stranger.stderr  # the machine does not know our CA
    assert stranger.stderr.count("\n") == 1
    assert SHOW_ONE in nobody.stderr.splitlines()[-1]
    assert nobody.stderr.splitlines()[-1].startswith("error: no ")
    assert "Traceback" not in nobody.stderr


@pytest.mark.parametrize(
    "broker", [["--transport", "nats", "--url", "tls://"], ["--transport", "mqtt", "--url", "mqtts://"]]
)
def test_a_broker_that_hangs_up_without_a_word_may_want_a_certificate(broker: list[str], files: Files, tmp_path: Path):
    *transport, scheme = broker
    told = ["--store", tmp_path / "streams.json", "--records", tmp_path / "records", "--root-ca", files.ca]
    with hanging_up() as port:
        nobody = cli("worker", *transport, f"{scheme}127.0.0.1:{port}", *told)
        known = cli("worker", *transport, f"{scheme}127.0.0.1:{port}", *told, *files.worker)
    assert nobody.returncode == known.returncode == 1
    assert nobody.stderr.splitlines()[-1].endswith(SHOW_ONE)
    assert "--cert" not in known.stderr


BROKER = {"transport": TransportName.NATS, "store": "streams.json"}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            {"url": "nats://h", "root_ca": Path("ca.pem")},
            "'nats://h' is not TLS: --root-ca, --cert and --key need tls://",
        ),
        ({"url": "tls://h", "cert": Path("c.pem")}, "a certificate and its key go together"),
        ({"url": "tls://h", "root_ca": Path("gone.pem")}, "root_ca gone.pem: No such file or directory"),
        ({"url": "tls://h", "root_ca": Path(__file__)}, "NO_CERTIFICATE_OR_CRL_FOUND"),
        ({"url": "tls://h", "cert": Path("c.pem"), "key": Path("c.key")}, "cert c.pem with key c.key: No such file"),
    ],
)
def test_files_that_do_not_do_are_one_line(given: dict[str, object], said: str):
    with pytest.raises(ConfigError) as error:
        context_of(WorkerSettings(**BROKER, **given))  # type: ignore[arg-type]
    assert said in str(error.value)
    assert "\n" not in str(error.value)
