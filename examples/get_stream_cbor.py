"""Downloads a stream in CBOR, by bitmap, as C agents do: `python examples/get_stream_cbor.py app copy.bin [PORT]`.

It asks for what is missing until nothing is; so lost, doubled and reordered blocks do it no harm. Try
`ota-stream faults add drop --share 0.3` meanwhile.
"""

import sys
from pathlib import Path
from queue import Empty, Queue
from typing import Any

import cbor2
import paho.mqtt.client as mqtt

THING, BLOCK_SIZE, WINDOW, PATIENCE = "example-cbor", 4096, 16, 0.5
stream, path, port = (*sys.argv[1:], "1883")[:3]
topic = f"$aws/things/{THING}/streams/{stream}"
answers = Queue[tuple[str, dict[str, Any]]]()

client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, THING, protocol=mqtt.MQTTv311)
client.on_message = lambda _client, _data, message: answers.put((message.topic, cbor2.loads(message.payload)))
client.connect("127.0.0.1", int(port))
client.subscribe([(f"{topic}/{kind}/cbor", 0) for kind in ("description", "data", "rejected")])
client.loop_start()

size = 0
while not size:
    client.publish(f"{topic}/describe/cbor", cbor2.dumps({"c": "1"}))
    try:
        size = answers.get(timeout=PATIENCE)[1]["r"][0]["z"]
    except Empty:
        print("no description; again")

missing = set(range(-(-size // BLOCK_SIZE)))
image, requests = bytearray(size), 0
while missing:
    first = min(missing)
    window = sum(1 << block - first for block in missing if block < first + WINDOW)  # bit 0 is block `first`
    bitmap = window.to_bytes(WINDOW // 8, "little")
    request = {"f": 0, "l": BLOCK_SIZE, "o": first, "n": WINDOW, "b": bitmap}
    client.publish(f"{topic}/get/cbor", cbor2.dumps(request))
    requests += 1
    for _ in range(window.bit_count()):
        try:
            answered, answer = answers.get(timeout=PATIENCE)
        except Empty:
            break  # the rest is lost: ask again
        if "/rejected/" in answered:
            sys.exit(f"{request}: {answer}")
        if "p" in answer:
            begin = answer["i"] * BLOCK_SIZE
            image[begin : begin + answer["l"]] = answer["p"]
            missing.discard(answer["i"])
client.disconnect()
client.loop_stop()
Path(path).write_bytes(image)
print(f"{path}: {size} bytes in {requests} requests")
