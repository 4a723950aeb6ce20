"""Lists in pages: `maxResults` and `nextToken` of the AWS API (JC-3)."""

import re
from collections.abc import Sequence
from typing import Final, TypeVar

from ota_stream.jobs import quotas
from ota_stream.jobs.errors import invalid_request

_Item = TypeVar("_Item")
_TOKEN: Final = re.compile(r"[0-9]{1,9}", re.ASCII)


def page(
    items: Sequence[_Item], max_results: int | None, next_token: str | None
) -> tuple[Sequence[_Item], dict[str, str]]:
    """Return one page and, when more follows, the member that asks for it.

    Raises:
        ControlError: InvalidRequestException for a size outside 1..250 or a token we never gave.
    """
    size = quotas.PAGE_MAX if max_results is None else max_results
    if not 1 <= size <= quotas.PAGE_MAX:
        raise invalid_request(f"maxResults is outside 1 to {quotas.PAGE_MAX}")
    if next_token is not None and not _TOKEN.fullmatch(next_token):
        raise invalid_request("nextToken is none that was given out")
    start = int(next_token or 0)
    end = start + size
    return items[start:end], ({"nextToken": str(end)} if end < len(items) else {})
