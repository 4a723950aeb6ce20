"""The code-signing service: profiles, and jobs that sign an image. It reads no object and keeps no key."""

from collections.abc import Callable, MutableMapping
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from ota_stream.errors import ControlError, OtaStreamError
from ota_stream.signing import errors, keys, profiles, signatures
from ota_stream.signing.damage import Damage
from ota_stream.signing.jobs import NEXT, SigningJob, SigningRequest, SigningStatus
from ota_stream.signing.profiles import ProfileStatus, SigningProfile
from ota_stream.signing.signatures import Signature

WRONG_KEY: Final = "wrong-key"  # the pair that signs under Damage.WRONG_KEY: one a kind, under this name


Put = Callable[[str, str, bytes], str]
"""From bucket, key and content to the version of the object that is kept there. May raise OtaStreamError."""


class SigningBook(Struct, frozen=True):
    """What the service remembers: profiles by name, jobs by id, job ids by token."""

    profiles: MutableMapping[str, SigningProfile]
    jobs: MutableMapping[str, SigningJob]
    tokens: MutableMapping[str, str]


class SigningService:
    """Signs images with the keys of a key store."""

    def __init__(self, book: SigningBook, key_store: keys.KeyStore, new_id: Callable[[], str]) -> None:
        self._book = book
        self._keys = key_store
        self._new_id = new_id

    # Profiles

    def put_profile(self, profile: SigningProfile) -> SigningProfile:
        """Make a profile; the same one again changes nothing.

        Raises:
            ControlError: ValidationException; ConflictException, when the name has other settings or is canceled.
        """
        profiles.check(profile)
        old = self._book.profiles.get(profile.name)
        if old is not None and old != profile:
            raise errors.conflict(f"signing profile {profile.name} exists with other settings: choose another name")
        self._book.profiles[profile.name] = profile
        return profile

    def get_profile(self, name: str) -> SigningProfile:
        """Return a profile. Raises ControlError (ResourceNotFoundException)."""
        profile = self._book.profiles.get(name)
        if profile is None:
            raise errors.not_found(f"signing profile {name!r}")
        return profile

    def list_profiles(self, *, canceled: bool = False) -> list[SigningProfile]:
        """Return the active profiles by name; with `canceled`, all."""
        found = sorted(self._book.profiles.values(), key=lambda profile: profile.name)
        return [profile for profile in found if canceled or profile.status is ProfileStatus.ACTIVE]

    def cancel_profile(self, name: str) -> SigningProfile:
        """Let a profile sign no more; its name stays taken. Raises ControlError (ResourceNotFoundException)."""
        profile = replace(self.get_profile(name), status=ProfileStatus.CANCELED)
        self._book.profiles[name] = profile
        return profile

    # Jobs

    def start_signing_job(self, request: SigningRequest, now: float) -> SigningJob:
        """Start a job, in progress; a token seen before gives its job.

        Raises:
            ControlError: ResourceNotFoundException, no such profile; ValidationException, it is canceled.
        """
        known = self._book.tokens.get(request.token)
        if known is not None:
            return self.describe_job(known)
        profile = self.get_profile(request.profile_name)
        if profile.status is not ProfileStatus.ACTIVE:
            raise errors.validation(f"signing profile {profile.name} is canceled")
        job = SigningJob(self._new_id(), request, profile.certificate_path, now)
        self._book.tokens[request.token] = job.job_id
        return self._put(job)

    def finish_signing_job(self, job_id: str, image: bytes, put: Put, now: float) -> SigningJob:
        """Sign the image and `put` the signed object; the job has succeeded, or failed with its reason.

        A job that has ended stays as it is. Raises ControlError (ResourceNotFoundException).
        """
        job = self.describe_job(job_id)
        if not NEXT[job.status]:
            return job
        try:
            signature = self._sign(job, image)
            version = put(job.request.destination.bucket, job.signed_key, image)
        except OtaStreamError as error:
            reason = error.message if isinstance(error, ControlError) else str(error)
            return self.fail_signing_job(job_id, reason, now)
        ended = replace(job, status=SigningStatus.SUCCEEDED, completed_at=now, signature=signature)
        return self._put(replace(ended, signed_version=version))

    def fail_signing_job(self, job_id: str, reason: str, now: float) -> SigningJob:
        """End a job in failure; one that has ended stays as it is. Raises ControlError (ResourceNotFoundException)."""
        job = self.describe_job(job_id)
        if not NEXT[job.status]:
            return job
        return self._put(replace(job, status=SigningStatus.FAILED, completed_at=now, reason=reason))

    def describe_job(self, job_id: str) -> SigningJob:
        """Return a job. Raises ControlError (ResourceNotFoundException)."""
        job = self._book.jobs.get(job_id)
        if job is None:
            raise errors.not_found(f"signing job {job_id!r}")
        return job

    def list_jobs(self, *, status: SigningStatus | None = None) -> list[SigningJob]:
        """Return the jobs, newest first."""
        found = sorted(self._book.jobs.values(), key=lambda job: (job.created_at, job.job_id), reverse=True)
        return [job for job in found if status is None or job.status is status]

    def certificate(self, profile_name: str) -> bytes:
        """Return the certificate (PEM) that a device needs to check what this profile signs. Raises ControlError."""
        profile = self.get_profile(profile_name)
        return self._keys.get_or_mint(profile.certificate, profile.signs_with.kind).certificate

    def _sign(self, job: SigningJob, image: bytes) -> Signature:
        profile = self.get_profile(job.request.profile_name)
        if len(image) > profile.ability.image_max:
            raise errors.validation(
                f"the image has {len(image)} bytes, but {profile.platform} signs {profile.ability.image_max} at most"
            )
        algorithm = profile.signs_with
        name = profile.certificate
        if job.request.damage is Damage.WRONG_KEY:
            name = f"{WRONG_KEY}-{algorithm.kind.lower()}"
        pair = self._keys.get_or_mint(name, algorithm.kind)
        keys.check_code_signing(pair.certificate)
        return Signature(algorithm, signatures.text(signatures.sign(image, pair.key, algorithm)))

    def _put(self, job: SigningJob) -> SigningJob:
        self._book.jobs[job.job_id] = job
        return job
