"""Device and cloud in memory, from the job to its end: fault matrices, lossy wires, a power cut at every write."""

import base64

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from device_world import CERTIFICATE, SIZE, STREAM, CuttableStorage, World, document, ecdsa, firmware, rsa_signer
from images import image_bytes
from ota_device.flavours import FLAVOURS, FREERTOS, MODULAR_CBOR, MODULAR_JSON, RUSTOT
from ota_device.image import CRASH
from ota_device.station import FIRST_VERSION, factory_image
from ota_stream.jobs.executions import Status
from ota_stream.streams.codec import CODECS
from ota_stream.streams.topics import Format
from ota_stream.testing.wire import LossyWire

SIGNATURE = "sig-sha256-ecdsa"
OLD, NEW = factory_image(FIRST_VERSION), firmware()
EVERY = pytest.mark.parametrize("flavour", FLAVOURS.values(), ids=FLAVOURS)
CBOR = CODECS[Format.CBOR]


def updated(doc=None, *, flavour=FREERTOS, image: bytes = NEW, stream: bytes | None = None, tamper=None) -> World:
    """Return a world in which one job has run its course."""
    world = World(flavour)
    if tamper:
        world.tamper = tamper
    world.offer(image, doc=doc, stream=stream)
    world.run_job()
    return world


@EVERY
def test_every_flavour_updates_itself_in_two_boots(flavour):
    world = updated(flavour=flavour)
    assert world.execution()[0] is Status.SUCCEEDED
    assert [(booted.slot, booted.testing) for booted in world.boots] == [("slot-a", False), ("slot-b", True)]
    assert world.images == [OLD, NEW]
    assert world.said[-1] == "job job-1: SUCCEEDED, v0.9.1"


def test_the_freertos_agent_follows_the_reference_trace():  # 4.4, device-agents 3.1
    world = updated()
    jobs, stream = "$aws/things/dev1/jobs", f"$aws/things/dev1/streams/{STREAM}/get/cbor"
    assert world.sent == [
        (f"{jobs}/$next/get", b'{"clientToken":":dev1"}', 1),
        (stream, bytes.fromhex("a6616363726479616600616c191000616f00616242ff7f616e08"), 0),
        (f"{jobs}/job-1/update", b'{"status":"IN_PROGRESS","statusDetails":{"receive":"1/15"}}', 0),
        (stream, bytes.fromhex("a6616363726479616600616c191000616f00616242007f616e08"), 0),
        (
            f"{jobs}/job-1/update",
            b'{"status":"IN_PROGRESS","statusDetails":{"self_test":"ready","updatedBy":"0x00090000"}}',
            1,
        ),
        (f"{jobs}/$next/get", b'{"clientToken":":dev1"}', 1),
        (
            f"{jobs}/job-1/update",
            b'{"status":"IN_PROGRESS","statusDetails":{"self_test":"active","updatedBy":"0x00090001"}}',
            1,
        ),
        (
            f"{jobs}/job-1/update",
            b'{"status":"SUCCEEDED","statusDetails":{"reason":"accepted  v0.9.1","updatedBy":"  v0.9.0"}}',
            1,
        ),
    ]


# device-agents 6.4: job document variants


@pytest.mark.parametrize(
    ("doc", "reason", "requests"),
    [
        pytest.param(document(NEW, drop=("filepath",)), "aborted: 0xe4000015", 0, id="no filepath"),
        pytest.param(document(NEW, drop=("certfile",)), "0x000000e7: 0x00000000", 2, id="no certfile"),
        pytest.param(document(NEW, certfile="other.pem"), "0x000000e7: 0x00000000", 2, id="certfile not held"),
        pytest.param(document(NEW, drop=(SIGNATURE,)), "0x000000e3: 0x00000000", 2, id="no signature"),
        pytest.param(
            document(NEW, **{SIGNATURE: ecdsa().sign(OLD)}), "0x000000e3: 0x00000000", 2, id="wrong signature"
        ),
        pytest.param(
            document(NEW, **{SIGNATURE: ecdsa("other").sign(NEW)}), "0x000000e3: 0x00000000", 2, id="another key"
        ),
        pytest.param(
            document(NEW, drop=(SIGNATURE,), **{"sig-sha1-rsa": ecdsa().sign(NEW)}),
            "0x000000e3: 0x00000000",
            2,
            id="another algorithm",
        ),
        pytest.param(document(NEW, **{SIGNATURE: "?"}), "0x0000000c: 0x00000004", 0, id="signature not base64"),
        pytest.param(document(NEW, drop=("filesize",)), "0x0000000c: 0x00000004", 0, id="no filesize"),
        pytest.param({"afr_ota": {"files": []}}, "0x0000000c: 0x00000004", 0, id="no protocols"),
        pytest.param({"custom": 1}, "0x0000000c: 0x00000004", 0, id="custom document"),
        pytest.param(document(NEW, filesize=SIZE - 1), "0x000000e0: 0x00000000", 2, id="filesize too small"),
        pytest.param(document(NEW, filesize=SIZE + 1), "0x000000e0: 0x00000000", 2, id="filesize too large"),
        pytest.param(document(NEW, ota={"protocols": ["HTTP"]}), "aborted: 0x0000000d", 0, id="only HTTP"),
    ],
)
def test_a_document_fails_the_job_with_the_reason_of_the_matrix(doc, reason, requests):
    world = updated(doc)
    assert world.execution() == (Status.FAILED, {"reason": reason})
    assert len(world.published(f"streams/{STREAM}/get/cbor")) == requests
    assert len(world.boots) == 1
    assert world.machine is not None
    assert not world.machine.over  # the next job will do
    good = firmware("0.9.8")
    world.offer(good, "job-2", document(good, ota={"streamname": "good"}))
    assert world.run_job("job-2")[0] is Status.SUCCEEDED


