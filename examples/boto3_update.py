"""Makes an OTA update with boto3 as one does at AWS: `python examples/boto3_update.py build/app.bin door-lock-7`.

Where it goes is in the environment: AWS_ENDPOINT_URL, AWS_DEFAULT_REGION and any two keys (docs/aws.md).
"""

import json
import sys
import time
from pathlib import Path

import boto3

image, thing = Path(sys.argv[1]), sys.argv[2]
s3, iam, signer, iot = (boto3.client(service) for service in ("s3", "iam", "signer", "iot"))

# A bucket with versions, and the image in it
s3.create_bucket(Bucket="firmware")
s3.put_bucket_versioning(Bucket="firmware", VersioningConfiguration={"Status": "Enabled"})
version = s3.put_object(Bucket="firmware", Key=image.name, Body=image.read_bytes())["VersionId"]

# The role that AWS IoT acts in, and the profile that signs
trust = {"Effect": "Allow", "Principal": {"Service": "iot.amazonaws.com"}, "Action": "sts:AssumeRole"}
rights = {"Effect": "Allow", "Action": ["s3:*", "signer:*", "iot:*", "iam:PassRole"], "Resource": "*"}
trusted, allowed = (json.dumps({"Version": "2012-10-17", "Statement": [each]}) for each in (trust, rights))
role = iam.create_role(RoleName="ota", AssumeRolePolicyDocument=trusted)["Role"]["Arn"]
iam.put_role_policy(RoleName="ota", PolicyName="ota", PolicyDocument=allowed)
signer.put_signing_profile(
    profileName="locks",
    platformId="AmazonFreeRTOS-Default",
    signingMaterial={"certificateArn": "arn:aws:acm:us-east-1:123456789012:certificate/locks"},
    signingParameters={"certname": "/certs/locks.pem"},
)

# A device, and an update for it
target = iot.create_thing(thingName=thing)["thingArn"]
iot.create_ota_update(
    otaUpdateId="u1",
    targets=[target],
    protocols=["MQTT"],
    roleArn=role,
    files=[
        {
            "fileName": "app.bin",
            "fileLocation": {"s3Location": {"bucket": "firmware", "key": image.name, "version": version}},
            "codeSigning": {
                "startSigningJobParameter": {
                    "signingProfileName": "locks",
                    "destination": {"s3Destination": {"bucket": "firmware", "prefix": "signed/"}},
                }
            },
        }
    ],
)
while (update := iot.get_ota_update(otaUpdateId="u1")["otaUpdateInfo"])["otaUpdateStatus"].endswith(
    ("ING", "PROGRESS")
):
    time.sleep(0.2)
print(update["otaUpdateStatus"], update.get("awsIotJobId") or update["errorInfo"])
