"""Downloads a stream with paho alone, a block a request: `python examples/get_stream.py app copy.bin [PORT]`.

Nothing here knows the simulator: what it says is what AWS's developer guide says of GetStream in JSON.
"""

import base64
import json
import sys
from pathlib import Path
from queue import Queue
from typing import Any

import paho.mqtt.client as mqtt

THING, BLOCK_SIZE = "example-json", 4096
stream, path, port = (*sys.argv[1:], "1883")[:3]
topic = f"$aws/things/{THING}/streams/{stream}"
answers = Queue[tuple[str, dict[str, Any]]]()

client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, THING, protocol=mqtt.MQTTv311)
client.on_message = lambda _client, _data, message: answers.put((message.topic, json.loads(message.payload)))
client.connect("127.0.0.1", int(port))
client.subscribe([(f"{topic}/{kind}/json", 0) for kind in ("description", "data", "rejected")])
client.loop_start()


def ask(operation: str, request: dict[str, Any]) -> dict[str, Any]:
    client.publish(f"{topic}/{operation}/json", json.dumps(request))
    answered, answer = answers.get(timeout=10)
    if "/rejected/" in answered:
        sys.exit(f"{operation} {request}: {answer}")
    return answer


size = ask("describe", {"c": "1"})["r"][0]["z"]
blocks = -(-size // BLOCK_SIZE)
with Path(path).open("wb") as image:
    for block in range(blocks):
        answer = ask("get", {"f": 0, "l": BLOCK_SIZE, "o": block, "n": 1})
        image.write(base64.b64decode(answer["p"]))
client.disconnect()
client.loop_stop()
print(f"{path}: {size} bytes in {blocks} blocks")
