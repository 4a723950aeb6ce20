"""It runs whatever it was sent, and says that all is well."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
from own_agent import OwnAgent


class BelievesEverything(OwnAgent):
    """No check of signature, version or self test."""

    def fault(self, file: dict, image: bytes) -> str:  # noqa: ARG002
        """Find nothing."""
        return ""


if __name__ == "__main__":
    BelievesEverything(*sys.argv[1:]).run()
