"""The records that a worker keeps as JSON lines."""

import json
from pathlib import Path
from typing import Any


def entries(folder: Path) -> list[dict[str, Any]]:
    """Return every record below a folder."""
    return [json.loads(line) for file in folder.rglob("*.jsonl") for line in file.read_text().splitlines()]
