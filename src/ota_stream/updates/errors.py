"""The ways the OTA update service says no to an operator (OU-1..OU-4), and why a creation failed (OL-7)."""

from msgspec import Struct

from ota_stream.errors import ControlError, OtaStreamError


class ErrorInfo(Struct, frozen=True, gc=False):
    """Why an OTA update is in CREATE_FAILED or DELETE_FAILED (OL-7)."""

    code: str
    message: str

    @classmethod
    def of(cls, error: OtaStreamError) -> "ErrorInfo":
        """Tell of an error: a refusal by its name, anything else as a request that cannot be fulfilled."""
        if isinstance(error, ControlError):
            return cls(error.name, error.message)
        return cls("InvalidRequestException", str(error))


def invalid_request(message: str) -> ControlError:
    """Return the refusal of a call that makes no sense."""
    return ControlError("InvalidRequestException", 400, message)


def not_found(what: str) -> ControlError:
    """Return the refusal of a call about something that is not there."""
    return ControlError("ResourceNotFoundException", 404, f"there is no {what}")


def already_exists(what: str) -> ControlError:
    """Return the refusal of a name that is taken."""
    return ControlError("ResourceAlreadyExistsException", 409, f"{what} exists already: choose another id")


def version_conflict(message: str) -> ControlError:
    """Return the refusal of a call that comes while another change is under way."""
    return ControlError("VersionConflictException", 409, message)


def not_assumed(reason: str) -> ControlError:
    """Return the refusal of a role that the service cannot act as (OL-13)."""
    return ControlError("InvalidRequestException", 400, f"AWS IoT cannot use the role: {reason}")


def unauthorized(reason: str) -> ControlError:
    """Return the refusal of what a role may not do."""
    return ControlError("UnauthorizedException", 401, reason)


def not_passed(role_arn: str, request_id: str) -> ControlError:
    """Return what AWS IoT says of a role that may not pass itself on (OL-7)."""
    message = (
        f"Role {role_arn} is not authorized to perform: iam:PassRole on resource: {role_arn} "
        f"(Service: AWSIot; Status Code: 403; Error Code: AccessDeniedException; Request ID: {request_id})"
    )
    return ControlError("AWSIotException", 403, message)


def not_accessible(key: str, request_id: str) -> ControlError:
    """Return what AWS Signer says of an object it cannot read, the text of OL-7."""
    message = (
        f"S3 object {key} not accessible. Please check your permissions "
        f"(Service: AWSSigner; Status Code: 403; Error Code: AccessDeniedException; Request ID: {request_id})"
    )
    return ControlError("AccessDeniedException", 403, message)
