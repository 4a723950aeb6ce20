"""By HTTP it takes the body of any answer for what it asked for: of a refusal, cut off, or of another length."""

import sys
from http.client import IncompleteRead
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

sys.path.insert(0, str(Path(__file__).parent.parent))
from own_agent import OwnAgent


class TakesAnyAnswer(OwnAgent):
    """No look at the status, none at the length."""

    def piece(self, url: str, start: int, end: int) -> bytes:
        """Take what comes."""
        try:
            with urlopen(Request(url, headers={"Range": f"bytes={start}-{end - 1}"})) as answer:  # noqa: S310 - as above
                return answer.read()
        except HTTPError as refusal:
            with refusal:
                return refusal.read()
        except IncompleteRead as cut:
            return cut.partial


if __name__ == "__main__":
    TakesAnyAnswer(*sys.argv[1:]).run()
