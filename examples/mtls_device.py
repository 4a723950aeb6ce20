"""A device with a certificate takes its next job: `python examples/mtls_device.py door-lock-7 certs [PORT]`.

Before: `ota-stream serve --tls`, and `ota-stream certs thing door-lock-7 -o certs`, which writes the three files that
AWS gives you in its console. It may do what its policy allows: what its own thing needs, and nothing else.
"""

import json
import sys
from pathlib import Path
from queue import Queue

import paho.mqtt.client as mqtt

thing, folder, port = (*sys.argv[1:], "8883")[:3]
certs, answers = Path(folder), Queue[dict[str, object]]()

client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, thing, protocol=mqtt.MQTTv5)
client.tls_set(certs / "ca.pem", certs / f"{thing}.cert.pem", certs / f"{thing}.private.key")
client.on_message = lambda _client, _data, message: answers.put(json.loads(message.payload))
client.connect("localhost", int(port))
client.subscribe(f"$aws/things/{thing}/jobs/start-next/accepted", qos=1)
client.publish(f"$aws/things/{thing}/jobs/start-next", "{}", qos=1)
client.loop_start()
execution = answers.get(timeout=10).get("execution")
client.disconnect()
client.loop_stop()
print(f"{thing}: {json.dumps(execution, indent=1) if execution else 'no job'}")
