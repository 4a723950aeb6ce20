"""It keeps its name in a buffer that is too short, and so takes itself for another thing."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
from own_agent import OwnAgent

NAME_MAX = 17  # characters


class CutsItsName(OwnAgent):
    """The beginning of its name is all it knows."""

    def __init__(self, host: str, port: str, thing: str, *more: str) -> None:
        super().__init__(host, port, thing[:NAME_MAX], *more)


if __name__ == "__main__":
    CutsItsName(*sys.argv[1:]).run()
