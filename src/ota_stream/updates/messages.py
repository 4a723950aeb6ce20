"""What an operator asks of the OTA update service, in the words of the AWS API (OU-10..OU-21)."""

from typing import Literal

import msgspec
from msgspec import Struct

from ota_stream.jobs.configs import AbortCriterion, RolloutConfig, TimeoutConfig
from ota_stream.updates import errors

Protocol = Literal["MQTT", "HTTP"]
TargetSelection = Literal["SNAPSHOT", "CONTINUOUS"]


class Wire(Struct, frozen=True, rename="camel", omit_defaults=True):
    """A part of a request; field names on the wire are AWS's camel case, blobs are base64."""


class StreamLocation(Wire, frozen=True):
    """A file of a stream the caller has made."""

    stream_id: str
    file_id: int = 0


class S3Location(Wire, frozen=True):
    """An object, or one version of it."""

    bucket: str
    key: str
    version: str | None = None


class FileLocation(Wire, frozen=True):
    """Where the image is: one of the two (OU-18)."""

    stream: StreamLocation | None = None
    s3_location: S3Location | None = None


class SigningProfileParameter(Wire, frozen=True):
    """The signing profile to make."""

    certificate_arn: str | None = None
    platform: str | None = None
    certificate_path_on_device: str | None = None


class S3Destination(Wire, frozen=True):
    """Where the signed object goes (OL-4)."""

    bucket: str
    prefix: str = ""


class SigningDestination(Wire, frozen=True):
    """As S3Destination."""

    s3_destination: S3Destination | None = None


class StartSigningJobParameter(Wire, frozen=True):
    """A signing job to start: with a profile parameter, its profile is made first."""

    signing_profile_parameter: SigningProfileParameter | None = None
    signing_profile_name: str | None = None
    destination: SigningDestination | None = None

    @property
    def new_profile(self) -> SigningProfileParameter | None:
        """The profile to make first, if any."""
        given = self.signing_profile_parameter
        return None if given == SigningProfileParameter() else given


class InlineSignature(Wire, frozen=True):
    """A signature made elsewhere: its bytes, or base64 text of them (`signing.signatures.custom`)."""

    inline_document: bytes | None = None


class CertificateChain(Wire, frozen=True):
    """The certificate of a custom signature; `certificate_name` is its name on the device (OD-6)."""

    certificate_name: str | None = None
    inline_document: str | None = None


class CustomCodeSigning(Wire, frozen=True):
    """A custom signature and how it was made."""

    signature: InlineSignature | None = None
    certificate_chain: CertificateChain | None = None
    hash_algorithm: str | None = None
    signature_algorithm: str | None = None


class CodeSigning(Wire, frozen=True):
    """How the image is signed: one of the three (OU-19). A part without content counts as left out (OL-9).

    Once signed, the signing job's id stands here beside the parameter that started it (OL-10).
    """

    aws_signer_job_id: str | None = None
    start_signing_job_parameter: StartSigningJobParameter | None = None
    custom_code_signing: CustomCodeSigning | None = None

    @property
    def start(self) -> StartSigningJobParameter | None:
        """The signing job to start, if any."""
        given = self.start_signing_job_parameter
        return None if given == StartSigningJobParameter() else given

    @property
    def custom(self) -> CustomCodeSigning | None:
        """The custom signature, if any."""
        given = self.custom_code_signing
        return None if given == CustomCodeSigning() else given


class UpdateFile(Wire, frozen=True):
    """A file of an update (OU-18). `file_name` is where the device puts it (OD-3)."""

    file_name: str | None = None
    file_type: int | None = None
    file_version: str | None = None
    file_location: FileLocation = FileLocation()
    code_signing: CodeSigning = CodeSigning()
    attributes: dict[str, str] = {}

    @property
    def stream(self) -> StreamLocation | None:
        """The caller's stream, if that is where the image is."""
        return self.file_location.stream

    @property
    def s3(self) -> S3Location | None:
        """The object, if that is where the image is."""
        return self.file_location.s3_location

    @property
    def to_sign(self) -> tuple[StartSigningJobParameter, S3Location] | None:
        """The signing job that is still to be started, and on what."""
        start, s3 = self.code_signing.start, self.s3
        if start is None or s3 is None or self.code_signing.aws_signer_job_id is not None:
            return None
        return start, s3


class PresignedUrlConfig(Wire, frozen=True, omit_defaults=False):
    """How long a URL in the document is good for (OU-16)."""

    expires_in_sec: int = 1800


class JobAbortConfig(Wire, frozen=True):
    """When to give the job up (OU-17); the list has another name than CreateJob's."""

    abort_criteria_list: tuple[AbortCriterion, ...] = ()


class Tag(Wire, frozen=True, rename={"key": "Key", "value": "Value"}):
    """A label on a resource."""

    key: str
    value: str = ""


class CreateOtaUpdate(Wire, frozen=True):
    """A request for an OTA update (OU-10..OU-21)."""

    ota_update_id: str
    targets: tuple[str, ...]
    files: tuple[UpdateFile, ...]
    role_arn: str
    description: str | None = None
    protocols: tuple[Protocol, ...] = ("MQTT",)  # OU-13, G-22
    target_selection: TargetSelection = "SNAPSHOT"  # OU-14
    aws_job_executions_rollout_config: RolloutConfig = RolloutConfig()
    aws_job_presigned_url_config: PresignedUrlConfig = PresignedUrlConfig()
    aws_job_abort_config: JobAbortConfig = JobAbortConfig()
    aws_job_timeout_config: TimeoutConfig = TimeoutConfig()
    additional_parameters: dict[str, str] = {}
    tags: tuple[Tag, ...] = ()


def decode(ota_update_id: str, body: bytes) -> CreateOtaUpdate:
    """Read a request from a JSON body and the id of its path.

    Raises:
        ControlError: InvalidRequestException, the body is not such a request.
    """
    try:
        fields = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
        fields["otaUpdateId"] = msgspec.Raw(msgspec.json.encode(ota_update_id))
        return msgspec.json.decode(msgspec.json.encode(fields), type=CreateOtaUpdate)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise errors.invalid_request(f"the OTA update cannot be read: {error}") from None
