"""It does everything right and never tells the cloud."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
from own_agent import OwnAgent


class KeepsQuiet(OwnAgent):
    """No report of anything."""

    def report(self, job_id: str, status: str, reason: str) -> None:
        """Say nothing."""


if __name__ == "__main__":
    KeepsQuiet(*sys.argv[1:]).run()
