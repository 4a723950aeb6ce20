"""What the files of a request come to: which object is delivered, under whose signature, as which document entry."""

from msgspec import Struct

from ota_stream.errors import ControlError
from ota_stream.signing import platforms, signatures
from ota_stream.signing.damage import Damage, spoil
from ota_stream.signing.jobs import SigningJob, SigningStatus
from ota_stream.signing.service import SigningService
from ota_stream.signing.signatures import Signature
from ota_stream.updates import errors
from ota_stream.updates.document import UNSIGNED, DocumentFile
from ota_stream.updates.messages import CustomCodeSigning, S3Location, UpdateFile
from ota_stream.updates.options import UpdateOptions


class Source(Struct, frozen=True):
    """A file of a request with its signing job, if it has one, looked up."""

    file: UpdateFile
    job: SigningJob | None

    @classmethod
    def of(cls, file: UpdateFile, signing: SigningService) -> "Source":
        """Look a file's signing job up. Raises ControlError: it is unknown, not done, or has failed."""
        job_id = file.code_signing.aws_signer_job_id
        if job_id is None:
            return cls(file, None)
        job = signing.describe_job(job_id)
        if job.status is not SigningStatus.SUCCEEDED:
            raise errors.invalid_request(f"signing job {job_id} is {job.status.value}: {job.reason or 'try later'}")
        return cls(file, job)

    @property
    def location(self) -> S3Location | None:
        """The object to deliver: the signed one, unless the caller's stands beside a signing job made before."""
        if self.file.s3 is not None and self.file.code_signing.start is None:
            return self.file.s3
        signed = None if self.job is None else self.job.signed_object
        return None if signed is None else S3Location(signed.bucket, signed.key, signed.version)

    def signed(self, options: UpdateOptions) -> tuple[Signature, str | None] | None:
        """Return the signature and the device's name of the certificate; None for an unsigned file."""
        custom = self.file.code_signing.custom
        if custom is not None:
            chain = custom.certificate_chain
            return custom_signature(custom, options), None if chain is None else chain.certificate_name
        if self.job is None or self.job.signature is None:
            return None
        return self.job.signature, self.job.certificate_path


def custom_signature(custom: CustomCodeSigning, options: UpdateOptions) -> Signature:
    """Return a custom signature in its one form. Raises ControlError (InvalidRequestException)."""
    blob = None if custom.signature is None else custom.signature.inline_document
    if not blob:
        raise errors.invalid_request("customCodeSigning: the signature needs an inlineDocument")
    try:
        algorithm = platforms.algorithm(custom.hash_algorithm or "", custom.signature_algorithm or "")
        if options.strange_signature == "send" and signatures.unwrap(blob)[1] is None:
            return Signature(algorithm, blob.decode(errors="replace"))  # as the service does: it has been seen live
        return Signature(algorithm, signatures.custom(blob))
    except ControlError as error:
        raise errors.invalid_request(f"customCodeSigning: {error.message}") from None


class Delivery(Struct, frozen=True, gc=False):
    """How a file reaches the device: its id in the stream, its size in bytes, its URL's placeholder for HTTP."""

    file_id: int
    size: int
    url: str | None


def entry(source: Source, delivery: Delivery, damage: Damage | None, options: UpdateOptions) -> DocumentFile:
    """Return a file's entry in the job document, its signature spoilt where that is asked for."""
    file = source.file
    signed = source.signed(options)
    signature = None if signed is None else spoil(signed[0], damage)
    return DocumentFile(
        file_path=file.file_name,
        file_size=delivery.size,
        file_id=delivery.file_id,
        certificate_file=None if signed is None or signature is None else signed[1],
        file_type=file.file_type,
        url=delivery.url,
        signature_key=UNSIGNED if signature is None else signature.algorithm.value,
        signature=None if signature is None else signature.text,
    )
