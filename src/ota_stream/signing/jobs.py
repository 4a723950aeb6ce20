"""Signing jobs: what is asked, and what has become of it."""

from enum import StrEnum
from typing import Final

from msgspec import Struct

from ota_stream.signing.damage import Damage
from ota_stream.signing.signatures import Signature


class SigningStatus(StrEnum):
    """Where a signing job is."""

    IN_PROGRESS = "InProgress"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"


NEXT: Final = {
    SigningStatus.IN_PROGRESS: (SigningStatus.SUCCEEDED, SigningStatus.FAILED),
    SigningStatus.SUCCEEDED: (),
    SigningStatus.FAILED: (),
}


class ObjectVersion(Struct, frozen=True, gc=False):
    """One version of an object in a bucket."""

    bucket: str
    key: str
    version: str


class Destination(Struct, frozen=True, gc=False):
    """Where signed objects go: the key is the prefix and the signing job's id (OL-4)."""

    bucket: str
    prefix: str = ""


class SigningRequest(Struct, frozen=True, gc=False):
    """What StartSigningJob asks. The same `token` again is the same job again."""

    profile_name: str
    source: ObjectVersion
    destination: Destination
    token: str
    damage: Damage | None = None


class SigningJob(Struct, frozen=True, gc=False):
    """A signing job. Times are epoch seconds; `signature` and `signed_version` are there once it has succeeded."""

    job_id: str
    request: SigningRequest
    certificate_path: str
    created_at: float
    status: SigningStatus = SigningStatus.IN_PROGRESS
    completed_at: float | None = None
    reason: str | None = None
    signature: Signature | None = None
    signed_version: str | None = None

    @property
    def signed_key(self) -> str:
        """The key of its signed object."""
        return self.request.destination.prefix + self.job_id

    @property
    def signed_object(self) -> ObjectVersion | None:
        """Its signed object, once there is one: the image as it was, its signature lies in this job."""
        if self.signed_version is None:
            return None
        return ObjectVersion(self.request.destination.bucket, self.signed_key, self.signed_version)
