"""A device in real time against the real front door: connections, reboots, what ends a run."""

import json

import pytest
from msgspec.structs import replace

from device_world import STREAM, document, ecdsa, firmware
from images import MemoryImage
from live import RawClient, serving
from ota_device import station as station_module
from ota_device.errors import DeviceError, FlashError
from ota_device.flash import Flash
from ota_device.flavours import FLAVOURS, FREERTOS
from ota_device.image import CRASH, OFFLINE
from ota_device.link import Link, LinkOptions
from ota_device.orders import Outcome
from ota_device.reasons import words
from ota_device.station import CERTIFICATES, Hardware, Station, held
from ota_device.storage import FolderStorage
from ota_device.verify import Certificates

QUICK = LinkOptions(patience=5.0, attempts=5, pause=0.01)
NEW = firmware()
MISMATCH = "rejected: 0x00000011"


class Watching:
    """Keeps what a device says, and lets a test act when it says something."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.acts: dict[str, object] = {}
        self.received = 0

    def say(self, text: str) -> None:
        self.lines.append(text)
        for start in [start for start in self.acts if text.startswith(start)]:
            self.acts.pop(start)()

    def progress(self, received: int, size: int) -> None:
        self.received = received
        if "halfway" in self.acts and received > size // 2:
            self.acts.pop("halfway")()


@pytest.fixture
def watching():
    return Watching()


@pytest.fixture
def server():
    with serving({STREAM: {0: MemoryImage(NEW)}}) as it:
        yield it


def station(server, tmp_path, watching, flavour=FREERTOS, thing: str = "dev1") -> Station:
    storage = FolderStorage(tmp_path / "flash")
    hardware = Hardware(storage, Certificates(anything=ecdsa().pem), flavour)
    return Station(thing, hardware, lambda _: Link(server.host, server.port, thing, QUICK), watching)


def offer(server, doc=None, job_id: str = "job-1", thing: str = "dev1") -> None:
    server.create_job(job_id, thing, document=json.dumps(doc or document(NEW)))


def status(server, job_id: str = "job-1", thing: str = "dev1") -> tuple[str, dict[str, str]]:
    execution = server.jobs.execution(thing, job_id)
    return execution.status.name, dict(execution.details)


@pytest.mark.parametrize("flavour", FLAVOURS.values(), ids=FLAVOURS)
def test_every_flavour_updates_itself_over_a_real_connection(server, tmp_path, watching, flavour):
    offer(server)
    assert station(server, tmp_path, watching, flavour).run(once=True) is Outcome.SUCCEEDED
    assert status(server)[0] == "SUCCEEDED"
    assert watching.lines == [
        "new flash: the factory image is v0.9.0",
        "boots v0.9.0 from slot-a",
        "job job-1: 60000 bytes of stream AFR_OTA-1",
        f"all {-(-60_000 // flavour.block_size)} blocks are here, verifying",
        "the image is good, rebooting into it",
        "boots v0.9.1 from slot-b, on trial",
        "job job-1: SUCCEEDED, v0.9.1",
    ]
    flash = Flash(FolderStorage(tmp_path / "flash"))
    assert flash.image(flash.known.current) == NEW
    assert watching.received == 60_000


def test_a_job_that_comes_while_the_device_waits_is_done(server, tmp_path, watching):
    it = station(server, tmp_path, watching)

    class Told(Link):
        def receive(self, timeout):
            if "told" not in watching.lines:
                watching.lines.append("told")
                offer(server)
            return super().receive(timeout)

    it._connect = lambda _: Told(server.host, server.port, "dev1", QUICK)
    assert it.run(once=True) is Outcome.SUCCEEDED


def test_a_download_goes_on_after_the_connection_was_taken_over(server, tmp_path, watching):  # DisconnectResume
    offer(server)

    def take_over() -> None:
        with RawClient(server) as other:
            other.connect("dev1")

    watching.acts["halfway"] = take_over
    assert station(server, tmp_path, watching).run(once=True) is Outcome.SUCCEEDED
    assert "the connection was lost and is back" in watching.lines
    assert not any("given up" in line for line in watching.lines)


def test_a_report_survives_a_lost_connection(server, tmp_path, watching):
    offer(server)

    def take_over() -> None:
        with RawClient(server) as other:
            other.connect("dev1")

    watching.acts["the image is good"] = take_over  # the next thing is the report `ready` at QoS 1
    assert station(server, tmp_path, watching).run(once=True) is Outcome.SUCCEEDED
    assert status(server)[1] == {"reason": "accepted  v0.9.1", "updatedBy": "  v0.9.0"}


def test_a_failed_job_ends_once_and_says_why_in_words(server, tmp_path, watching):
    offer(server, document(NEW, **{"sig-sha256-ecdsa": ecdsa("other").sign(NEW)}))
    assert station(server, tmp_path, watching).run(once=True) is Outcome.FAILED
    assert watching.lines[-1] == "job job-1: FAILED, 0x000000e3: 0x00000000 (signature check failed)"
    assert status(server) == ("FAILED", {"reason": "0x000000e3: 0x00000000"})


@pytest.mark.parametrize(
    ("mark", "said"),
    [
        (CRASH, "the new image crashed"),
        (OFFLINE, "no connection in the self test, rebooting: the new image is like that"),
    ],
)
def test_an_image_that_cannot_confirm_itself_comes_back_as_the_old_one(server, tmp_path, watching, mark, said):
    bad = firmware(more=mark)
    server.run(lambda: server.catalog.put("bad", {0: MemoryImage(bad)}))
    offer(server, document(bad, ota={"streamname": "bad"}))
    assert station(server, tmp_path, watching).run(once=True) is Outcome.FAILED
    assert watching.lines[-4:] == [
        "boots v0.9.1 from slot-b, on trial",
        said,
        "boots v0.9.0 from slot-a",
        f"job job-1: FAILED, {MISMATCH} ({words(MISMATCH)})",
    ]


def test_after_a_rejection_the_old_image_is_booted_before_the_end(server, tmp_path, watching):
    same = firmware("0.9.0")
    server.run(lambda: server.catalog.put("same", {0: MemoryImage(same)}))
    offer(server, document(same, ota={"streamname": "same"}))
    assert station(server, tmp_path, watching).run(once=True) is Outcome.FAILED
    assert watching.lines[-1] == "boots v0.9.0 from slot-a"


def test_a_job_it_says_nothing_about_ends_once(server, tmp_path, watching):
    offer(server, document(NEW, filesize=0))
    assert station(server, tmp_path, watching).run(once=True) is Outcome.IGNORED
    assert status(server)[0] == "QUEUED"


def test_a_device_whose_reports_are_refused_for_ever_gives_up(server, tmp_path, watching, monkeypatch):
    """It knows the job's versions by heart; an operator has raised one."""
    monkeypatch.setattr(station_module, "BOOTS_MAX", 3)
    offer(server)

    def raise_the_version() -> None:
        with RawClient(server) as operator:
            operator.connect("operator")
            operator.publish("$aws/things/dev1/jobs/job-1/update", b'{"status":"IN_PROGRESS"}', qos=1)
            operator.until_ping()

    watching.acts["all "] = raise_the_version
    with pytest.raises(DeviceError, match="3 boots, and no job has ended"):
        station(server, tmp_path, watching, FLAVOURS["modular-json"]).run(once=True)
    assert any("xpected version 2" in (record.failure or "") for record in server.records)


