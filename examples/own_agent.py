"""A small OTA agent of one's own, to be put to the scenarios: JSON over MQTT 3.1.1, with paho; HTTP, when told to.

ota-stream scenario run --agent "python examples/own_agent.py {host} {port} {thing} {flash} {signer}"
ota-stream scenario run --http --agent "python examples/own_agent.py {host} {port} {thing} {flash} {signer} MQTT,HTTP"
"""

import base64
import json
import re
import sys
import time
from collections import deque
from http.client import HTTPException
from pathlib import Path
from urllib.request import Request, urlopen

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

BLOCK = 4096  # bytes
PARTIAL = 206
ASK_AGAIN = 0.2  # seconds
GIVE_UP = 30  # requests without an answer
RUNNING = (0, 9, 0)  # the version of the image it had before


class OwnAgent:
    """Takes its job, downloads, verifies, writes its flash, reports; and again."""

    def __init__(  # noqa: PLR0913, PLR0917 - as they stand on the command line
        self, host: str, port: str, thing: str, flash: str, signer: str, protocols: str = "MQTT"
    ) -> None:
        self.flash, self.signer = Path(flash), Path(signer)
        self.protocols = protocols.split(",")  # the primary one first
        self.running = RUNNING
        self.jobs, self.streams = f"$aws/things/{thing}/jobs/", f"$aws/things/{thing}/streams/"
        self.arrived: deque[MQTTMessage] = deque()
        self.client = Client(CallbackAPIVersion.VERSION2, thing, reconnect_on_failure=False)
        self.client.on_message = lambda _client, _data, message: self.arrived.append(message)
        self.address = host, int(port)
        self.is_connected = False

    def run(self) -> None:
        """Do job after job."""
        while True:
            job = self.next_job()
            if job:
                self.do(job)

    # A job

    def next_job(self) -> dict:
        """Wait for a job and return its execution."""
        answer = self.ask(self.jobs + "start-next", {}, self.jobs + "start-next/accepted")
        execution = answer.get("execution") or {}
        if not execution:
            self.receive(ASK_AGAIN)
        return execution

    def do(self, job: dict) -> None:
        """Download, verify, activate, report."""
        document = job["jobDocument"]["afr_ota"]
        (file,) = document["files"]
        image = self.download(job["jobId"], document, file)
        if image is None:
            return
        why = self.fault(file, image)
        if why:
            self.report(job["jobId"], "FAILED", why)
            return
        self.flash.write_bytes(image)
        self.running = version_of(image) or self.running
        self.report(job["jobId"], "SUCCEEDED", "updated")

    def fault(self, file: dict, image: bytes) -> str:
        """Return what is wrong with an image, or nothing."""
        if "filepath" not in file:
            return "no file name"
        if not self.is_signed(file, image):
            return "signature check failed"
        version = version_of(image)
        if version is None or version <= self.running:
            return "same version or lower version" if version else "the new image did not come up"
        return "the new image did not come up" if b"OTA-SELF-TEST:" in image else ""

    def is_signed(self, file: dict, image: bytes) -> bool:
        """Check the signature with the certificates of the signers."""
        try:
            signature = base64.b64decode(file["sig-sha256-ecdsa"])
            for certificate in x509.load_pem_x509_certificates(self.signer.read_bytes()):
                certificate.public_key().verify(signature, image, ec.ECDSA(hashes.SHA256()))
        except (KeyError, ValueError, TypeError, InvalidSignature):
            return False
        return True

    def report(self, job_id: str, status: str, reason: str) -> None:
        """Tell the cloud how it went, until it has answered."""
        topic = f"{self.jobs}{job_id}/update"
        body = {"status": status, "statusDetails": {"reason": reason}}
        for _ in range(3):
            answer = self.ask(topic, body, f"{topic}/accepted", f"{topic}/rejected")
            if answer.get("code") not in {"InternalError", "RequestThrottled", "VersionMismatch"}:
                return

    # A download

    def download(self, job_id: str, document: dict, file: dict) -> bytes | None:
        """Return the image, or None when the job is over before."""
        protocol = next((each for each in self.protocols if each in document["protocols"]), None)
        if protocol is None:
            self.report(job_id, "FAILED", "no data protocol the device speaks")
            return None
        size = file["filesize"]
        blocks: dict[int, bytes] = {}
        unanswered = 0
        while (missing := [each for each in range(-(-size // BLOCK)) if each not in blocks]) and unanswered < GIVE_UP:
            if not self.is_mine(job_id):
                return None
            if protocol == "HTTP":
                got = self.get(job_id, size, missing[:8])
            else:
                got = self.fetch(self.streams + document["streamname"], file["fileid"], missing[:8])
            if got is None:
                self.report(job_id, "FAILED", "the stream refuses its blocks")
                return None
            unanswered = 0 if got.keys() - blocks.keys() else unanswered + 1
            blocks.update(got)
        if missing:
            self.report(job_id, "FAILED", "no answer to the block requests")
            return None
        return b"".join(blocks[each] for each in sorted(blocks))[:size] if self.is_mine(job_id) else None

    def is_mine(self, job_id: str) -> bool:
        """Ask whether the job is still the one to do."""
        topic = f"{self.jobs}{job_id}/get"
        answer = self.ask(topic, {}, f"{topic}/accepted", f"{topic}/rejected")
        return answer.get("execution", {}).get("status") == "IN_PROGRESS"

    def fetch(self, topic: str, file_id: int, wanted: list[int]) -> dict[int, bytes] | None:
        """Ask for blocks once, and return those that come in time; None when the stream refuses."""
        self.subscribe(f"{topic}/data/json", f"{topic}/rejected/json")
        count = wanted[-1] - wanted[0] + 1
        self.publish(f"{topic}/get/json", {"f": file_id, "l": BLOCK, "o": wanted[0], "n": count})
        blocks: dict[int, bytes] = {}
        until = time.monotonic() + ASK_AGAIN
        while len(blocks) < count and (message := self.receive(until - time.monotonic())) is not None:
            if message.topic == f"{topic}/rejected/json":
                return None
            if message.topic == f"{topic}/data/json":
                block = json.loads(message.payload)
                blocks[block["i"]] = base64.b64decode(block["p"])
        return blocks

    def get(self, job_id: str, size: int, wanted: list[int]) -> dict[int, bytes]:
        """Get blocks by HTTP, a range each, up to the first that is not to be had."""
        url, blocks = self.url_of(job_id), {}
        for number in wanted:
            piece = self.piece(url, number * BLOCK, min((number + 1) * BLOCK, size))
            if piece is None:
                break
            blocks[number] = piece
        return blocks

    def piece(self, url: str, start: int, end: int) -> bytes | None:
        """Get the bytes from `start` up to `end`, all of them or None."""
        try:
            with urlopen(Request(url, headers={"Range": f"bytes={start}-{end - 1}"}), timeout=5) as answer:  # noqa: S310 - the cloud's
                return answer.read() if answer.status == PARTIAL else None  # a server may send the whole, with 200
        except (OSError, HTTPException):  # refused, as by a URL that is over; or cut off
            return None

    def url_of(self, job_id: str) -> str:
        """Ask the job where its image is: each time it tells a URL that is good for a while."""
        topic = f"{self.jobs}{job_id}/get"
        answer = self.ask(topic, {}, f"{topic}/accepted", f"{topic}/rejected")
        return answer["execution"]["jobDocument"]["afr_ota"]["files"][0]["update_data_url"]

    # The connection

    def ask(self, topic: str, body: dict, *answers: str) -> dict:
        """Publish a request and return its answer, asking again until there is one."""
        for _ in range(GIVE_UP):
            self.subscribe(*answers)
            self.publish(topic, body)
            until = time.monotonic() + ASK_AGAIN
            while (message := self.receive(until - time.monotonic())) is not None:
                if message.topic in answers:
                    return json.loads(message.payload)
        return {}

    def subscribe(self, *topics: str) -> None:
        """Subscribe; answers come only after that."""
        self.connect()
        self.client.subscribe([(topic, 1) for topic in topics])

    def publish(self, topic: str, body: dict) -> None:
        """Publish at QoS 1."""
        self.client.publish(topic, json.dumps(body), 1)

    def receive(self, seconds: float) -> MQTTMessage | None:
        """Return the next message, or None when none comes in time."""
        until = time.monotonic() + seconds
        while not self.arrived and (left := until - time.monotonic()) > 0:
            if self.client.loop(min(left, 0.1)):
                self.is_connected = False
                return None
        return self.arrived.popleft() if self.arrived else None

    def connect(self) -> None:
        """Connect, if the connection is lost, as often as it takes."""
        while not self.is_connected:
            try:
                self.client.connect(*self.address, 60)
                until = time.monotonic() + 1
                while not self.client.is_connected() and time.monotonic() < until:
                    if self.client.loop(0.1):
                        break
                self.is_connected = self.client.is_connected()
            except OSError:
                self.is_connected = False
            if not self.is_connected:
                time.sleep(ASK_AGAIN)


def version_of(image: bytes) -> tuple[int, ...] | None:
    """Return the version that an image tells."""
    found = re.search(rb"OTA-VERSION:(\d+)\.(\d+)\.(\d+)", image)
    return tuple(int(each) for each in found.groups()) if found else None


if __name__ == "__main__":
    OwnAgent(*sys.argv[1:]).run()
