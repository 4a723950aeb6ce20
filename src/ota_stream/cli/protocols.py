"""The data protocols of a download, as options name them."""

from enum import StrEnum


class Protocol(StrEnum):
    """How devices get the image."""

    MQTT = "mqtt"
    HTTP = "http"
