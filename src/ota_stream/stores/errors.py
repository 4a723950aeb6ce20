"""How keeping things goes wrong."""

from ota_stream.errors import OtaStreamError


class StoreError(OtaStreamError):
    """The data directory, or something in it, cannot be used."""
