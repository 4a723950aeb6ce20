"""Job documents: the compact object a device gets, and the presigned placeholders in it (JC-24, JS-5)."""

import json
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Final, NoReturn

Presign = Callable[[str, float, str], str]
"""From the URL in a placeholder, seconds to live and the name of a thing, the URL that its device can use."""

_PLACEHOLDER: Final = re.compile(r'\$\{aws:iot:s3-presigned-url:([^}"]*)\}')
_WHOLE: Final = 256  # documents kept in their compact form


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


@lru_cache(maxsize=_WHOLE)
def compact(document: str) -> str:
    """Return a document without blanks (JS-9). Raises ValueError when it is not a JSON object (JS-5)."""
    try:
        value = json.loads(document, parse_constant=_no_constant)
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        text.encode()  # half a surrogate pair is no text
    except RecursionError:
        raise ValueError("too many brackets") from None
    if not isinstance(value, dict):
        raise ValueError("not an object")  # noqa: TRY004 - of the wrong value, not of a wrong call
    return text


def placeholders(document: str) -> int:
    """Return how many presigned URLs a document asks for."""
    return len(_PLACEHOLDER.findall(document))


def resolved(document: str, presign: Presign | None, expires_in: float, thing: str) -> bytes:
    """Return the document as a thing gets it: every placeholder becomes a URL of this moment (JC-24, JNF-10)."""
    text = compact(document)
    if presign is None or "${" not in text:
        return text.encode()

    def url(match: re.Match[str]) -> str:
        there = json.loads(f'"{match[1]}"')
        return json.dumps(presign(there, expires_in, thing), ensure_ascii=False)[1:-1]

    return _PLACEHOLDER.sub(url, text).encode()
