"""One device's requests by HTTP: the only module of it that knows http.client."""

from contextlib import closing
from http.client import HTTPConnection, HTTPException
from typing import Final
from urllib.parse import urlsplit

from ota_device.ranges import PARTIAL

NO_ANSWER: Final = 0, b""
_PATIENCE: Final = 5.0  # seconds


def get(url: str, start: int, end: int) -> tuple[int, bytes]:
    """Return the status of a GET of the bytes from `start` up to `end`, and those bytes; 0 when nobody answers."""
    try:
        parts = urlsplit(url)
        with closing(HTTPConnection(parts.hostname or "", parts.port, timeout=_PATIENCE)) as connection:
            asked = {"Range": f"bytes={start}-{end - 1}"}
            connection.request("GET", f"{parts.path}?{parts.query}", headers=asked)
            with connection.getresponse() as answer:
                return answer.status, answer.read(end - start + 1) if answer.status == PARTIAL else b""
    except (OSError, HTTPException, ValueError):  # ValueError: a URL that cannot be one
        return NO_ANSWER
