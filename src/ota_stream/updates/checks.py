"""What a request for an OTA update must be (OU-10..OU-21), and which inputs go together (OU-23)."""

import re
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

from ota_stream.errors import ControlError
from ota_stream.jobs import checks as job_checks
from ota_stream.names import is_stream_id
from ota_stream.signing import damage, platforms
from ota_stream.updates import errors, files, orders
from ota_stream.updates.messages import CreateOtaUpdate, StartSigningJobParameter, UpdateFile
from ota_stream.updates.options import UpdateOptions

ROLE_MIN: Final = 20  # OU-20, characters
ROLE_MAX: Final = 2048  # OU-20, characters
ATTRIBUTE_MAX: Final = 4096  # OU-18, characters
FILE_TYPE_MAX: Final = 255  # OU-18
FILES_MAX: Final = 10  # OD-14, Q-6: an agent reads files 0 to 9

_UPDATE_ID: Final = re.compile(r"[a-zA-Z0-9_-]{1,128}")  # OU-10


def check(request: CreateOtaUpdate, options: UpdateOptions) -> None:
    """Raise ControlError (InvalidRequestException) for the first thing that is wrong with a request."""
    if _UPDATE_ID.fullmatch(request.ota_update_id) is None:
        raise errors.invalid_request("otaUpdateId: use 1 to 128 of a-z A-Z 0-9 _ -")  # OU-10
    if not request.protocols or len(set(request.protocols)) != len(request.protocols):
        raise errors.invalid_request("protocols: use MQTT, HTTP or both, each once")  # OU-13
    if not ROLE_MIN <= len(request.role_arn) <= ROLE_MAX:
        raise errors.invalid_request(f"roleArn: an ARN has {ROLE_MIN} to {ROLE_MAX} characters")  # OU-20
    # OU-11, OU-12, OU-14..OU-17 are the job's rules; its id and its document come later
    job_checks.spec(orders.job_spec(request, "later", "{}"))
    if not 1 <= len(request.files) <= FILES_MAX:
        raise errors.invalid_request(f"files: an OTA update has 1 to {FILES_MAX} files, not {len(request.files)}")
    for file in request.files:
        _check_file(file, options)
    _check_streams(request)
    _check_damage(request)


def _check_file(file: UpdateFile, options: UpdateOptions) -> None:
    if file.file_type is not None and not 0 <= file.file_type <= FILE_TYPE_MAX:
        raise errors.invalid_request(f"fileType: {file.file_type} is outside 0 to {FILE_TYPE_MAX}")  # OU-18
    if any(len(value) > ATTRIBUTE_MAX for value in file.attributes.values()):
        raise errors.invalid_request(f"attributes: a value is longer than {ATTRIBUTE_MAX} characters")  # OU-18
    _check_location(file)
    signing = file.code_signing
    ways = (signing.aws_signer_job_id, signing.start, signing.custom)
    if sum(way is not None for way in ways) > 1:  # OU-19
        raise errors.invalid_request(
            "codeSigning: give one of awsSignerJobId, startSigningJobParameter, customCodeSigning"
        )
    if signing.start is not None:
        _check_start(file, signing.start)
    if signing.custom is not None:
        files.custom_signature(signing.custom, options)


def _check_location(file: UpdateFile) -> None:
    """Check where the image is: the pairs of OU-23, and unsigned files (OD-11)."""
    if file.stream is not None and file.s3 is not None:
        raise errors.invalid_request("fileLocation: give stream or s3Location, not both")
    if file.stream is None and file.s3 is None and file.code_signing.aws_signer_job_id is None:
        raise errors.invalid_request("fileLocation: it may be left out only with an awsSignerJobId")
    if file.s3 is not None and not (file.s3.bucket and file.s3.key):
        raise errors.invalid_request("s3Location: name a bucket and a key")
    if file.stream is not None and not is_stream_id(file.stream.stream_id):
        raise errors.invalid_request("streamId: use 1 to 128 of a-z A-Z 0-9 _ -")


def _check_start(file: UpdateFile, start: StartSigningJobParameter) -> None:
    if file.s3 is None:
        raise errors.invalid_request("startSigningJobParameter: a signing job needs the image in an s3Location")
    if not start.signing_profile_name:
        raise errors.invalid_request("startSigningJobParameter: name a signing profile (signingProfileName)")
    profile = start.new_profile
    if profile is None:
        return
    if not (profile.certificate_arn and profile.platform and profile.certificate_path_on_device):
        raise errors.invalid_request(
            "signingProfileParameter: a new profile needs certificateArn, platform and certificatePathOnDevice"
        )
    with _in_our_words():
        platforms.platform(profile.platform)


def _check_streams(request: CreateOtaUpdate) -> None:
    """Check that the document's one `streamname` is enough, and that HTTP has an object to point to."""
    streams = [file.stream for file in request.files if file.stream is not None]
    if not streams:
        return
    if len(streams) < len(request.files) or len({each.stream_id for each in streams}) > 1:
        raise errors.invalid_request("fileLocation: the files of an update are in one stream, or none is in a stream")
    if len({each.file_id for each in streams}) < len(streams):
        raise errors.invalid_request("fileLocation: two files have the same file id of the stream")
    if "HTTP" in request.protocols and any(file.code_signing.aws_signer_job_id is None for file in request.files):
        raise errors.invalid_request("protocols: HTTP needs the image in an s3Location, not in a stream")


def _check_damage(request: CreateOtaUpdate) -> None:
    with _in_our_words():
        asked = orders.damage_of(request)
    if asked is damage.Damage.WRONG_KEY and any(file.code_signing.start is None for file in request.files):
        raise errors.invalid_request(f"{orders.DAMAGE}: only a startSigningJobParameter can sign with another key")


@contextmanager
def _in_our_words() -> Generator[None]:
    """Say what the signing service says under the name this service has for it."""
    try:
        yield
    except ControlError as error:
        raise errors.invalid_request(error.message) from None
