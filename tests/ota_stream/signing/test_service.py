"""The code-signing service: profiles, and jobs that sign."""

import base64

import msgspec
import pytest
from msgspec.structs import replace

from ota_stream.errors import ControlError, OtaStreamError
from ota_stream.signing.damage import Damage
from ota_stream.signing.jobs import NEXT, Destination, ObjectVersion, SigningJob, SigningRequest, SigningStatus
from ota_stream.signing.platforms import Algorithm, KeyKind
from ota_stream.signing.profiles import ProfileStatus, SigningProfile
from ota_stream.signing.service import SigningService
from ota_stream.signing.signatures import verify

NOW = 1_700_000_000.0
IMAGE = b"firmware" * 100
PROFILE = SigningProfile("ecdsa", "AmazonFreeRTOS-Default", "arn:signer", "ecdsasigner.crt")
REQUEST = SigningRequest("ecdsa", ObjectVersion("fw", "image", "1"), Destination("signed", "SignedImages/"), "token")
OTHER = SigningRequest("ecdsa", REQUEST.source, REQUEST.destination, "other token")


class Shelf:
    """Where signed objects go."""

    def __init__(self):
        self.objects = {}

    def put(self, bucket, key, content):
        self.objects[bucket, key] = content
        return "v7"


def test_a_profile_put_is_found_and_listed(service):
    service.put_profile(PROFILE)
    service.put_profile(replace(PROFILE, name="another"))
    assert service.get_profile("ecdsa") == PROFILE
    assert [profile.name for profile in service.list_profiles()] == ["another", "ecdsa"]


def test_the_same_profile_again_changes_nothing_and_another_is_a_conflict(service):
    service.put_profile(PROFILE)
    assert service.put_profile(PROFILE) == PROFILE
    with pytest.raises(ControlError, match="exists with other settings") as refused:
        service.put_profile(replace(PROFILE, certificate_path="elsewhere"))
    assert (refused.value.name, refused.value.status) == ("ConflictException", 409)
    assert service.get_profile("ecdsa") == PROFILE


def test_a_canceled_profile_signs_no_more_and_its_name_stays_taken(service):
    service.put_profile(PROFILE)
    assert service.cancel_profile("ecdsa").status is ProfileStatus.CANCELED
    assert service.list_profiles() == []
    assert [profile.name for profile in service.list_profiles(canceled=True)] == ["ecdsa"]
    with pytest.raises(ControlError, match="is canceled"):
        service.start_signing_job(REQUEST, NOW)
    with pytest.raises(ControlError, match="other settings"):
        service.put_profile(PROFILE)


def test_what_is_not_there_is_not_found(service):
    for call in (
        lambda: service.get_profile("ghost"),
        lambda: service.cancel_profile("ghost"),
        lambda: service.certificate("ghost"),
        lambda: service.describe_job("ghost"),
        lambda: service.start_signing_job(REQUEST, NOW),
        lambda: service.fail_signing_job("ghost", "why", NOW),
    ):
        with pytest.raises(ControlError, match="there is no") as refused:
            call()
        assert (refused.value.name, refused.value.status) == ("ResourceNotFoundException", 404)


@pytest.mark.parametrize(
    ("platform", "algorithm", "signs_with"),
    [
        ("AmazonFreeRTOS-Default", None, Algorithm.SHA256_ECDSA),
        ("AmazonFreeRTOS-Default", Algorithm.SHA256_RSA, Algorithm.SHA256_RSA),
        ("AmazonFreeRTOS-TI-CC3220SF", None, Algorithm.SHA1_RSA),
    ],
)
def test_a_job_signs_with_the_profile_s_key_and_keeps_the_signed_object(service, platform, algorithm, signs_with):
    """OL-4."""
    service.put_profile(replace(PROFILE, platform=platform, algorithm=algorithm, certificate=f"arn:{signs_with}"))
    job = service.start_signing_job(REQUEST, NOW)
    assert (job.status, job.signature, job.signed_object) == (SigningStatus.IN_PROGRESS, None, None)
    shelf = Shelf()
    job = service.finish_signing_job(job.job_id, IMAGE, shelf.put, NOW + 1)
    assert (job.status, job.created_at, job.completed_at) == (SigningStatus.SUCCEEDED, NOW, NOW + 1)
    assert job.signed_object == ObjectVersion("signed", f"SignedImages/{job.job_id}", "v7")
    assert shelf.objects == {("signed", f"SignedImages/{job.job_id}"): IMAGE}
    assert job.certificate_path == "ecdsasigner.crt"
    assert job.signature.algorithm is signs_with
    assert verify(IMAGE, base64.b64decode(job.signature.text), service.certificate("ecdsa"), signs_with)


