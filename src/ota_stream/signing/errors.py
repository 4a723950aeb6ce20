"""The ways code signing says no to an operator, in the words of AWS Signer's API."""

from ota_stream.errors import ControlError


def validation(message: str) -> ControlError:
    """Return the refusal of a value that cannot be one."""
    return ControlError("ValidationException", 400, message)


def not_found(what: str) -> ControlError:
    """Return the refusal of a name that nothing has."""
    return ControlError("ResourceNotFoundException", 404, f"there is no {what}")


def conflict(message: str) -> ControlError:
    """Return the refusal of a name that something else has."""
    return ControlError("ConflictException", 409, message)
