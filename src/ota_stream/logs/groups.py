"""The log group's two spellings: the real one and the seed's."""

import re
from typing import Final

REAL: Final = "AWSIotLogsV2"  # LG-1: role policies and user reports, small t
SEED: Final = "AWSIoTLogsV2"  # LG-1: the seed and the FreeRTOS guide

_SPELLINGS: Final = frozenset({REAL, SEED})
_NAME: Final = re.compile(r"[.\-_/#A-Za-z0-9]{1,512}")  # LQ-5


def resolve(name: str) -> str:
    """Return the one name a group is kept under: either spelling finds the same group (LG-2, G-9)."""
    return REAL if name in _SPELLINGS else name


def is_group_name(text: str) -> bool:
    """Tell whether `text` may name a log group (LQ-5)."""
    return _NAME.fullmatch(text) is not None
