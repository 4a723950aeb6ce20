"""It counts what comes instead of looking which block it is, and never asks again."""

import base64
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
from own_agent import BLOCK, OwnAgent


class CountsAnswers(OwnAgent):
    """The next answer is the next block."""

    def download(self, job_id: str, document: dict, file: dict) -> bytes | None:  # noqa: ARG002
        """Put one answer behind the other."""
        topic, image = self.streams + document["streamname"], b""
        self.subscribe(f"{topic}/data/json")
        self.publish(f"{topic}/get/json", {"f": file["fileid"], "l": BLOCK, "o": 0, "n": -(-file["filesize"] // BLOCK)})
        while len(image) < file["filesize"]:
            message = self.receive(1)
            if message is not None and message.topic == f"{topic}/data/json":
                image += base64.b64decode(json.loads(message.payload)["p"])
        return image


if __name__ == "__main__":
    CountsAnswers(*sys.argv[1:]).run()