@pytest.mark.parametrize("size", [0, 4 * 1024 * 1024 + 1])
def test_a_size_it_cannot_take_is_not_even_reported(size):
    world = World()
    world.offer(NEW, doc=document(NEW, filesize=size))
    world.run()
    assert world.execution() == (Status.QUEUED, {})
    assert world.published("jobs/job-1/update") == []
    assert world.said[-1].startswith("job: IGNORED, job job-1: ")


def test_a_silent_job_that_is_offered_again_and_again_is_said_once():
    world = World(MODULAR_JSON)
    world.offer(NEW, doc=document(NEW, filesize=0))
    world.run(lambda: len(world.published("jobs/start-next")) == 5)
    assert sum("IGNORED" in line for line in world.said) == 1


def test_without_a_stream_name_it_asks_under_an_empty_level():
    world = World()
    world.offer(NEW, doc=document(NEW, ota={"streamname": ""}), stream=NEW)
    world.run_job()
    assert world.published("streams//get/cbor")
    assert world.execution() == (Status.FAILED, {"reason": "aborted: 0x00000000"})


@pytest.mark.parametrize("protocols", [["MQTT", "HTTP"], ["HTTP", "MQTT"]])
def test_of_two_protocols_it_takes_its_own(protocols):
    assert updated(document(NEW, ota={"protocols": protocols})).execution()[0] is Status.SUCCEEDED


def test_a_file_that_is_no_firmware_needs_no_self_test():
    world = updated(document(NEW, fileType=202))
    assert world.execution() == (Status.SUCCEEDED, {"reason": "accepted  v0.0.202", "updatedBy": "  v0.9.0"})
    assert len(world.boots) == 1


@pytest.mark.parametrize(("version", "code"), [("0.9.0", "10"), ("0.8.9", "0f")])
def test_a_version_that_is_not_higher_is_rejected_and_the_old_image_returns(
    version, code
):  # SameVersion, PreviousVersion
    world = updated(image=firmware(version))
    assert world.execution() == (Status.FAILED, {"reason": f"rejected: 0x000000{code}"})
    assert world.images == [OLD, firmware(version), OLD]


def test_an_image_without_a_version_counts_as_one_build_newer():
    world = updated(image=image_bytes(SIZE))
    assert world.execution() == (Status.SUCCEEDED, {"reason": "accepted  v0.9.1", "updatedBy": "  v0.9.0"})


def test_an_image_that_crashes_is_rolled_back_and_reported():  # ImageCrashed
    world = updated(image=firmware("0.9.1", more=CRASH))
    assert world.execution() == (Status.FAILED, {"reason": "rejected: 0x00000011"})
    assert world.images[-1] == OLD


def test_a_single_byte_does_not_succeed():  # SingleByteImage
    assert updated(image=b"x").execution()[0] is Status.FAILED


@pytest.mark.parametrize("flavour", [FREERTOS, RUSTOT])
def test_an_rsa_signature_is_as_good(flavour):
    doc = document(NEW, drop=(SIGNATURE,), certfile="rsa.pem", **{"sig-sha256-rsa": rsa_signer().sign(NEW)})
    world = World(flavour)
    world.certificates._named["rsa.pem"] = rsa_signer().pem
    world.offer(NEW, doc=doc)
    assert world.run_job()[0] is Status.SUCCEEDED


# device-agents 6.3: the wire


def test_one_byte_of_a_block_changed_ends_with_the_signature():  # CorruptImageAfterSigning
    corrupt = bytearray(NEW)
    corrupt[30_000] ^= 1
    assert updated(stream=bytes(corrupt)).execution() == (Status.FAILED, {"reason": "0x000000e3: 0x00000000"})


def test_silent_streams_are_given_up_after_32_requests_and_the_agent_stops():
    world = updated(tamper=lambda _topic, _payload: None)
    assert world.execution() == (Status.FAILED, {"reason": "aborted: 0x00000000"})
    assert len(world.published(f"streams/{STREAM}/get/cbor")) == 32
    assert world.machine is not None
    assert world.machine.stopped


@pytest.mark.parametrize(("flavour", "requests"), [(MODULAR_JSON, 32), (MODULAR_CBOR, 32), (RUSTOT, 3)])
def test_the_other_flavours_give_up_as_well_and_wait_for_the_next_job(flavour, requests):
    world = updated(flavour=flavour, tamper=lambda _topic, _payload: None)
    assert world.execution()[0] is Status.FAILED
    assert len(world.published(f"streams/{STREAM}/get/{flavour.format}")) == requests
    assert world.machine is not None
    assert not world.machine.over


