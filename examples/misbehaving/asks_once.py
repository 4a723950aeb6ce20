"""It asks once for each block, and believes that what it asked for has come."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
from own_agent import BLOCK, OwnAgent


class AsksOnce(OwnAgent):
    """No timer, no second request."""

    def download(self, job_id: str, document: dict, file: dict) -> bytes | None:  # noqa: ARG002
        """Ask for every block, and take what came."""
        topic = self.streams + document["streamname"]
        blocks: dict[int, bytes] = {}
        count = -(-file["filesize"] // BLOCK)
        for first in range(0, count, 8):
            blocks.update(self.fetch(topic, file["fileid"], list(range(first, min(first + 8, count)))) or {})
        return b"".join(blocks[each] for each in sorted(blocks))


if __name__ == "__main__":
    AsksOnce(*sys.argv[1:]).run()
