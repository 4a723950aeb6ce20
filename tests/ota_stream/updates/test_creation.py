"""How an OTA update comes about: every documented input, every step, and what each one leaves."""

import base64
import json

import pytest
from msgspec.structs import replace

from ota_stream.answers import Audience, Effect
from ota_stream.jobs.configs import AbortConfig, AbortCriterion, PresignedUrlConfig, RolloutConfig, TimeoutConfig
from ota_stream.records import Action, JobCountRecord, UpdateRecord
from ota_stream.signing.platforms import Algorithm, KeyKind
from ota_stream.signing.signatures import verify
from ota_stream.updates import messages as m
from ota_stream.updates.orders import DAMAGE
from ota_stream.updates.states import UpdateStatus

SIGN = Action.START_CODE_SIGNING
STREAM = Action.CREATE_STREAM
JOB = Action.CREATE_AWS_JOB
DONE = Action.CREATE_OTA_UPDATE
DELETE = Action.DELETE_OTA_UPDATE


# The six documented inputs, and the unsigned ones

INPUTS = [  # OU-23: name, location and signing, records, stream, certfile
    ("stream and signing job", lambda w: (w.a_stream(), w.a_signing_job()), [JOB, DONE], "callers", "Code Verify Key"),
    ("stream and custom signature", lambda w: (w.a_stream(), w.CUSTOM), [JOB, DONE], "callers", "custom.crt"),
    ("object, new profile", lambda w: (w.an_object(), w.START_NEW), [SIGN, STREAM, JOB, DONE], None, "Code Verify Key"),
    (
        "object, existing profile",
        lambda w: (w.a_signing_job() and w.an_object(), w.START_EXISTING),
        [SIGN, STREAM, JOB, DONE],
        None,
        "Code Verify Key",
    ),
    ("signing job alone", lambda w: (None, w.a_signing_job()), [STREAM, JOB, DONE], None, "Code Verify Key"),
    ("object and custom signature", lambda w: (w.an_object(), w.CUSTOM), [STREAM, JOB, DONE], None, "custom.crt"),
    (
        "object and signing job",
        lambda w: (w.an_object(), w.a_signing_job()),
        [STREAM, JOB, DONE],
        None,
        "Code Verify Key",
    ),
    ("object, unsigned", lambda w: (w.an_object(), None), [STREAM, JOB, DONE], None, None),
    ("stream, unsigned", lambda w: (w.a_stream(), None), [JOB, DONE], "callers", None),
]


@pytest.mark.parametrize(
    ("build", "expected", "stream", "certfile"), [row[1:] for row in INPUTS], ids=[r[0] for r in INPUTS]
)
def test_every_documented_input_becomes_an_update(world, build, expected, stream, certfile):
    """OU-23, OL-3, LR-1..LR-4."""
    update, records = world.create(world.asked("update-1", world.file(*build(world))))
    assert (update.status, update.error) == (UpdateStatus.CREATE_COMPLETE, None)
    assert world.actions(records) == expected
    assert update.job_id == "AFR_OTA-update-1"  # OL-5
    body = json.loads(world.document("update-1"))["afr_ota"]
    assert body["protocols"] == ["MQTT"]
    assert body["streamname"] == (stream or update.stream_id)
    file = body["files"][0]
    served = world.catalog.find(body["streamname"]).files[file["fileid"]]
    assert file["filesize"] == served.size == len(world.FIRMWARE)  # OD-4
    assert file["certfile"] == certfile  # OD-6
    assert served.image.read(0, served.size) == world.FIRMWARE
    if stream is None:
        assert update.stream_id.startswith("AFR_OTA-")  # OL-6
        assert len(update.stream_id) == 44  # OD-22
    else:
        assert update.stream_id is None
    if certfile is None:
        assert "sig--" in file  # OD-11
    elif certfile == "custom.crt":
        assert file["sig-sha256-ecdsa"] == base64.b64encode(world.DER).decode()
    else:
        certificate = world.keys.get_or_mint("arn:aws:acm:signer", KeyKind.ECDSA).certificate
        signature = base64.b64decode(file["sig-sha256-ecdsa"])
        assert verify(world.FIRMWARE, signature, certificate, Algorithm.SHA256_ECDSA)


# The steps


def test_each_state_can_be_seen_and_each_step_waits_for_its_time(world):
    """OL-1, OL-2, OL-3."""
    update, effect = world.service.create(world.asked("u", world.file(world.an_object(), world.START_NEW)), world.NOW)
    assert (update.status, update.job_id, update.stream_id) == (UpdateStatus.CREATE_PENDING, None, None)  # OU-22
    assert effect == Effect()
    assert world.service.on_time(world.NOW + 0.2) == Effect()
    seen = []
    while world.service.deadline() is not None:
        now, effect = world.step()
        update = world.service.get("u")
        assert update.modified_at == now
        seen.append((round(now - world.NOW, 3), update.status.value, world.actions(effect.records)))
    assert seen == [
        (0.25, "CREATE_IN_PROGRESS", [SIGN]),
        (0.5, "CREATE_IN_PROGRESS", []),
        (0.75, "CREATE_IN_PROGRESS", [STREAM]),
        (1.0, "CREATE_IN_PROGRESS", [JOB]),
        (1.25, "CREATE_COMPLETE", [DONE]),
    ]
    assert world.service.on_time(world.NOW + 1e6) == Effect()


