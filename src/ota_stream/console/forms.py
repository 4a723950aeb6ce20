"""A form of a page, read whole and within bounds, and shown to come from one of our pages."""

import hmac
import secrets
from collections.abc import Mapping
from typing import Final

from msgspec import Struct
from starlette.datastructures import UploadFile
from starlette.requests import Request

from ota_stream.errors import ControlError
from ota_stream.streams.quotas import FILE_SIZE_MAX

FIELDS_MAX: Final = 60
FIELD_MAX: Final = 64 * 1024  # bytes
FORM_MAX: Final = 256 * 1024  # bytes, apart from an image
TOKEN: Final = secrets.token_urlsafe(32)
"""In every form of this process: another site's page cannot read it, so it cannot send it."""


class Form(Struct, frozen=True):
    """What was filled in: texts by name, stripped, and the file if one was chosen."""

    texts: Mapping[str, str]
    file_name: str = ""
    content: bytes = b""

    def text(self, name: str, default: str = "") -> str:
        """Return a text; an empty field counts as left out."""
        return self.texts.get(name) or default

    def number(self, name: str) -> float:
        """Return a number. Raises ControlError (InvalidRequestException)."""
        text = self.text(name)
        try:
            return float(text)
        except ValueError:
            raise ControlError("InvalidRequestException", 400, f"{name}: use a number, not {text[:40]!r}") from None


async def read(request: Request, *, image: bool = False) -> Form:
    """Take a form in. Raises ControlError: too large, or not from a page of ours."""
    most = FORM_MAX + (FILE_SIZE_MAX if image else 0)
    length = request.headers.get("content-length", "")
    if not length.isdigit() or len(length) > len(str(most)) or int(length) > most:
        raise ControlError("InvalidRequestException", 413, f"a form here has {most} bytes at most")
    async with request.form(max_files=1, max_fields=FIELDS_MAX, max_part_size=FIELD_MAX) as given:
        texts = {name: value.strip() for name, value in given.multi_items() if isinstance(value, str)}
        chosen = next((value for _, value in given.multi_items() if isinstance(value, UploadFile)), None)
        content = b"" if chosen is None else await chosen.read()
    if not hmac.compare_digest(texts.pop("token", "").encode(), TOKEN.encode()):
        raise ControlError("ForbiddenException", 403, "this form is of an earlier start: load the page again")
    return Form(texts, (chosen.filename or "") if chosen is not None else "", content)
