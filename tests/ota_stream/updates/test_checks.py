"""Which requests are refused, each with its reason, before anything is made."""

import pytest
from msgspec.structs import replace

from ota_stream.errors import ControlError
from ota_stream.jobs.configs import AbortCriterion, ExponentialRate, RateIncreaseCriteria, RolloutConfig, TimeoutConfig
from ota_stream.signing.damage import Damage
from ota_stream.updates import messages as m
from ota_stream.updates.checks import check
from ota_stream.updates.options import UpdateOptions
from ota_stream.updates.orders import DAMAGE


def refused(request, match, **options):
    with pytest.raises(ControlError, match=match) as error:
        check(request, UpdateOptions(**options))
    assert (error.value.name, error.value.status) == ("InvalidRequestException", 400)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"ota_update_id": ""}, "otaUpdateId"),  # OU-10
        ({"ota_update_id": "x" * 129}, "otaUpdateId"),
        ({"ota_update_id": "with.dot"}, "otaUpdateId"),
        ({"description": "x" * 2029}, "description"),  # OU-11
        ({"targets": ()}, "target"),  # OU-12
        ({"targets": ("lock-1",)}, "Target 'lock-1'"),
        ({"protocols": ()}, "protocols"),  # OU-13
        ({"protocols": ("MQTT", "MQTT")}, "protocols"),
        ({"target_selection": "ALL"}, "targetSelection"),  # OU-14
        ({"aws_job_executions_rollout_config": RolloutConfig(0)}, "maximumPerMinute"),  # OU-15
        ({"aws_job_executions_rollout_config": RolloutConfig(1001)}, "maximumPerMinute"),
        (
            {
                "aws_job_executions_rollout_config": RolloutConfig(
                    None, ExponentialRate(5, 6.0, RateIncreaseCriteria(1))
                )
            },
            "incrementFactor",
        ),
        ({"aws_job_presigned_url_config": m.PresignedUrlConfig(59)}, "expiresInSec"),  # OU-16
        ({"aws_job_presigned_url_config": m.PresignedUrlConfig(3601)}, "expiresInSec"),
        ({"aws_job_abort_config": m.JobAbortConfig((AbortCriterion("ALL", 101, 1),))}, "thresholdPercentage"),  # OU-17
        ({"aws_job_timeout_config": TimeoutConfig(10_081)}, "inProgressTimeoutInMinutes"),  # OU-17
        ({"files": ()}, "1 to 10 files, not 0"),  # OU-18
        ({"role_arn": "x" * 19}, "roleArn"),  # OU-20
        ({"role_arn": "x" * 2049}, "roleArn"),
        ({"additional_parameters": {DAMAGE: "rust"}}, "signature damage 'rust'"),
    ],
)
def test_a_request_outside_the_rules_is_refused(world, changes, message):
    request = world.asked("u", world.file(world.an_object()))
    check(request, UpdateOptions())
    refused(replace(request, **changes), message)


def test_eleven_files_are_too_many(world):
    """OD-14."""
    file = world.file(world.an_object())
    check(world.asked("u", *[file] * 10), UpdateOptions())
    refused(world.asked("u", *[file] * 11), "not 11")


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda w: w.file(w.an_object(), file_type=256), "fileType"),
        (lambda w: w.file(w.an_object(), file_type=-1), "fileType"),
        (lambda w: w.file(w.an_object(), attributes={"a": "x" * 4097}), "4096 characters"),
        (lambda w: w.file(m.FileLocation(m.StreamLocation("s"), m.S3Location("b", "k"))), "not both"),
        (lambda w: w.file(), "left out only with an awsSignerJobId"),
        (lambda w: w.file(None, w.CUSTOM), "left out only with an awsSignerJobId"),
        (lambda w: w.file(m.FileLocation(s3_location=m.S3Location("", "k"))), "name a bucket and a key"),
        (lambda w: w.file(m.FileLocation(s3_location=m.S3Location("b", ""))), "name a bucket and a key"),
        (lambda w: w.file(m.FileLocation(m.StreamLocation("a.b"))), "streamId"),
        (lambda w: w.file(w.an_object(), replace(w.START_NEW, aws_signer_job_id="j")), "give one of"),
        (lambda w: w.file(w.an_object(), replace(w.CUSTOM, aws_signer_job_id="j")), "give one of"),
        (lambda w: w.file(w.a_stream(), w.START_NEW), "needs the image in an s3Location"),
        (lambda w: start(w, signing_profile_name=None), "name a signing profile"),
        (lambda w: start(w, signing_profile_parameter=m.SigningProfileParameter("arn")), "a new profile needs"),
        (
            lambda w: start(w, signing_profile_parameter=m.SigningProfileParameter("arn", "Toaster", "cert")),
            "no signing platform 'Toaster'",
        ),
        (lambda w: custom(w, signature=None), "needs an inlineDocument"),
        (lambda w: custom(w, signature=m.InlineSignature(b"")), "needs an inlineDocument"),
        (lambda w: custom(w, signature=m.InlineSignature(b"TEST")), "neither DER nor RSA"),
        (lambda w: custom(w, hash_algorithm=None), "use SHA256 or SHA1"),
        (lambda w: custom(w, signature_algorithm="DSA"), "use SHA256 or SHA1"),
    ],
)
def test_a_file_outside_the_rules_is_refused(world, build, message):
    """OU-18, OU-19, OU-23."""
    refused(world.asked("u", build(world)), message)


def start(world, **changes):
    parameter = replace(world.START_NEW.start_signing_job_parameter, **changes)
    return world.file(world.an_object(), m.CodeSigning(start_signing_job_parameter=parameter))


def custom(world, **changes):
    signing = replace(world.CUSTOM.custom_code_signing, **changes)
    return world.file(world.an_object(), m.CodeSigning(custom_code_signing=signing))


def test_the_files_of_an_update_share_one_stream(world):
    """OD-2: the document has one streamname."""
    one, other = (world.file(m.FileLocation(m.StreamLocation("one", number))) for number in (0, 1))
    check(world.asked("u", one, other), UpdateOptions())
    refused(world.asked("u", one, one), "same file id")
    refused(world.asked("u", one, world.file(m.FileLocation(m.StreamLocation("two")))), "in one stream")
    refused(world.asked("u", one, world.file(world.an_object())), "in one stream")


def test_http_needs_an_object_to_point_to(world):
    """OD-8."""
    request = world.asked("u", world.file(world.a_stream()), protocols=("MQTT", "HTTP"))
    refused(request, "HTTP needs the image in an s3Location")
    signed = world.file(m.FileLocation(m.StreamLocation("callers", 3)), m.CodeSigning("job"))
    check(world.asked("u", signed, protocols=("HTTP",)), UpdateOptions())


@pytest.mark.parametrize("how", Damage)
def test_a_damage_can_be_asked_for(world, how):
    wanted = {DAMAGE: how.value}
    check(
        world.asked("u", world.file(world.an_object(), world.START_NEW), additional_parameters=wanted), UpdateOptions()
    )


def test_another_key_cannot_sign_what_is_signed_already(world):
    request = world.asked("u", world.file(world.an_object(), world.CUSTOM))
    refused(replace(request, additional_parameters={DAMAGE: "wrong-key"}), "only a startSigningJobParameter")


def test_a_strange_signature_is_sent_where_that_is_asked_for(world):
    """Seen live: the service does not look into a custom signature."""
    request = world.asked("u", custom(world, signature=m.InlineSignature(b"TEST")))
    check(request, UpdateOptions(strange_signature="send"))