def test_records_are_those_of_the_seed(make_world):
    """Section 7, E-1..E-4, with the ids of 2018 (G-18, OL-6)."""
    world = make_world(job_prefix="", stream_prefix="", pace=0.0)
    ota_update_id, stream_id = "08957b03-eea3-448a-87fe-743e6891ca3a", "6be2303d-3637-48f0-ace9-0b87b1b9a824"
    ids = iter(["signing-job", stream_id])
    world.new_id = lambda: next(ids)
    world.restart()
    at = 1_532_386_784.955
    world.service.create(world.asked(ota_update_id, world.file(world.an_object(), world.START_NEW)), at)
    assert world.run() == [
        UpdateRecord(at, SIGN, ota_update_id),
        UpdateRecord(at, STREAM, ota_update_id, stream_id=stream_id),
        UpdateRecord(at, JOB, ota_update_id, job_id=ota_update_id),
        UpdateRecord(at, DONE, ota_update_id),
    ]
    world.jobs.cancel_job(ota_update_id, at)
    deleted = world.service.delete(ota_update_id, delete_stream=False, force_delete_job=False, now=at + 9)
    assert deleted == Effect(records=(UpdateRecord(at + 9, DELETE, ota_update_id),))  # E-5


def test_the_job_has_what_was_asked_for_it(world):
    """OU-11..OU-17."""
    request = world.asked(
        "u",
        world.file(world.an_object()),
        description="Door lock",
        target_selection="CONTINUOUS",
        aws_job_executions_rollout_config=RolloutConfig(50),
        aws_job_abort_config=m.JobAbortConfig((AbortCriterion("ALL", 50, 2),)),
        aws_job_timeout_config=TimeoutConfig(5),
    )
    world.create(request)
    spec = world.jobs.job("AFR_OTA-u").spec
    assert (spec.targets, spec.description, spec.target_selection) == ((world.THING,), "Door lock", "CONTINUOUS")
    assert spec.job_executions_rollout_config == RolloutConfig(50)
    assert spec.abort_config == AbortConfig((AbortCriterion("ALL", 50, 2),))
    assert spec.timeout_config == TimeoutConfig(5)
    assert spec.presigned_url_config == PresignedUrlConfig(world.ROLE, 1800)  # OU-16


def test_the_device_is_told_when_the_job_is_made(world):
    """JNF: notify and notify-next come with the step that makes the job."""
    world.service.create(world.asked("u", world.file(world.an_object())), world.NOW)
    told = {}
    while world.service.deadline() is not None:
        _, effect = world.step()
        told[tuple(world.actions(effect.records))] = [(reply.topic, reply.to) for reply in effect.replies]
    assert told[JOB,] == [
        ("$aws/things/lock-1/jobs/notify", Audience.SUBSCRIBERS),
        ("$aws/things/lock-1/jobs/notify-next", Audience.SUBSCRIBERS),
    ]
    assert told[STREAM,] == told[DONE,] == []


def test_a_job_without_things_ends_at_once_and_its_record_follows_the_job_s(world):
    """OL-12."""
    world.a_group("empty")
    request = replace(
        world.asked("u", world.file(world.an_object())),
        targets=("arn:aws:iot:us-east-1:123456789012:thinggroup/empty",),
    )
    update, records = world.create(request)
    assert update.status is UpdateStatus.CREATE_COMPLETE
    at = world.NOW + 0.5
    assert records[1] == UpdateRecord(at, JOB, "u", job_id="AFR_OTA-u")
    assert (type(records[2]), records[2].at, records[2].job_id) == (JobCountRecord, at, "AFR_OTA-u")
    assert [records[0].action, records[3].action] == [STREAM, DONE]


def test_several_files_have_their_ids_in_the_order_of_the_request(world):
    """OD-5, OD-14; each signing job has its record."""
    files = [world.file(world.an_object(f"{n}.bin", bytes([n]) * (n + 1)), world.START_NEW, f"/{n}") for n in range(3)]
    update, records = world.create(world.asked("u", *files))
    assert world.actions(records) == [SIGN, SIGN, SIGN, STREAM, JOB, DONE]
    told = [(file["filepath"], file["filesize"], file["fileid"]) for file in world.files_of("u")]
    assert told == [("/0", 1, 0), ("/1", 2, 1), ("/2", 3, 2)]
    stream = world.catalog.find(update.stream_id)
    assert [file.image.read(0, 9) for file in stream.files.values()] == [b"\0", b"\1\1", b"\2\2\2"]
    assert len({file["sig-sha256-ecdsa"] for file in world.files_of("u")}) == 3


