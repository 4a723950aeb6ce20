"""What a device tells its user when a download did not end well."""

from ota_stream.errors import OtaStreamError


class DeviceError(OtaStreamError):
    """A download did not end well."""


class LinkError(DeviceError):
    """There is no connection, or the other side refuses to let it be used."""


class FlashError(DeviceError):
    """The flash cannot be used, or holds nothing a device could start from."""
