"""What an operation of the AWS API is given and gives back, and how its request is read."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import msgspec

from ota_stream.answers import Effect
from ota_stream.api.operated import Operated
from ota_stream.errors import ControlError

Given = Mapping[str, Any]
"""A parsed request: members by the names of the service's model; blobs are bytes."""

Shown = dict[str, Any]
"""An answer by the names of the model; times are epoch seconds, blobs are bytes."""

Read = Callable[[Operated, Given], Shown]
"""An operation that changes nothing."""

Change = Callable[[Operated, Given], tuple[Shown | ControlError, Effect]]
"""An operation that changes something: its answer, and what comes of it for others.

A refusal that is returned, not raised, has an effect too: its record.
"""

Shape = TypeVar("Shape")


def shaped(given: Given, shape: type[Shape], **more: object) -> Shape:
    """Return a request as a value; members it does not know are passed over.

    Raises:
        ControlError: InvalidRequestException, it is not of this shape.
    """
    try:
        return msgspec.convert({**given, **more}, shape, builtin_types=(bytes,))
    except msgspec.ValidationError as error:
        raise invalid(f"The request cannot be read: {error}") from None


def part(given: Given, name: str) -> Given:
    """Return a structure in a request, an empty one when it is left out."""
    found: Given | None = given.get(name)
    return found or {}


def refuse_members(given: Given, *names: str) -> None:
    """Refuse what the simulator does not do: better than to pass over what somebody relies on. Raises ControlError."""
    for name in names:
        if given.get(name):
            raise invalid(f"{name} is not supported by ota-stream: leave it out")


def pages(given: Given) -> Shown:
    """Return the two members of a request that ask for a page, as the services take them."""
    return {"max_results": given.get("maxResults"), "next_token": given.get("nextToken")}


def invalid(message: str) -> ControlError:
    """Return the refusal of a request that makes no sense."""
    return ControlError("InvalidRequestException", 400, message)
