"""The ways the reading half of CloudWatch Logs says no, in AWS's words (spec section 5.6)."""

from ota_stream.errors import ControlError


def invalid(message: str) -> ControlError:
    """Return the refusal of a parameter."""
    return ControlError("InvalidParameterException", 400, message)


def no_group() -> ControlError:
    """Return the refusal of a group that nothing was written to."""
    return ControlError("ResourceNotFoundException", 400, "The specified log group does not exist.")


def no_stream() -> ControlError:
    """Return the refusal of a log stream that is not there."""
    return ControlError("ResourceNotFoundException", 400, "The specified log stream does not exist.")


def no_query() -> ControlError:
    """Return the refusal of a query id that nobody was given."""
    return ControlError("ResourceNotFoundException", 400, "The specified query does not exist.")


def bad_token() -> ControlError:
    """Return the refusal of a token that was not given out."""
    return invalid("The specified nextToken is invalid.")
