"""Moto's own server on a free port, until it is stopped; it prints the port as JSON."""

import json
import logging
import signal
import sys

from moto.server import ThreadedMotoServer

logging.getLogger("werkzeug").setLevel(logging.WARNING)  # no line for each request: we write none either
server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
server.start()
sys.stdout.write(json.dumps({"port": server.get_host_and_port()[1]}) + "\n")
sys.stdout.flush()
signal.pause()