def test_an_agent_that_stops_ends_the_run(server, tmp_path, watching):
    offer(server, document(NEW, ota={"streamname": ""}))  # the broker sends nothing to such a request
    impatient = replace(FREERTOS, retry_after=0.01, unanswered_max=3)
    assert station(server, tmp_path, watching, impatient).run() is Outcome.FAILED
    assert watching.lines[-1].startswith("the agent has stopped")
    assert status(server) == ("FAILED", {"reason": "aborted: 0x00000000"})


def test_without_a_broker_there_is_one_line(tmp_path, watching):
    with serving() as server:
        address = server
    with pytest.raises(DeviceError, match="nobody listens on "):
        station(address, tmp_path, watching).run()


def test_a_new_image_that_cannot_connect_is_rolled_back(server, tmp_path, watching, monkeypatch):
    # RollbackIfUnableToConnectAfterUpdate
    monkeypatch.setattr(station_module, "_PAUSE", 0.0)
    offer(server)
    it = station(server, tmp_path, watching, replace(FREERTOS, self_test_limit=0.05))
    ports = {"boots v0.9.1 from slot-b, on trial": 1}  # nobody listens there

    def connect(_attempts: int) -> Link:
        return Link(server.host, ports.get(watching.lines[-1], server.port), "dev1", QUICK)

    it._connect = connect
    assert it.run(once=True) is Outcome.FAILED
    assert any(
        line.startswith("no connection in the self test, rebooting: nobody listens on") for line in watching.lines
    )
    assert status(server) == ("FAILED", {"reason": MISMATCH})


def test_a_thing_name_that_is_none_is_refused(server, tmp_path, watching):
    with pytest.raises(DeviceError, match=r"^thing name 'a b': use 1 to 128 of "):
        station(server, tmp_path, watching, thing="a b")


# Certificates in a folder


def test_certificates_are_held_under_their_names(tmp_path):
    place = tmp_path / CERTIFICATES / "certs"
    place.mkdir(parents=True)
    (place / "signer.pem").write_bytes(ecdsa().pem)
    certificates = held(tmp_path)
    assert len(certificates.find("/certs/signer.pem")) == 1
    assert certificates.find("signer.pem") == []


def test_without_a_folder_there_are_none(tmp_path):
    assert held(tmp_path).find("signer.pem") == []
    assert len(held(tmp_path, ecdsa().pem).find("signer.pem")) == 1


def test_a_certificate_that_cannot_be_read_is_said(tmp_path, monkeypatch):
    (tmp_path / CERTIFICATES).mkdir()
    (tmp_path / CERTIFICATES / "x").write_bytes(b"")

    def refuse(_path):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.read_bytes", refuse)
    with pytest.raises(FlashError, match="cannot be read: Permission denied"):
        held(tmp_path)
