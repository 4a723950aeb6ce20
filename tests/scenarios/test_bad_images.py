"""The negative scenarios of AWS's own end-to-end tests: what the device must not accept, and does not."""

import json

import pytest

from device_world import firmware
from images import image_bytes
from ota_device.image import CRASH
from ota_stream.jobs.executions import Status
from scenario_world import (
    BLOCKS,
    CREATION,
    DESCRIBE,
    ENDED,
    NEW,
    OLD,
    UPDATE,
    Stage,
    failures,
    names,
    signed_before,
    story,
    why,
)

SIGNATURE_FAILED = "signature check failed"
NOT_STARTED = "rejected: the job is in self test, the device is not: the new image did not come up"
DOWNLOADED = [DESCRIBE, BLOCKS, UPDATE, BLOCKS, UPDATE]


def refused(stage: Stage, reason: str, tried: tuple[bytes, ...] = ()) -> None:
    """Play an update to its end: it fails for this reason, the old image runs, and the next update is welcome."""
    execution = stage.ended()
    assert (execution.status, why(execution)) == (Status.FAILED, reason)
    assert tuple(stage.images) == (OLD, *tried, OLD)[: 2 * len(tried) + 1]
    assert stage.runs == OLD
    assert names(stage.records).count(ENDED) == 1
    assert failures(stage.records) == [], "the cloud refused nothing"
    assert stage.ended(stage.update(firmware("1.0.0"), "next")).status is Status.SUCCEEDED


def file_of(stage: Stage) -> dict[str, object]:
    """Return the file in the job document of the update."""
    (file,) = json.loads(stage.control.job("AFR_OTA-u1").spec.document)["afr_ota"]["files"]
    return file


# Versions


def test_the_running_version_is_rejected_in_the_self_test():
    """SameVersion."""
    stage, same = Stage(), firmware("0.9.0")
    stage.update(same)
    refused(stage, "rejected: the new image has the same version as the old one", (same,))


def test_a_lower_version_is_rejected_in_the_self_test():
    """PreviousVersion."""
    stage, lower = Stage(), firmware("0.8.9")
    stage.update(lower)
    refused(stage, "rejected: the new image has a lower version than the old one", (lower,))


# Signatures


def test_an_unsigned_image_is_refused():
    """UnsignedImage."""
    stage = Stage()
    stage.update(damage="unsigned")
    assert file_of(stage)["sig--"] is None  # OD-11
    # Without the name of a certificate the agent fails before it looks for a signature (device-agents 6.4).
    refused(stage, "the device does not hold the signer's certificate")
    assert story(stage.records)[: len(CREATION) + len(DOWNLOADED)] == [*CREATION, *DOWNLOADED]


def test_an_image_signed_by_another_key_is_refused():
    """UntrustedCertificate."""
    stage = Stage()
    stage.update(damage="wrong-key")
    refused(stage, SIGNATURE_FAILED)


def test_a_signature_under_the_name_of_another_algorithm_is_refused():
    """IncorrectSigningAlgorithm, IncorrectPlatform."""
    stage = Stage()
    stage.update(damage="wrong-algorithm")
    assert {key for key in file_of(stage) if key.startswith("sig-")} == {"sig-sha1-rsa"}
    refused(stage, SIGNATURE_FAILED)


def test_a_corrupted_signature_is_refused():
    """CorruptSignature."""
    stage = Stage()
    stage.update(damage="corrupted")
    refused(stage, SIGNATURE_FAILED)


def test_an_image_altered_after_it_was_signed_is_refused():
    """CorruptImageAfterSigning."""
    stage = Stage()
    altered = bytes((*NEW[:30_000], NEW[30_000] ^ 1, *NEW[30_001:]))
    stage.update(altered, signing=signed_before(NEW))
    refused(stage, SIGNATURE_FAILED)


# Images


def test_well_signed_rubbish_does_not_succeed():
    """CorruptImageBeforeSigning."""
    stage, rubbish = Stage(), image_bytes(50_000, "rubbish") + CRASH
    stage.update(rubbish)
    refused(stage, NOT_STARTED, (rubbish,))


def test_a_single_byte_does_not_succeed():
    """SingleByteImage."""
    stage = Stage()
    stage.update(b"\x00")
    execution = stage.ended()
    assert (execution.status, why(execution)) == (Status.FAILED, NOT_STARTED)
    assert stage.bars == [(1, 1)], "one block of one byte"
    assert stage.images == [OLD, b"\x00", OLD]
    assert stage.requests == 1
    assert failures(stage.records) == []


def test_a_job_without_a_file_name_is_refused_before_the_download():
    """MissingFilename."""
    stage = Stage()
    stage.update(file_name=None)
    assert "filepath" not in file_of(stage)
    execution = stage.ended()
    assert execution.details == {"reason": "aborted: 0xe4000015"}
    assert why(execution) == "aborted: the file cannot be created on the device"
    assert (stage.requests, stage.images) == (0, [OLD])
    refused(stage, why(execution))


# Self test


def test_an_image_that_crashes_is_rolled_back_and_reported():
    """ImageCrashed."""
    stage, crashing = Stage(), firmware("0.9.1", more=CRASH)
    stage.update(crashing)
    stage.run(lambda: stage.machine is not None and stage.machine.reboots)
    assert stage.of().details == {"self_test": "ready", "updatedBy": "0x00090000"}
    refused(stage, NOT_STARTED, (crashing,))


def test_an_image_that_cannot_connect_is_rolled_back_and_reported():
    """RollbackIfUnableToConnectAfterUpdate, IncorrectWifiPassword."""
    stage = Stage()
    job_id = stage.update()
    stage.run(lambda: stage.machine is not None and stage.machine.reboots)
    stage.connected = False
    told = len(stage.records)
    stage.boot()
    assert stage.runs == NEW
    stage.run(lambda: stage.machine is not None and stage.machine.reboots)
    assert (stage.of(job_id).status, stage.of(job_id).details["self_test"]) == (Status.IN_PROGRESS, "ready")
    assert len(stage.records) == told, "nothing was heard of it"
    stage.connected = True
    refused(stage, NOT_STARTED, (NEW,))


@pytest.mark.parametrize("damage", ["wrong-key", "corrupted", "wrong-algorithm"])
def test_a_refused_signature_is_a_number_on_the_wire(damage):
    """The text on the wire of UntrustedCertificate, CorruptSignature and IncorrectSigningAlgorithm."""
    stage = Stage()
    stage.update(damage=damage)
    assert stage.ended().details == {"reason": "0x000000e3: 0x00000000"}