def test_the_same_token_is_the_same_job(service):
    service.put_profile(PROFILE)
    job = service.start_signing_job(REQUEST, NOW)
    assert service.start_signing_job(REQUEST, NOW + 1) == job
    assert service.start_signing_job(OTHER, NOW).job_id != job.job_id


def test_jobs_are_listed_newest_first_and_by_status(service):
    service.put_profile(PROFILE)
    for number in range(3):
        service.start_signing_job(replace(REQUEST, token=str(number)), NOW + number)
    service.fail_signing_job("job-2", "on purpose", NOW)
    assert [job.job_id for job in service.list_jobs()] == ["job-3", "job-2", "job-1"]
    assert [job.job_id for job in service.list_jobs(status=SigningStatus.FAILED)] == ["job-2"]


def test_a_job_that_has_ended_stays_as_it_is(service):
    """The table of signing jobs."""
    assert NEXT[SigningStatus.SUCCEEDED] == NEXT[SigningStatus.FAILED] == ()
    service.put_profile(PROFILE)
    failed = service.start_signing_job(REQUEST, NOW)
    failed = service.fail_signing_job(failed.job_id, "on purpose", NOW)
    assert (failed.status, failed.reason) == (SigningStatus.FAILED, "on purpose")
    assert service.finish_signing_job(failed.job_id, IMAGE, Shelf().put, NOW + 9) == failed
    done = service.start_signing_job(OTHER, NOW)
    done = service.finish_signing_job(done.job_id, IMAGE, Shelf().put, NOW)
    assert service.fail_signing_job(done.job_id, "too late", NOW + 9) == done


def test_the_wrong_key_signs_when_that_is_asked_for(service):
    """UntrustedCertificate."""
    service.put_profile(PROFILE)
    job = service.start_signing_job(replace(REQUEST, damage=Damage.WRONG_KEY), NOW)
    job = service.finish_signing_job(job.job_id, IMAGE, Shelf().put, NOW)
    signature = base64.b64decode(job.signature.text)
    assert job.status is SigningStatus.SUCCEEDED
    assert not verify(IMAGE, signature, service.certificate("ecdsa"), Algorithm.SHA256_ECDSA)


def test_an_image_too_large_for_its_platform_fails_the_job(service):
    service.put_profile(PROFILE)
    job = service.start_signing_job(REQUEST, NOW)
    job = service.finish_signing_job(job.job_id, bytes(16 * 1024 * 1024 + 1), Shelf().put, NOW)
    assert job.status is SigningStatus.FAILED
    assert "16777217 bytes, but AmazonFreeRTOS-Default signs 16777216 at most" in job.reason


def test_a_key_that_does_not_fit_or_may_not_sign_fails_the_job(service, keys, pairs, cas):
    service.put_profile(PROFILE)
    for token, pair, reason in (("a", pairs[KeyKind.RSA], "the key is RSA"), ("b", cas[KeyKind.ECDSA], "may not sign")):
        keys.kept["arn:signer"] = pair
        job = service.start_signing_job(replace(REQUEST, token=token), NOW)
        job = service.finish_signing_job(job.job_id, IMAGE, Shelf().put, NOW)
        assert job.status is SigningStatus.FAILED
        assert reason in job.reason


def test_a_signed_object_that_cannot_be_kept_fails_the_job(service):
    service.put_profile(PROFILE)

    def put(*_):
        raise OtaStreamError("the disk is full")

    job = service.start_signing_job(REQUEST, NOW)
    job = service.finish_signing_job(job.job_id, IMAGE, put, NOW)
    assert (job.status, job.reason, job.signature) == (SigningStatus.FAILED, "the disk is full", None)


def test_a_restart_finds_everything(service, book, keys):
    service.put_profile(PROFILE)
    job = service.start_signing_job(REQUEST, NOW)
    for table, shape in ((book.profiles, SigningProfile), (book.jobs, SigningJob)):
        for name, value in table.items():
            assert msgspec.json.decode(msgspec.json.encode(value), type=shape) == value, name
    again = SigningService(book, keys, lambda: "unused")
    assert again.start_signing_job(REQUEST, NOW) == job
    assert again.finish_signing_job(job.job_id, IMAGE, Shelf().put, NOW).status is SigningStatus.SUCCEEDED
