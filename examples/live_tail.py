"""Follows the log as it is written, by CloudWatch Logs' StartLiveTail: `python examples/live_tail.py [NUMBER]`.

It ends after so many records. Where it goes is in the environment: AWS_ENDPOINT_URL, AWS_DEFAULT_REGION and any two
keys.
"""

import json
import sys

import boto3
from botocore.config import Config

GROUP = "arn:aws:logs:us-east-1:123456789012:log-group:AWSIoTLogsV2"
left = int(sys.argv[1]) if sys.argv[1:] else sys.maxsize

logs = boto3.client("logs", config=Config(inject_host_prefix=False))
for event in logs.start_live_tail(logGroupIdentifiers=[GROUP])["responseStream"]:
    if "sessionStart" in event:
        print("following", flush=True)
    for result in event.get("sessionUpdate", {}).get("sessionResults", []):
        entry = json.loads(result["message"])
        name = entry.get("actionType") or entry["eventType"]
        print(entry["timestamp"], entry.get("clientId", "-"), name, entry["status"], flush=True)
        left -= 1
        if left == 0:
            sys.exit()
