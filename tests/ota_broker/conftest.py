"""What the tests of the broker's processes serve."""

from pathlib import Path

import pytest

from images import image_bytes


@pytest.fixture
def firmware(tmp_path: Path) -> Path:
    path = tmp_path / "app.bin"
    path.write_bytes(image_bytes(100_000))
    return path
