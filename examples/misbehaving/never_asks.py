"""It waits to be told of a job, and has not subscribed to anything that tells."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
from own_agent import OwnAgent


class NeverAsks(OwnAgent):
    """Connected, and deaf."""

    def next_job(self) -> dict:
        """Wait."""
        self.connect()
        self.receive(1)
        return {}


if __name__ == "__main__":
    NeverAsks(*sys.argv[1:]).run()
