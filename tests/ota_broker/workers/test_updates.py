"""OTA updates for the things of workers: signed, told through the broker, downloaded."""

import json
from base64 import b64decode
from pathlib import Path

from device_world import firmware
from ota_broker.system_clock import SystemClock
from ota_device.link import Event, Link
from ota_stream.signing.platforms import Algorithm, KeyKind
from ota_stream.signing.signatures import verify
from ota_stream.stores.keys import KeyFolder
from ota_stream.updates.document import decode
from processes import PATIENCE, cli
from shared_world import Cluster, Nats, running, worker

JOB = "AFR_OTA-door-2"
THING = "door-lock-7"
KEPT = """\
SELECT string_agg(concat_ws(' ', entry ->> 'actionType', entry ->> 'streamId', entry ->> 'awsJobId'), ', '
ORDER BY part) FROM ota_records WHERE source LIKE 'operator@%'"""


def test_a_thing_is_told_of_signed_firmware_and_gets_it(server: Nats, cluster: Cluster, tmp_path: Path):
    signer = KeyFolder(tmp_path / "keys", SystemClock()).get_or_mint("signer", KeyKind.ECDSA)
    store = cluster.database()
    (image := tmp_path / "door.bin").write_bytes(firmware())
    (key := tmp_path / "signer.key").write_bytes(signer.key)
    broker = ["--transport", "nats", "--url", server.url, "--store", store]
    order = ["shared", "update", "door-2", image, "--target", THING, "--sign-key", key, *broker]
    with running(worker(*broker)), running(worker(*broker)):
        with Link("127.0.0.1", server.mqtt_port, THING) as link:
            link.subscribe(f"$aws/things/{THING}/jobs/notify-next")
            made = cli(*order)
            told = link.receive(PATIENCE)
        copy = tmp_path / "copy.bin"
        got = cli("fetch", "AFR_OTA-door-2", "--thing", THING, "--port", str(server.mqtt_port), "-o", copy)
        again = cli(*order)
    assert made.stdout == "update door-2: 1 things are notified\n", made.stderr
    assert not isinstance(told, Event)
    execution = json.loads(told.payload)["execution"]
    document = decode(json.dumps(execution["jobDocument"]))
    (file,) = document.files
    assert (execution["jobId"], document.protocols, document.stream_id) == (JOB, ("MQTT",), "AFR_OTA-door-2")
    assert (file.file_path, file.file_size, file.file_id) == ("door.bin", len(firmware()), 0)
    assert (file.certificate_file, file.signature_key) == ("ecdsa-sha256-signer.crt.pem", "sig-sha256-ecdsa")
    signature = b64decode(file.signature or "")
    assert got.returncode == 0, got.stderr
    assert verify(copy.read_bytes(), signature, signer.certificate, Algorithm.SHA256_ECDSA)
    assert cluster.sql(KEPT, store) == "CreateStream AFR_OTA-door-2, CreateAWSJob AFR_OTA-door-2, CreateOTAUpdate"
    assert again.returncode == 1
    assert again.stderr == "error: there is an update 'door-2' already: its stream AFR_OTA-door-2 is in the store\n"


def test_an_update_that_cannot_be_leaves_nothing(server: Nats, cluster: Cluster, tmp_path: Path):
    store = cluster.database()
    (image := tmp_path / "door.bin").write_bytes(firmware())
    broker = ["--transport", "nats", "--url", server.url, "--store", store]
    nowhere = cli("shared", "update", "door-2", image, "--target", "no thing", *broker)
    gone = cli("shared", "update", "door-2", tmp_path / "gone.bin", "--target", THING, *broker)
    unsigned = cli("shared", "update", "door-2", image, "--target", THING, "--sign-key", image, *broker)
    assert nowhere.returncode == gone.returncode == unsigned.returncode == 1
    assert gone.stderr == f"error: there is no file {tmp_path / 'gone.bin'}\n"
    assert "private key" in unsigned.stderr
    assert nowhere.stderr.count("\n") == unsigned.stderr.count("\n") == 1
    assert cluster.sql("SELECT count(*) FROM ota_streams", store) == "0"
    assert cluster.sql("SELECT count(*) FROM ota_records", store) == "0"