def test_blocks_lost_once_cost_two_pauses():  # 6.3: blocks 3, 9, 14
    lost = {3, 9, 14}

    def lose(_topic: str, payload: bytes) -> bytes | None:
        block_id = CBOR.decode_block(payload).block_id
        if block_id not in lost:
            return payload
        lost.discard(block_id)
        return None

    world = updated(tamper=lose)
    assert world.execution()[0] is Status.SUCCEEDED
    assert world.wire.now == 20.0


def test_a_stream_that_is_gone_in_mid_download_fails_the_job():
    world = World()
    world.offer(NEW)
    world.run(lambda: bool(world.bars))
    world.catalog.delete(STREAM)
    assert world.run_job() == (Status.FAILED, {"reason": "0x000000e0: 0x00000000"})
    assert "the cloud sends no blocks: ResourceNotFound: The requested stream was not found" in world.said


@given(
    wire=st.builds(
        LossyWire, st.integers(0, 2**32), loss=st.floats(0, 0.4), twice=st.floats(0, 0.5), delay_max=st.floats(0, 5)
    ),
    flavour=st.sampled_from([FREERTOS, MODULAR_JSON, MODULAR_CBOR]),
)
@settings(max_examples=40)
def test_over_a_wire_that_loses_doubles_and_delays_blocks_the_update_succeeds(wire, flavour):
    world = World(flavour, wire=wire)
    world.offer(NEW)
    assert world.run_job()[0] is Status.SUCCEEDED
    assert world.images[-1] == NEW


# Power cuts


def after_cuts(cuts: tuple[int, ...], seed: int, flavour=FREERTOS) -> World:
    """Run a job on a device that loses its power at these writes; what it boots is a whole image, always."""
    world = World(flavour, CuttableStorage(cuts, seed))
    world.offer(NEW)
    world.run_job()
    assert set(world.images) <= {OLD, NEW}
    status, _ = world.execution()
    # The verdict and the running image agree, and only a cut in the self test can spoil the update.
    assert status is (Status.SUCCEEDED if world.images[-1] == NEW else Status.FAILED)
    assert status is Status.SUCCEEDED or any(b'"testing"' in record for record in world.records_at_cuts)
    return world


def writes_of(flavour) -> int:
    world = World(flavour)
    world.offer(NEW)
    world.run_job()
    return world.storage.writes


@pytest.mark.parametrize("cut", range(1, writes_of(FREERTOS) + 1))
def test_at_every_write_a_power_cut_ends_with_the_new_image(cut):
    for seed in range(6):
        world = after_cuts((cut,), seed)
        if world.execution()[0] is Status.FAILED:
            assert world.execution()[1] == {"reason": "rejected: 0x00000011"}
            world.offer(NEW, "job-2")
            assert world.run_job("job-2")[0] is Status.SUCCEEDED
        assert world.images[-1] == NEW


@given(
    cuts=st.lists(st.integers(1, 60), max_size=6).map(tuple),
    seed=st.integers(0, 2**32),
    flavour=st.sampled_from([FREERTOS, MODULAR_JSON, MODULAR_CBOR]),
)
@example(cuts=(1, 1, 1, 1, 1, 1), seed=0, flavour=FREERTOS)
@settings(max_examples=150)
def test_after_any_number_of_power_cuts_the_new_image_runs_at_last(cuts, seed, flavour):
    world = after_cuts(cuts, seed, flavour)
    number = 1
    while world.execution(f"job-{number}")[0] is Status.FAILED:
        number += 1
        world.offer(NEW, f"job-{number}")
        world.run_job(f"job-{number}")
        assert number <= 2 + len(cuts)
    assert set(world.images) == {OLD, NEW}
    assert world.images[-1] == NEW


def test_a_download_goes_on_after_a_power_cut():
    world = World(storage=CuttableStorage((45,), seed=1))
    big = firmware(size=4096 * 40)
    world.offer(big, doc=document(big))
    assert world.run_job()[0] is Status.SUCCEEDED
    assert any("blocks are here from before" in line for line in world.said)
    assert len(world.bars) < 80


def test_between_accepting_and_reporting_a_power_cut_does_no_harm():  # section 10, 6
    accepting = writes_of(FREERTOS) - 1  # the last but one: after it only `reported` is written
    worlds = [after_cuts((accepting,), seed) for seed in range(20)]
    cut_between = [world for world in worlds if b'"accepted"' in world.records_at_cuts[0]]
    assert cut_between
    for world in cut_between:
        assert world.execution() == (Status.SUCCEEDED, {"reason": "accepted  v0.9.1", "updatedBy": "  v0.9.0"})
        assert [booted.testing for booted in world.boots] == [False, True, False]


def test_the_certificate_of_the_tests_is_what_the_document_names():
    assert document(NEW)["afr_ota"]["files"][0]["certfile"] == CERTIFICATE
    assert base64.b64decode(document(NEW)["afr_ota"]["files"][0][SIGNATURE])
