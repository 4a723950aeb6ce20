"""It ends when the connection does."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
from own_agent import OwnAgent


class GivesUp(OwnAgent):
    """A lost or refused connection is the end."""

    was_connected = False

    def connect(self) -> None:
        """Connect once."""
        if not self.is_connected:
            if self.was_connected:
                sys.exit("the connection is lost")
            self.was_connected = True
            self.client.connect(*self.address, 60)
            while not self.client.is_connected():
                if self.client.loop(1):
                    sys.exit("the connection is refused")
            self.is_connected = True


if __name__ == "__main__":
    GivesUp(*sys.argv[1:]).run()
