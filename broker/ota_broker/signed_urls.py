"""A URL that was signed with SigV4 for MQTT over WebSocket: whether it is one, and still holds.

As everywhere on the gateway, whose key signed it is not looked at: all who can reach it are operators.
"""

import re
from datetime import UTC, datetime
from typing import Final
from urllib.parse import parse_qs

SKEW: Final = 300.0  # seconds that two clocks may differ
LASTS: Final = 300.0  # seconds, when the URL does not say: what AWS IoT gives it
LASTS_MAX: Final = 604_800  # seconds, as SigV4 has it
_SCOPE: Final = re.compile(r"[^/\s]+/(\d{8})/[a-z0-9-]{1,40}/(?:iotdevicegateway|iotdata)/aws4_request")
_SIGNATURE: Final = re.compile(r"[0-9a-f]{64}")


def read(query: str, now: float) -> str | None:
    """Return None for a query that is signed and holds at `now` (epoch seconds), else what is wrong with it."""
    given = {name: values[-1] for name, values in parse_qs(query, keep_blank_values=True, max_num_fields=40).items()}
    if given.get("X-Amz-Algorithm") != "AWS4-HMAC-SHA256":
        return "the URL must be signed with X-Amz-Algorithm=AWS4-HMAC-SHA256"
    scope = _SCOPE.fullmatch(given.get("X-Amz-Credential", ""))
    if scope is None:
        return "X-Amz-Credential must be KEY/YYYYMMDD/REGION/iotdevicegateway/aws4_request"
    if _SIGNATURE.fullmatch(given.get("X-Amz-Signature", "")) is None:
        return "X-Amz-Signature must be 64 hexadecimal digits"
    try:
        signed = datetime.strptime(given.get("X-Amz-Date", ""), "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()
        lasts = float(int(given.get("X-Amz-Expires", LASTS)))
    except ValueError:
        return "X-Amz-Date must be YYYYMMDDTHHMMSSZ, and X-Amz-Expires seconds"
    if not signed - SKEW <= now <= signed + min(lasts, LASTS_MAX) + SKEW:
        return "the signed URL is of another time: it has expired, or a clock is wrong"
    return None
