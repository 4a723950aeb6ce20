#!/usr/bin/env bash
# Makes a job for a device with the AWS CLI and waits until the device has done it:
#   export AWS_ENDPOINT_URL=http://127.0.0.1:4566 AWS_ACCESS_KEY_ID=any AWS_SECRET_ACCESS_KEY=any AWS_DEFAULT_REGION=us-east-1
#   examples/aws_cli_update.sh build/app.bin door-lock-7     and elsewhere: ota-stream device --thing door-lock-7 --once
set -euo pipefail
image=$1 thing=$2 account=123456789012

aws s3 mb s3://locks >/dev/null
aws s3api put-bucket-versioning --bucket locks --versioning-configuration Status=Enabled
version=$(aws s3api put-object --bucket locks --key app.bin --body "$image" --query VersionId --output text)

statement() { echo '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", '"$1"'}]}'; }
aws iam create-role --role-name locks-ota --query Role.Arn --output text --assume-role-policy-document \
  "$(statement '"Principal": {"Service": "iot.amazonaws.com"}, "Action": "sts:AssumeRole"')"
aws iam put-role-policy --role-name locks-ota --policy-name ota --policy-document \
  "$(statement '"Action": ["s3:*", "signer:*", "iot:*", "iam:PassRole"], "Resource": "*"')"
aws signer put-signing-profile --profile-name cli_locks --platform-id AmazonFreeRTOS-Default \
  --signing-material "certificateArn=arn:aws:acm:us-east-1:$account:certificate/locks" \
  --signing-parameters certname=/certs/locks.pem --query arn --output text

aws iot create-thing --thing-name "$thing" --query thingArn --output text
aws iot create-ota-update --ota-update-id cli-1 --protocols MQTT --role-arn "arn:aws:iam::$account:role/locks-ota" \
  --targets "arn:aws:iot:us-east-1:$account:thing/$thing" --query otaUpdateStatus --output text --files '[{
    "fileName": "app.bin",
    "fileLocation": {"s3Location": {"bucket": "locks", "key": "app.bin", "version": "'"$version"'"}},
    "codeSigning": {"startSigningJobParameter": {"signingProfileName": "cli_locks",
      "destination": {"s3Destination": {"bucket": "locks", "prefix": "signed/"}}}}}]'

status=""
until [[ $status =~ ^(SUCCEEDED|FAILED|REJECTED|TIMED_OUT)$ ]]; do
  sleep 0.5
  status=$(aws iot list-job-executions-for-thing --thing-name "$thing" --output text \
    --query 'executionSummaries[0].jobExecutionSummary.status')
done
echo "$thing: $status"
