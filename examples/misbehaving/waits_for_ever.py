"""It waits for each answer without an end."""

import sys
from pathlib import Path

from paho.mqtt.client import MQTTMessage

sys.path.insert(0, str(Path(__file__).parent.parent))
from own_agent import OwnAgent


class WaitsForEver(OwnAgent):
    """A request that is never answered is never asked again."""

    def receive(self, seconds: float) -> MQTTMessage | None:  # noqa: ARG002
        """Wait until something comes."""
        while not self.arrived:
            self.client.loop(1)
        return self.arrived.popleft()


if __name__ == "__main__":
    WaitsForEver(*sys.argv[1:]).run()
