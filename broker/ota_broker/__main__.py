"""`python -m ota_broker -c FILE`: the broker process alone, with the YAML that `amqtt -c` takes too."""

import argparse
import logging
import sys
from pathlib import Path

from ota_broker import process
from ota_broker.simulator import Simulator
from ota_stream.errors import OtaStreamError


def main() -> None:
    """Run the broker until a signal."""
    parser = argparse.ArgumentParser(prog="python -m ota_broker", description="Run the ota-stream broker.")
    parser.add_argument("-c", "--config", type=Path, help="amqtt YAML with the ota_broker plugin; default: no stream")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(message)s")
    try:
        process.run(process.read_config(arguments.config) if arguments.config else process.amqtt_config({}), _ready)
    except OtaStreamError as error:
        sys.exit(f"error: {error}")


def _ready(simulator: Simulator) -> None:
    print(f"ota_broker: MQTT on {simulator.host} port {simulator.port}", flush=True)  # noqa: T201 - what a shell waits for


if __name__ == "__main__":
    main()
