"""It downloads by HTTP, and never asks for another URL when the one it has is over."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
from own_agent import OwnAgent


class KeepsTheUrl(OwnAgent):
    """The URL of the first job document, for ever."""

    url = ""

    def url_of(self, job_id: str) -> str:
        """Ask once."""
        self.url = self.url or super().url_of(job_id)
        return self.url


if __name__ == "__main__":
    KeepsTheUrl(*sys.argv[1:]).run()