def test_the_signed_object_lands_under_a_guid_key_and_its_job_is_named(world):
    """OL-4, OL-10."""
    update, _ = world.create(world.asked("u", world.file(world.an_object(), world.START_NEW)))
    job_id = update.request.files[0].code_signing.aws_signer_job_id
    assert world.objects.versions["signed", f"SignedImages/{job_id}"] == [world.FIRMWARE]
    assert world.signing.describe_job(job_id).request.source.version == "1"


def test_without_a_destination_the_signed_object_goes_beside_the_image(world):
    start = replace(world.START_NEW.start_signing_job_parameter, destination=None)
    signing = m.CodeSigning(start_signing_job_parameter=start)
    update, _ = world.create(world.asked("u", world.file(world.an_object(), signing)))
    assert ("fw", update.request.files[0].code_signing.aws_signer_job_id) in world.objects.versions


def test_by_http_there_is_a_placeholder_and_no_stream(world):
    """OD-2, OD-8, OD-9, JC-24."""
    request = world.asked("u", world.file(world.an_object(), world.START_NEW), protocols=("HTTP",))
    update, records = world.create(request)
    assert world.actions(records) == [SIGN, JOB, DONE]
    assert update.stream_id is None
    assert "streamname" not in world.document("u")
    file = world.files_of("u")[0]
    key = f"SignedImages/{update.request.files[0].code_signing.aws_signer_job_id}"
    url = f"https://s3.us-east-1.amazonaws.com/signed/{key}"
    assert file["update_data_url"] == "${aws:iot:s3-presigned-url:" + url + "}"
    assert (file["auth_scheme"], file["filesize"]) == ("aws.s3.presigned", len(world.FIRMWARE))


def test_both_protocols_have_both(world):
    """Scenario DefaultDataProtocol."""
    request = world.asked("u", world.file(world.an_object(), world.CUSTOM), protocols=("MQTT", "HTTP"))
    update, _ = world.create(request)
    body = json.loads(world.document("u"))["afr_ota"]
    assert (body["protocols"], body["streamname"]) == (["MQTT", "HTTP"], update.stream_id)
    assert body["files"][0]["update_data_url"].endswith("/fw/firmware.bin}")


@pytest.mark.parametrize(
    ("damage", "key", "good"),
    [
        ("unsigned", "sig--", None),  # OD-11, UnsignedImage
        ("wrong-key", "sig-sha256-ecdsa", False),  # UntrustedCertificate
        ("corrupted", "sig-sha256-ecdsa", False),  # CorruptSignature
        ("wrong-algorithm", "sig-sha1-rsa", True),  # IncorrectSigningAlgorithm
    ],
)
def test_a_signature_is_spoilt_on_request(world, damage, key, good):
    request = world.asked(
        "u", world.file(world.an_object(), world.START_NEW), additional_parameters={DAMAGE: damage, "other": "x"}
    )
    update, _ = world.create(request)
    assert update.status is UpdateStatus.CREATE_COMPLETE
    file = world.files_of("u")[0]
    assert [name for name in file if name.startswith("sig-")] == [key]
    if good is None:
        assert (file[key], file["certfile"]) == (None, None)
    else:
        certificate = world.keys.get_or_mint("arn:aws:acm:signer", KeyKind.ECDSA).certificate
        signature = base64.b64decode(file[key])
        assert verify(world.FIRMWARE, signature, certificate, Algorithm.SHA256_ECDSA) is good
    assert DAMAGE not in world.document("u")  # OD-12


def test_a_custom_signature_without_a_certificate_has_no_certfile(world):
    custom = replace(world.CUSTOM.custom_code_signing, certificate_chain=None)
    world.create(world.asked("u", world.file(world.an_object(), m.CodeSigning(custom_code_signing=custom))))
    assert world.files_of("u")[0]["certfile"] is None


def test_a_strange_signature_is_sent_as_it_is_where_that_is_asked_for(make_world):
    world = make_world(strange_signature="send")
    custom = replace(world.CUSTOM.custom_code_signing, signature=m.InlineSignature(b"TEST"))
    world.create(world.asked("u", world.file(world.an_object(), m.CodeSigning(custom_code_signing=custom))))
    assert world.files_of("u")[0]["sig-sha256-ecdsa"] == "TEST"
    world.create(world.asked("v", world.file(world.an_object(), world.CUSTOM)))
    assert world.files_of("v")[0]["sig-sha256-ecdsa"] == base64.b64encode(world.DER).decode()
