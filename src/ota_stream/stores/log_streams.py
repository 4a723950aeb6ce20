"""Where a log group lies in a data directory, and how its log streams are named.

`<data-dir>/logs/<group>/<log stream>.jsonl`, one entry a line. Names sort in the order of their making.
"""

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Final
from urllib.parse import quote, unquote
from uuid import UUID

from ota_stream.logs import groups
from ota_stream.logs.entries import is_account_id
from ota_stream.stores.errors import StoreError

SUFFIX: Final = ".jsonl"

# The leading 0 lasts until the year 2527 and leaves room to count on from any name we accept.
_NAME: Final = re.compile(r"(0[0-9a-f]{7})-([0-9a-f]{4})-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}_[0-9]{12}_[0-9]+")
_UUID_VERSION: Final = 7 << 76
_UUID_VARIANT: Final = 0b10 << 62


def folder(data_dir: Path, group: str) -> Path:
    """Return the folder of a log group, under the one name both its spellings resolve to (LG-2).

    Raises:
        StoreError: no log group can have this name.
    """
    if not groups.is_group_name(group):
        raise StoreError(f"log group {group!r}: use 1 to 512 of a-z A-Z 0-9 . - _ / #")
    # A5: a group's name may hold slashes and dots; a folder's name may not mean anything by them.
    return data_dir / "logs" / quote(groups.resolve(group), safe="").replace(".", "%2E")


def found(data_dir: Path) -> list[str]:
    """Return the names of the log groups in a data directory."""
    return sorted(unquote(path.name) for path in (data_dir / "logs").glob("*") if path.is_dir())


def build(milliseconds: int, account_id: str, number: int, chance: Callable[[int], bytes] = os.urandom) -> str:
    """Return an opaque name: `<time-ordered uuid>_<account>_<n>` (LG-5). `milliseconds` are since the epoch.

    `chance` draws so many bytes.

    Raises:
        StoreError: the account id is not one.
    """
    if not is_account_id(account_id):
        raise StoreError(f"account id {account_id!r}: use 12 digits")
    dice = int.from_bytes(chance(10), "big")
    dice &= ~(0xF << 76 | 0b11 << 62)
    return f"{UUID(int=milliseconds << 80 | _UUID_VERSION | _UUID_VARIANT | dice)}_{account_id}_{number}"


def milliseconds(name: str) -> int:
    """Return the time in a name that `names` found."""
    return int(name[:8] + name[9:13], 16)


def names(group_folder: Path) -> list[str]:
    """Return the log streams of a group, oldest first. Other files are none of ours.

    Raises:
        StoreError: the folder cannot be read.
    """
    try:
        files = [path.name for path in group_folder.iterdir()]
    except FileNotFoundError:
        return []  # LG-4: nothing was written yet
    except OSError as error:
        raise StoreError(f"log group {group_folder} cannot be read: {error.strerror}") from error
    stems = (file.removesuffix(SUFFIX) for file in files if file.endswith(SUFFIX))
    return sorted(stem for stem in stems if _NAME.fullmatch(stem))
