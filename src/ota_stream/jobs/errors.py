"""Every way the jobs service says no: to a device (spec section 3.4) and to an operator (spec section 3.8)."""

from enum import Enum, StrEnum

from ota_stream.errors import ControlError, OtaStreamError
from ota_stream.jobs.executions import JobExecution


class RejectionCode(StrEnum):
    """The full documented list."""

    INVALID_TOPIC = "InvalidTopic"
    INVALID_JSON = "InvalidJson"
    INVALID_REQUEST = "InvalidRequest"
    INVALID_TRANSITION = "InvalidStateTransition"
    NOT_FOUND = "ResourceNotFound"
    VERSION = "VersionMismatch"
    INTERNAL = "InternalError"
    THROTTLED = "RequestThrottled"
    TERMINAL = "TerminalStateReached"


class Why(Enum):
    """Each reason with its code and its text; braces are filled in. Texts without a source are ours."""

    TOPIC = RejectionCode.INVALID_TOPIC, "The topic is invalid"  # JT-14
    JSON = RejectionCode.INVALID_JSON, "The payload is not a JSON object in UTF-8"
    TOKEN_TYPE = RejectionCode.INVALID_REQUEST, "The client token is not a string"  # JR-1
    TOKEN_TOO_LONG = RejectionCode.INVALID_REQUEST, "The client token is longer than 64 bytes"  # JR-1
    FIELD = RejectionCode.INVALID_REQUEST, "A field of the request cannot be read: {problem}"
    STATUS_MISSING = (  # JR-6, text seen live
        RejectionCode.INVALID_REQUEST,
        "Value null at 'status' failed to satisfy constraint: Member must not be null",
    )
    STATUS_UNKNOWN = RejectionCode.INVALID_REQUEST, "The status is none of IN_PROGRESS, FAILED, SUCCEEDED, REJECTED"
    STATUS_OF_SERVICE = RejectionCode.INVALID_REQUEST, "Only the service sets the status {status}"
    DETAILS_TOO_MANY = RejectionCode.INVALID_REQUEST, "statusDetails has more than 10 entries"  # JR-11
    DETAIL_KEY = (  # JR-11
        RejectionCode.INVALID_REQUEST,
        "A key of statusDetails is not 1 to 128 of a-z A-Z 0-9 : _ -",
    )
    DETAIL_VALUE = (  # JR-11
        RejectionCode.INVALID_REQUEST,
        "A value of statusDetails is not a text of 1 to 1024 characters without control characters",
    )
    STEP_TIMEOUT = RejectionCode.INVALID_REQUEST, "stepTimeoutInMinutes is outside 1 to 10080"  # JR-3
    TRANSITION = RejectionCode.INVALID_TRANSITION, "A job execution cannot go from {current} to {asked}"  # JX-5
    TERMINAL = RejectionCode.TERMINAL, "The job execution is in the terminal state {current}"  # G-12
    NOT_FOUND = RejectionCode.NOT_FOUND, "There is no such job execution for this thing"
    VERSION = RejectionCode.VERSION, "Expected version {expected} but found version {found}"  # text seen live
    INTERNAL = RejectionCode.INTERNAL, "Internal error"
    THROTTLED = RejectionCode.THROTTLED, "Too many requests"

    @property
    def code(self) -> RejectionCode:
        """The wire's error code."""
        return self.value[0]

    @property
    def message(self) -> str:
        """The wire's error message, not yet filled in."""
        return self.value[1]


class Rejection(OtaStreamError):
    """A device's request is refused: the first failing check wins.

    `execution` is the one whose state the device is told (JS-8).
    """

    def __init__(self, why: Why, execution: JobExecution | None = None, **filling: object) -> None:
        self.why = why
        self.message = why.message.format(**filling)
        self.execution = execution
        super().__init__(f"{why.code}: {self.message}")


# What an operator is told


def invalid_request(message: str) -> ControlError:
    """Return the refusal of a call that makes no sense."""
    return ControlError("InvalidRequestException", 400, message)


def not_found(what: str, name: str) -> ControlError:
    """Return the refusal of a call about something that is not there."""
    return ControlError("ResourceNotFoundException", 404, f"{what} {name} cannot be found.")


def already_exists(what: str, name: str) -> ControlError:
    """Return the refusal of a name that is taken."""
    return ControlError("ResourceAlreadyExistsException", 409, f"{what} {name} already exists.")


def invalid_transition(message: str) -> ControlError:
    """Return the refusal of a change of state that the table does not know."""
    return ControlError("InvalidStateTransitionException", 409, message)


def version_conflict(expected: int, found: int) -> ControlError:
    """Return the refusal of a call that expected another version."""
    return ControlError("VersionConflictException", 409, f"Expected version {expected} but found version {found}")


def limit_exceeded(message: str) -> ControlError:
    """Return the refusal of one too many."""
    return ControlError("LimitExceededException", 410, message)
