"""URLs that open one object for a while: signed, with an end, so that nothing else can be read with them."""

import hmac
from hashlib import sha256
from typing import Final
from urllib.parse import parse_qs, quote, unquote, urlencode, urlsplit

from ota_stream.errors import OtaStreamError

EXPIRES_MIN: Final = 60  # JC-1, seconds
EXPIRES_MAX: Final = 3600

_EXPIRES: Final = "Expires"
_THING: Final = "Thing"
_SIGNATURE: Final = "Signature"


class Forbidden(OtaStreamError):
    """The URL does not open this object, or not any more."""


class Presigner:
    """Makes and checks URLs under `base` (scheme, host and port) with a secret of this simulator."""

    def __init__(self, base: str, secret: bytes) -> None:
        self._base = base
        self._secret = secret
        self._over: dict[tuple[str, str], int] = {}  # of a path and a thing, up to which end its URLs are over

    def url(self, path: str, expires_at: float, thing: str = "") -> str:
        """Return the URL of an object; `path` is `<bucket>/<key>`, `expires_at` epoch seconds.

        That for a thing names it, so that its downloads are known from those of others; who has the URL is not asked.
        """
        end = max(int(expires_at), self._over.get((path, thing), -1) + 1)
        query = {_EXPIRES: end, _SIGNATURE: self._signature(path, end, thing)} | ({_THING: thing} if thing else {})
        return f"{self._base}/{quote(path)}?{urlencode(query)}"

    def resolve(self, s3_url: str, expires_at: float, thing: str = "") -> str:
        """Return the URL that stands for an S3 URL in a job document (JC-24): same bucket and key, our address."""
        return self.url(unquote(urlsplit(s3_url).path).lstrip("/"), expires_at, thing)

    def check(self, path: str, query: str, now: float) -> str:
        """Let a request pass, and return the thing whose URL it is; nothing when it is nobody's.

        Raises:
            Forbidden: no signature, not ours, or over (an agent then asks for a fresh job document).
        """
        given = parse_qs(query)
        end, signature, thing = (given.get(name, [""])[0] for name in (_EXPIRES, _SIGNATURE, _THING))
        if not (end.isascii() and end.isdigit() and len(end) < 16):  # noqa: PLR2004 - digits of any date
            raise Forbidden("the URL has no end: it was not made by this simulator")
        if not hmac.compare_digest(signature.encode(), self._signature(path, int(end), thing).encode()):
            raise Forbidden("the URL was not made by this simulator for this object")
        if now >= int(end) or int(end) <= self._over.get((path, thing), -1):
            raise Forbidden("the URL has expired: ask for the job document again")
        return thing

    def end(self, path: str, query: str) -> None:
        """Let a URL that was checked be over before its end. It stays so; the next one is another."""
        given = parse_qs(query)
        self._over[path, given.get(_THING, [""])[0]] = int(given[_EXPIRES][0])

    def _signature(self, path: str, end: int, thing: str) -> str:
        text = f"{thing}\n{end}\n{path}".encode(errors="replace")  # half a surrogate pair is nobody's name
        return hmac.new(self._secret, text, sha256).hexdigest()
