"""A stream is deleted while a device downloads from it."""

from typing import ClassVar

from ota_stream.faults.happening import Deed, Happening


class DeleteStream(Happening, frozen=True, tag="delete-stream"):
    """The stream that was answered about is deleted: the next request finds none."""

    deed: ClassVar[Deed] = Deed.DELETE_STREAM
