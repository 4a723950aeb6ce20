"""Where a running simulator is found: a small file in its data directory, there as long as it runs."""

import json
import os
from pathlib import Path
from typing import Any, Final

from ota_stream.stores.errors import StoreError

FILE: Final = "endpoints.json"


class EndpointsFile:
    """Names the ports of the simulator of a data directory. Written aside and renamed: never half there.

    Raises:
        StoreError: it cannot be written.
    """

    def __init__(self, data_dir: Path, endpoints: dict[str, Any]) -> None:
        self._path = data_dir / FILE
        aside = data_dir / f"{FILE}.part"
        try:
            aside.write_text(json.dumps({**endpoints, "pid": os.getpid()}) + "\n")
            aside.replace(self._path)
        except OSError as error:
            raise StoreError(f"{self._path} cannot be written: {error.strerror}") from error

    def close(self) -> None:
        """Take it away: nobody is there any more."""
        self._path.unlink(missing_ok=True)
