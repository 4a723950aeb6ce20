"""It reports success as soon as it has heard of the job."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
from own_agent import OwnAgent


class Boasts(OwnAgent):
    """No download at all."""

    def do(self, job: dict) -> None:
        """Report."""
        self.report(job["jobId"], "SUCCEEDED", "trust me")


if __name__ == "__main__":
    Boasts(*sys.argv[1:]).run()
