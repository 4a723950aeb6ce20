"""A download over HTTP as a fault finds it: what is sent of the object, and how it comes."""

from collections.abc import Callable

from msgspec import Struct


class Served(Struct, frozen=True, kw_only=True):
    """What a download is answered. `etag` is the object's, without quotes; `whole` reads all its bytes.

    The answer begins `after` seconds from now, and `body` comes at once, or in portions of so many bytes with a `pause`
    (seconds) between them. After `keep` bytes of the body the connection is closed; when it `is_lost`, instead of an
    answer. `ends_url`: the URL is good no more.
    """

    status: int
    etag: str
    body: bytes
    whole: Callable[[], bytes]
    refusal: str | None = None
    after: float = 0.0
    portion: int | None = None
    pause: float = 0.0
    keep: int | None = None
    is_lost: bool = False
    ends_url: bool = False

    @property
    def is_usual(self) -> bool:
        """Whether it comes at once, and whole."""
        return not (self.after or self.portion or self.is_lost) and self.keep is None


def refused(served: Served, status: int, why: str) -> Served:
    """Return a refusal in place of the object."""
    return Served(status=status, etag=served.etag, body=b"", whole=served.whole, refusal=why, after=served.after)
