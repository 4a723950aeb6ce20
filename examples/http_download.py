"""Takes a job over HTTPS as a gateway device does, and downloads by its presigned URL.

`python examples/http_download.py door-lock-7 copy.bin`, after
`ota-stream update app.bin --target door-lock-7 --protocol HTTP`. Where it goes is in the environment: AWS_ENDPOINT_URL,
AWS_DEFAULT_REGION and any two keys.
"""

import json
import sys
from pathlib import Path
from urllib.request import urlopen

import boto3

thing, path = sys.argv[1:]
jobs = boto3.client("iot-jobs-data")

execution = jobs.start_next_pending_job_execution(thingName=thing).get("execution")
if execution is None:
    sys.exit(f"there is no job for {thing}")
(file,) = json.loads(execution["jobDocument"])["afr_ota"]["files"]
with urlopen(file["update_data_url"], timeout=10) as answer:  # noqa: S310 - http, from the job document
    image = answer.read()
Path(path).write_bytes(image)
jobs.update_job_execution(jobId=execution["jobId"], thingName=thing, status="SUCCEEDED")
print(f"{path}: {len(image)} of {file['filesize']} bytes; {execution['jobId']} is SUCCEEDED")
